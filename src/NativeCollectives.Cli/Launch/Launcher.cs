using System.Diagnostics;
using System.Text;
using NativeCollectives.Cli.Hosts;
using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Launch;

/// <summary>Launches a job, again if it fails and that is wished, and leaves nothing behind.</summary>
internal sealed class Launcher(LaunchOptions options) : IDisposable
{
    private readonly Interruption _interruption = new();
    private readonly StandardInput _input = new();
    private readonly ToolStream _output = new(StandardStreams.Output);
    private readonly ToolStream _errors = new(StandardStreams.Errors);

    /// <summary>Runs the job.</summary>
    /// <returns>The tool's exit code.</returns>
    /// <exception cref="ToolException">The job cannot be started.</exception>
    public Task<int> RunAsync(CancellationToken cancellationToken) =>
        Task.Factory.StartNew(Run, cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    public void Dispose() => _interruption.Dispose();

    private int Run()
    {
        var planner = new JobPlanner(options, LaunchBackend.Choose(options.Backend, options.HostFile?.Backend));
        Orphans.Adopt();
        HashSet<string> built = [];
        var clock = Stopwatch.StartNew();
        for (var attempt = 0; ; attempt++)
        {
            using var ports = new FreePorts();
            List<RankPlan> plans = [];
            foreach (var plan in planner.Plan(ports, attempt))
            {
                if (!plan.Host.IsLocal || DotnetRun.Parse(plan.Command) is not { } dotnet)
                {
                    plans.Add(plan);
                    continue;
                }

                plans.Add(plan with { Command = dotnet.Run });
                var isNew = built.Add($"{plan.Folder}\0{string.Join('\0', dotnet.Build)}");
                if (isNew && Build(plan with { Command = dotnet.Build }, options.Timeout - clock.Elapsed) is not ExitCodes.Success and var code)
                {
                    return code;
                }
            }

            var result = RunOnce(plans, ports, options.Timeout - clock.Elapsed);
            if (result.Message is { } message)
            {
                Say(message);
            }

            if (!result.CanRestart || attempt >= options.Restarts || _interruption.First is not null)
            {
                return result.ExitCode;
            }

            Say($"the job starts again ({attempt + 1} of {options.Restarts})");
        }
    }

    private JobResult RunOnce(IReadOnlyList<RankPlan> plans, FreePorts ports, TimeSpan? timeLeft)
    {
        var temporary = Directory.CreateTempSubdirectory("collectives-launch-").FullName;
        try
        {
            if (options.IsVerbose)
            {
                foreach (var plan in plans)
                {
                    var variables = plan.Variables.Select(variable => $"{variable.Key}={variable.Value}");
                    Say($"rank {plan.Rank} on {plan.Host.Ssh}: {ShellQuoting.Join(variables.Concat(plan.Command))}");
                }
            }

            ports.Dispose();
            using var guard = new Guard(temporary, options.GracePeriod);
            using var job = new Job(plans, options, temporary, new SshShell(), guard);
            _interruption.Tell(job.Interrupt);
            PassInput(job.Ranks);
            var result = job.Run(_output, _errors, timeLeft);
            _interruption.Tell(null);
            return result;
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }
    }

    private void PassInput(IReadOnlyList<Rank> ranks)
    {
        // A terminal that belongs to another job is left alone: reading would stop this process.
        var count = options.Input == InputTarget.None || !StandardStreams.IsInputUsable() ? 0 : options.Input == InputTarget.All ? ranks.Count : 1;
        foreach (var rank in ranks.Skip(count))
        {
            rank.CloseInput();
        }

        if (count > 0)
        {
            _input.PassTo([.. ranks.Take(count)]);
        }
    }

    /// <summary>Builds what the ranks are going to run.</summary>
    private int Build(RankPlan plan, TimeSpan? timeLeft)
    {
        if (options.IsVerbose)
        {
            Say($"builds once for all ranks: {ShellQuoting.Join(plan.Command)}");
        }

        using var build = ChildProcess.Start(ProcessStart.Of(plan.Command, LocalRank.Inherited(), LocalRank.Folder(plan)) with { IsOutputToErrors = true });
        _interruption.Tell(_ => build.Signal(Signals.Terminate));
        var isLate = false;
        ProcessEnd end;
        var wait = timeLeft is { } left ? (int)Math.Clamp(left.TotalMilliseconds, 0, int.MaxValue) : Timeout.Infinite;
        using (new Timer(_ => EndLate(), null, wait, Timeout.Infinite))
        {
            end = build.Wait();
        }

        _interruption.Tell(null);
        if (_interruption.First is { } signal)
        {
            Orphans.End(options.GracePeriod);
            return ExitCodes.Signalled + signal;
        }

        if (Volatile.Read(ref isLate))
        {
            Orphans.End(options.GracePeriod);
            Say($"the program was not built within {Duration.Describe(options.Timeout!.Value)}");
            return ExitCodes.TimedOut;
        }

        if (end.ExitCode != ExitCodes.Success)
        {
            Say($"the program could not be built: {ShellQuoting.Join(plan.Command)} {end}");
        }

        return end.ExitCode;

        void EndLate()
        {
            Volatile.Write(ref isLate, true);
            build.Signal(Signals.Kill);
        }
    }

    private void Say(string message) => _errors.Write(Encoding.UTF8.GetBytes($"collectives: {message}\n"));
}
