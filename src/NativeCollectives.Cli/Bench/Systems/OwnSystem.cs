using System.IO.Pipes;
using System.Reflection;

namespace NativeCollectives.Cli.Bench;

/// <summary>This library, its ranks on this machine: this program, started again.</summary>
internal abstract class OwnSystem : IBenchmarkSystem
{
    // Everything is compiled once and fully, and nothing but the measured operations runs beside them.
    private static readonly IReadOnlyDictionary<string, string> _runtime = new Dictionary<string, string>
    {
        ["DOTNET_TieredCompilation"] = "0",
        ["DOTNET_gcConcurrent"] = "0",
    };

    public static string OwnName => "native-collectives";

    public static string OwnVersion { get; } =
        typeof(DistributedGroup)
            .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()
            ?.InformationalVersion
        ?? "unknown";

    public string Name => OwnName;

    public string Version => OwnVersion;

    public abstract Task MeasureAsync(
        BenchmarkJob job,
        Action<BenchmarkCase, Measurement> measured,
        CancellationToken cancellationToken
    );

    /// <summary>Runs the ranks.</summary>
    /// <param name="job">What they measure.</param>
    /// <param name="placeOf">Where each is in its group.</param>
    /// <param name="environmentOf">The variables that each gets; <see langword="null"/>: none.</param>
    /// <param name="measured">Is given the measurements.</param>
    /// <param name="cancellationToken">Ends them.</param>
    protected static async Task RunAsync(
        BenchmarkJob job,
        Func<int, RankPlace> placeOf,
        Func<int, IReadOnlyDictionary<string, string>>? environmentOf,
        Action<BenchmarkCase, Measurement> measured,
        CancellationToken cancellationToken
    )
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(job.Deadline);
        using var results = new AnonymousPipeServerStream(PipeDirection.In, HandleInheritability.Inheritable);
        IReadOnlyList<RankCase> cases = [.. job.Cases.Select(RankCase.Of)];
        List<ProcessLaunch> launches =
        [
            .. Enumerable
                .Range(0, job.Ranks)
                .Select(rank =>
                {
                    var order = new RankJob(
                        rank,
                        placeOf(rank),
                        job.Memory,
                        cases,
                        job.Pace,
                        job.Deadline,
                        rank == 0 ? results.GetClientHandleAsString() : null
                    );
                    Dictionary<string, string> environment = new(_runtime);
                    foreach (
                        (string name, string value) in environmentOf?.Invoke(rank) ?? new Dictionary<string, string>()
                    )
                    {
                        environment[name] = value;
                    }

                    return new ProcessLaunch($"rank {rank}", Self.Program, Self.Arguments, order.ToJson(), environment);
                }),
        ];

        string late = FormattableString.Invariant(
            $"The ranks did not report a measurement within {job.Deadline.TotalSeconds} s; --timeout gives them longer."
        );
        Task<string> ranks = ProcessSet.RunAsync(launches, limit, late, cancellationToken);
        results.DisposeLocalCopyOfClientHandle(); // the ranks have theirs; the pipe ends with them
        Task<bool> reading = ReadAsync(results, job, measured, () => limit.CancelAfter(job.Deadline), limit.Token);
        if (await Task.WhenAny(ranks, reading) == reading && reading.IsFaulted)
        {
            await limit.CancelAsync();
            await ((Task)ranks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await reading;
        }

        await ranks;
        if (!await reading)
        {
            throw new ToolException("Rank 0 ended without having reported everything that it was to measure.");
        }
    }

    /// <summary>Reads what rank 0 reports; returns whether that was everything.</summary>
    private static async Task<bool> ReadAsync(
        Stream results,
        BenchmarkJob job,
        Action<BenchmarkCase, Measurement> measured,
        Action extend,
        CancellationToken cancellationToken
    )
    {
        using var reader = new StreamReader(results, leaveOpen: true);
        foreach (BenchmarkCase one in job.Cases)
        {
            foreach (long count in one.Counts)
            {
                if (await reader.ReadLineAsync(cancellationToken) is not { } line)
                {
                    return false;
                }

                if (
                    Measurement.Parse(line) is not { } measurement
                    || (measurement.Unsupported is null && measurement.Count != count)
                )
                {
                    throw new ToolException(
                        $"Rank 0 should have reported {one.Operation.Name} of {count} elements, but reported: {line}"
                    );
                }

                extend();
                measured(one, measurement);
                if (measurement.Unsupported is not null)
                {
                    break;
                }
            }
        }

        return true;
    }

    /// <summary>How this program is started again.</summary>
    private static class Self
    {
        public static string Program { get; } =
            Environment.ProcessPath ?? throw new ToolException("The path of this program is unknown.");

        public static IReadOnlyList<string> Arguments { get; } =
            Path.GetFileNameWithoutExtension(Program) == "dotnet"
                ? [Assembly.GetEntryAssembly()!.Location, .. RankProgram.Arguments]
                : RankProgram.Arguments;
    }
}
