using System.Collections.Concurrent;
using System.Diagnostics;
using NativeCollectives.Cli.Hosts;
using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Launch;

/// <summary>The ranks of one start of a job, from their start until nothing of them is left.</summary>
internal sealed class Job : IDisposable
{
    /// <summary>A rank that ended well may leave children that are about to end, such as the tee of a pipeline; after this they are asked to.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromMilliseconds(200);

    /// <summary>For those that have left their group, when the ranks have had their time.</summary>
    private static readonly TimeSpan _shortGrace = TimeSpan.FromMilliseconds(100);

    /// <summary>How long the end of what was killed is waited for, and that of the output.</summary>
    private static readonly TimeSpan _lastWait = TimeSpan.FromSeconds(3);

    private readonly LaunchOptions _options;
    private readonly Guard _guard;
    private readonly List<Rank> _ranks = [];
    private readonly List<Thread> _readers = [];
    private readonly ConcurrentBag<Thread> _signallers = [];
    private readonly BlockingCollection<JobEvent> _events = [];
    private bool _isEnding;
    private bool _isKilled;
    private TimeSpan? _deadline;

    /// <summary>Starts the ranks.</summary>
    /// <param name="plans">What to start.</param>
    /// <param name="options">The command line.</param>
    /// <param name="temporary">The folder for files of the local ranks.</param>
    /// <param name="shell">By what remote ranks are ended.</param>
    /// <param name="guard">What ends the ranks if the tool does not live to do it.</param>
    /// <exception cref="ToolException">One cannot be started; none is left then.</exception>
    public Job(IReadOnlyList<RankPlan> plans, LaunchOptions options, string temporary, IRemoteShell shell, Guard guard)
    {
        _options = options;
        _guard = guard;

        // Whatever lacks is found before anything runs.
        var starts = plans.Select(plan => plan.Host.IsLocal ? LocalRank.Prepare(plan, temporary) : null).ToList();
        try
        {
            foreach (var (plan, start) in plans.Zip(starts))
            {
                _ranks.Add(start is null ? RemoteRank.Start(plan, options.GracePeriod, shell) : new LocalRank(plan, start));
                guard.Add(_ranks[^1].Process.Id);
            }
        }
        catch
        {
            foreach (var rank in _ranks)
            {
                rank.Kill();
                rank.Wait();
                rank.Dispose();
            }

            throw;
        }
    }

    public IReadOnlyList<Rank> Ranks => _ranks;

    /// <summary>Tells the job of a signal to the tool: the first ends it in an orderly way, the next at once.</summary>
    public void Interrupt(int signal) => _events.Add(new JobEvent.Interrupted(signal));

    /// <summary>Waits for its end, and ends it if a rank fails, the time is up, or somebody asks for it.</summary>
    /// <param name="output">The tool's standard output.</param>
    /// <param name="errors">Its standard error stream.</param>
    /// <param name="timeLeft">How long it may take; null: for ever.</param>
    public JobResult Run(ToolStream output, ToolStream errors, TimeSpan? timeLeft)
    {
        output.Broken = () => _events.Add(new JobEvent.Interrupted(Signals.BrokenPipe));
        Watch(output, errors);

        JobResult? result = null;
        var clock = Stopwatch.StartNew();
        _deadline = timeLeft;
        var gone = 0;
        while (gone < _ranks.Count)
        {
            switch (Next(clock))
            {
                case JobEvent.Ended { End.ExitCode: not 0 } ended when !_isEnding:
                    var failure = new RankFailure(ended.Rank, ended.End).Describe();
                    result = new JobResult(ended.End.ExitCode, _ranks.Count == 1 ? failure : $"{failure}; the other ranks were ended", true);
                    End(clock);
                    break;
                case JobEvent.Gone:
                    gone++;
                    break;
                case JobEvent.Interrupted interrupted when !_isEnding:
                    result = new JobResult(ExitCodes.Signalled + interrupted.Signal, null, false);
                    End(clock);
                    break;
                case JobEvent.Interrupted interrupted when interrupted.Signal != Signals.BrokenPipe:
                    Kill(clock);
                    break;
                case null when !_isEnding:
                    result = new JobResult(ExitCodes.TimedOut, $"the job took longer than {Duration.Describe(_options.Timeout!.Value)} and was ended", false);
                    End(clock);
                    break;
                case null when !_isKilled:
                    Kill(clock);
                    break;
                case null:
                    var left = string.Join(", ", _ranks.Where(rank => !rank.HasEnded).Select(rank => $"{rank.Plan.Rank} (process {rank.Process.Id})"));
                    Finish();
                    return (result ?? default) with { Message = $"{result?.Message ?? "the job was ended"}; rank {left} cannot be killed" };
            }
        }

        Finish();
        return result ?? new JobResult(ExitCodes.Success, null, false);
    }

