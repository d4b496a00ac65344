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
        if (options.Input.Rank >= planner.Hosts.Count)
        {
            throw ToolException.Usage(
                $"--stdin is {options.Input.Rank}, but the ranks are 0 to {planner.Hosts.Count - 1}"
            );
        }

        if (options.IsDryRun)
        {
            return DryRun(planner);
        }

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
                if (
                    isNew
                    && Build(plan with { Command = dotnet.Build }, options.Timeout - clock.Elapsed)
                        is not ExitCodes.Success
                            and var code
                )
                {
                    return code;
                }
            }

            var result = RunOnce(plans, ports, options.Timeout - clock.Elapsed);
            foreach (var message in result.Messages)
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

    private int DryRun(JobPlanner planner)
    {
        using var ports = new FreePorts();
        var text = new StringBuilder();
        foreach (var plan in planner.Plan(ports))
        {
            if (plan.Host.IsLocal)
            {
                // Whether it could be started.
                _ = ProcessStart.Of(plan.Command, LocalRank.Inherited(), LocalRank.Folder(plan));
            }

            text.Append(plan.Describe(Path.Combine(Path.GetTempPath(), "collectives-launch-XXXXXX"))).Append('\n');
            if (plan is { Rank: 0, File: { } file })
            {
                text.Append($"{file.Key} is a file of: {Shown.Text(file.Value, 4000)}\n");
            }
        }

        Console.Out.Write(text);
        return ExitCodes.Success;
    }

    private JobResult RunOnce(IReadOnlyList<RankPlan> plans, FreePorts ports, TimeSpan? timeLeft)
    {
        using var temporary = new TemporaryFolder("collectives-launch-");
        if (options.IsVerbose)
        {
            foreach (var plan in plans)
            {
                Say(plan.Describe(temporary.FullPath));
            }
        }

        ports.Dispose();
        var mark = Guid.NewGuid().ToString("N");
        using var guard = new Guard(temporary.FullPath, mark, options.GracePeriod);
        using var job = new Job(plans, options, temporary.FullPath, mark, new SshShell(), guard);
        _interruption.Tell(job.Interrupt);
        PassInput(job.Members);
        var result = job.Run(_output, _errors, timeLeft);
        _interruption.Tell(null);
        return result;
    }

    private void PassInput(IReadOnlyList<Rank> ranks)
    {
        // A terminal that belongs to another job is left alone: reading would stop this process.
        Rank[] readers = StandardStreams.IsInputUsable()
            ? [.. ranks.Where(rank => options.Input.Includes(rank.Plan.Rank))]
            : [];
        foreach (var rank in ranks.Except(readers))
        {
            rank.CloseInput();
        }

        if (readers.Length > 0)
        {
            _input.PassTo(readers);
        }
    }

    /// <summary>Builds what the ranks are going to run.</summary>
    private int Build(RankPlan plan, TimeSpan? timeLeft)
    {
        if (options.IsVerbose)
        {
            Say($"builds once for all ranks: {ShellQuoting.Join(plan.Command)}");
        }

        using var build = ChildProcess.Start(
            ProcessStart.Of(plan.Command, LocalRank.Inherited(), LocalRank.Folder(plan)) with
            {
                IsOutputToErrors = true,
            }
        );
        _interruption.Tell(signal =>
        {
            if (!Interruption.IsForRanks(signal))
            {
                build.Signal(Signals.Terminate);
            }
        });
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
