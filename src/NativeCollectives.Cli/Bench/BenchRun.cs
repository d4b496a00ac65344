using System.Globalization;
using Spectre.Console;

namespace NativeCollectives.Cli.Bench;

/// <summary>Measures a plan, and reports.</summary>
/// <param name="plan">What is measured.</param>
/// <param name="pace">How often.</param>
/// <param name="table">Where the lines go.</param>
/// <param name="progress">Where it is told what is under way.</param>
internal sealed class BenchRun(BenchPlan plan, Pace pace, ResultTable table, ProgressLine progress)
{
    private Row? _outOfPlace;

    public BenchResult Result { get; } =
        new(
            new BenchConditions(
                DateTimeOffset.Now,
                string.Join(' ', Environment.GetCommandLineArgs().Skip(1).Prepend("collectives")),
                new MachineDescription(),
                new Dictionary<string, string> { [plan.System.Name] = plan.System.Version }
            )
        );

    /// <summary>
    /// Measures everything. What has been measured before a failure is in <see cref="Result"/> all the same.
    /// </summary>
    public async Task MeasureAsync(CancellationToken cancellationToken)
    {
        Introduce();
        try
        {
            foreach (BenchmarkJob job in plan.Jobs)
            {
                int next = 0;
                Announce(job, next);
                await plan.System.MeasureAsync(
                    job,
                    (one, measurement) =>
                    {
                        progress.Clear();
                        Report(job, one, measurement, next + 1 < job.Cases.Count ? job.Cases[next + 1] : null);
                        progress.Advance();
                        Announce(job, ++next);
                    },
                    cancellationToken
                );
            }

            Result.Complete = true;
        }
        finally
        {
            progress.Clear();
            table.Summary(Result);
        }
    }

    private void Announce(BenchmarkJob job, int index)
    {
        if (index < job.Cases.Count)
        {
            BenchmarkCase one = job.Cases[index];
            progress.Show(
                $"{SectionOf(job, one)}: {DataTypes.NameOf(one.Type)}, "
                    + $"{ByteSize.Format(one.Bytes(job.Ranks, one.Counts[0]))}"
            );
        }
    }

    // The out-of-place measurement waits for the in-place one of the same size, and goes beside it.
    private void Report(BenchmarkJob job, BenchmarkCase one, Measurement measurement, BenchmarkCase? next)
    {
        if (measurement.Unsupported is { } reason)
        {
            string sentence = $"Left out: {reason}";
            if (!Result.LeftOut.Contains(sentence))
            {
                Result.LeftOut.Add(sentence);
                table.Comment(sentence);
            }

            return;
        }

        Row row = Row.Of(plan.System, job, one, measurement);
        Result.Rows.Add(row);
        if (
            !one.InPlace
            && next is { InPlace: true }
            && next with { InPlace = false, Counts = one.Counts } == one
            && next.Counts[0] == one.Counts[0]
        )
        {
            _outOfPlace = row;
            return;
        }

        table.Add(one.InPlace ? _outOfPlace : row, one.InPlace ? row : null, SectionOf(job, one));
        _outOfPlace = null;
    }

    private void Introduce()
    {
        BenchConditions conditions = Result.Conditions;
        MachineDescription machine = conditions.Machine;
        table.Comment(conditions.Command);
        table.Comment(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{plan.System.Name} {plan.System.Version}, {conditions.Date:yyyy-MM-dd HH:mm:ss zzz}, {machine.Name}: "
                    + $"{machine.Cores} cores "
            ) + $"({machine.Processor ?? machine.Architecture}), {machine.Runtime}, {machine.System}"
        );
        foreach (string note in plan.Notes)
        {
            table.Comment(note.TrimEnd('.') + ".");
        }

        string often =
            pace.Iterations > 0
                ? Operations(pace.Iterations)
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"operations for about {pace.Seconds} s ({Pace.MinIterations} to {Pace.MaxIterations})"
                );
        string warmUp =
            pace.WarmUp is { } times ? Operations(times)
            : pace.Iterations > 0 ? "a tenth as many"
            : string.Create(CultureInfo.InvariantCulture, $"{Pace.WarmUpSeconds} s");
        table.Comment(
            $"Each line: {often}, after {warmUp} of warm-up; one operation before and one after is checked, every "
                + $"element on every rank."
        );
    }

    private static string Operations(int number) => number == 1 ? "1 operation" : $"{number} operations";

    private static string SectionOf(BenchmarkJob job, BenchmarkCase one)
    {
        Links links = job.Links;
        IEnumerable<string?> parts =
        [
            one.Operation.Name,
            job.Ranks == 1 ? "1 rank" : $"{job.Ranks} ranks",
            job.Transport,
            links.Sockets is { } sockets
                ? $"{sockets} {(sockets == 1 ? "connection" : "connections")} between neighbours"
                : null,
            links.Topology is { } topology ? (topology == VerbsTopology.Ring ? "ring" : "mesh") : null,
            links.Wires is { } wires ? $"{wires} {(wires == 1 ? "wire" : "wires")}" : null,
        ];
        return string.Join(", ", parts.OfType<string>());
    }
}

/// <summary>What is being measured, in one line at the bottom of the terminal.</summary>
/// <param name="console">
/// The standard error stream; <see langword="null"/>: it is no terminal, and nothing is shown.
/// </param>
/// <param name="total">How many measurements there will be.</param>
internal sealed class ProgressLine(IAnsiConsole? console, int total)
{
    private readonly IAnsiConsole? _console = console?.Profile.Capabilities.Ansi == true ? console : null;
    private int _done;

    public void Show(string what)
    {
        Clear();
        _console?.Markup($"[grey][[{_done + 1}/{total}]] {what.EscapeMarkup()}[/]");
    }

    public void Advance() => _done++;

    /// <summary>Makes room for a line on the standard output.</summary>
    public void Clear() => _console?.Write(new ControlCode("\r\u001b[2K"));
}