    public void Dispose() => _ranks.ForEach(rank => rank.Dispose());

    private JobEvent? Next(Stopwatch clock)
    {
        var wait = _deadline - clock.Elapsed is { } left ? Math.Clamp(left.TotalMilliseconds, 0, int.MaxValue) : Timeout.Infinite;
        return _events.TryTake(out JobEvent? next, (int)wait) ? next : _deadline > clock.Elapsed ? Next(clock) : null;
    }

    private void End(Stopwatch clock)
    {
        _isEnding = true;
        _deadline = clock.Elapsed + _options.GracePeriod;
        Orphans.Terminate([_guard.Id, .. _ranks.Select(rank => rank.Process.Id)]);
        Signal(rank => rank.Terminate());
    }

    private void Kill(Stopwatch clock)
    {
        _isKilled = true;
        _deadline = clock.Elapsed + _lastWait + (_ranks.Exists(rank => rank is RemoteRank) ? TimeSpan.FromSeconds(20) : TimeSpan.Zero);
        Signal(rank => rank.Kill());
    }

    /// <summary>
    /// Local ranks are signalled at once, each remote one on a thread of its own: a host that does not answer must not keep the others waiting.
    /// </summary>
    private void Signal(Action<Rank> signal)
    {
        foreach (var rank in _ranks.Where(rank => !rank.HasEnded))
        {
            if (rank is LocalRank)
            {
                signal(rank);
            }
            else
            {
                _signallers.Add(Start($"signal to rank {rank.Plan.Rank}", () => signal(rank)));
            }
        }
    }

    private void Watch(ToolStream output, ToolStream errors)
    {
        var outputSettings = OutputSettings.Of(_options, StandardStreams.Output);
        var errorSettings = OutputSettings.Of(_options, StandardStreams.Errors);
        foreach (var rank in _ranks)
        {
            var number = rank.Plan.Rank;
            var standardOutput = new RankOutput(output.Write, outputSettings.Prefix(number, _ranks.Count), _ranks.Count == 1);
            var standardErrors = new RankOutput(errors.Write, errorSettings.Prefix(number, _ranks.Count), _ranks.Count == 1);
            _readers.Add(Start(
                $"output of rank {number}", () => Pass(rank.Process.Output, bytes => standardOutput.Append(rank.Filter(bytes)), standardOutput)));
            _readers.Add(Start($"errors of rank {number}", () => Pass(rank.Process.Errors, standardErrors.Append, standardErrors)));
            Start($"end of rank {number}", () => WaitFor(rank));
        }
    }

    private void WaitFor(Rank rank)
    {
        var end = rank.Wait();
        _events.Add(new JobEvent.Ended(rank, end));
        rank.EndGroup(end.ExitCode == 0 ? _patience : TimeSpan.Zero, _options.GracePeriod);
        _events.Add(new JobEvent.Gone());
    }

    private static void Pass(Stream stream, Action<ReadOnlySpan<byte>> append, RankOutput output)
    {
        var buffer = new byte[1 << 16];
        try
        {
            while (stream.Read(buffer) is > 0 and var count)
            {
                append(buffer.AsSpan(0, count));
            }
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException)
        {
            // The job is over, and somebody who has left it holds the stream open.
        }

        output.End();
    }

    private void Finish()
    {
        var clock = Stopwatch.StartNew();
        Join(_signallers);
        Orphans.End(_isEnding ? _shortGrace : _options.GracePeriod, _guard.Id);
        Join(_readers);

        void Join(IEnumerable<Thread> threads)
        {
            foreach (var thread in threads)
            {
                thread.Join(TimeSpan.FromMilliseconds(Math.Max(0, (_lastWait - clock.Elapsed).TotalMilliseconds)));
            }
        }
    }

    private static Thread Start(string name, Action action)
    {
        var thread = new Thread(() => action(), 256 * 1024) { IsBackground = true, Name = name };
        thread.Start();
        return thread;
    }
}
