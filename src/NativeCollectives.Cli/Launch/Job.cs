using System.Collections.Concurrent;
using System.Diagnostics;
using NativeCollectives.Cli.Hosts;
using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Launch;

/// <summary>The ranks of one start of a job, from their start until nothing of them is left.</summary>
internal sealed class Job : IDisposable
{
    /// <summary>
    /// A rank that ended well may leave children that are about to end, such as the tee of a pipeline; after this they
    /// are asked to.
    /// </summary>
    private static readonly TimeSpan _patience = TimeSpan.FromMilliseconds(200);

    /// <summary>For those that have left their group, when the ranks have had their time.</summary>
    private static readonly TimeSpan _shortGrace = TimeSpan.FromMilliseconds(100);

    /// <summary>How long the end of what was killed is waited for, and that of the output.</summary>
    private static readonly TimeSpan _lastWait = TimeSpan.FromSeconds(3);

    /// <summary>
    /// After the first signal another one soon is the same wish, told twice: timeout(1) signals its child and then its
    /// group.
    /// </summary>
    private static readonly TimeSpan _sameWish = TimeSpan.FromSeconds(1);

    /// <summary>On a terminal the beginning of a line is shown after this time, or twice.</summary>
    private static readonly TimeSpan _untilShown = TimeSpan.FromMilliseconds(150);

    private readonly LaunchOptions _options;
    private readonly Guard _guard;
    private readonly List<Rank> _ranks = [];
    private readonly List<Thread> _readers = [];
    private readonly ConcurrentBag<Thread> _signallers = [];
    private readonly BlockingCollection<JobEvent> _events = [];
    private readonly List<RankEnd> _ends = [];
    private readonly List<RankOutput> _shown = [];
    private readonly Stopwatch _clock = new();
    private Phase _phase;
    private TimeSpan? _deadline;
    private TimeSpan _endingSince;
    private int _interrupts;
    private Timer? _showing;

    private enum Phase
    {
        Running,

        /// <summary>A rank has failed; the others get a moment to end by themselves, so that it is seen why.</summary>
        Failing,

        /// <summary>The ranks have been asked to end.</summary>
        Ending,

        Killed,
    }

    /// <summary>Starts the ranks.</summary>
    /// <param name="plans">What to start.</param>
    /// <param name="options">The command line.</param>
    /// <param name="temporary">The folder for files of the local ranks.</param>
    /// <param name="mark">By which the local ranks' processes are known: <see cref="Guard.MarkVariable"/>.</param>
    /// <param name="shell">By what remote ranks are ended.</param>
    /// <param name="guard">What ends the ranks if the tool does not live to do it.</param>
    /// <exception cref="ToolException">One cannot be started; none is left then.</exception>
    public Job(
        IReadOnlyList<RankPlan> plans,
        LaunchOptions options,
        string temporary,
        string mark,
        IRemoteShell shell,
        Guard guard
    )
    {
        _options = options;
        _guard = guard;

        // Whatever lacks is found before anything runs.
        var starts = plans.Select(plan => plan.Host.IsLocal ? LocalRank.Prepare(plan, temporary, mark) : null).ToList();
        try
        {
            foreach (var (plan, start) in plans.Zip(starts))
            {
                _ranks.Add(
                    start is null ? RemoteRank.Start(plan, options.GracePeriod, shell) : new LocalRank(plan, start)
                );
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

    public IReadOnlyList<Rank> Members => _ranks;

    /// <summary>
    /// Tells the job of a signal to the tool: the first ends it in an orderly way, a second Ctrl-C at once; some are
    /// the ranks' affair.
    /// </summary>
    public void Interrupt(int signal) => _events.Add(new JobEvent.Interrupted(signal));

    /// <summary>Waits for its end, and ends it if a rank fails, the time is up, or somebody asks for it.</summary>
    /// <param name="output">The tool's standard output.</param>
    /// <param name="errors">Its standard error stream.</param>
    /// <param name="timeLeft">How long it may take; null: for ever.</param>
    public JobResult Run(ToolStream output, ToolStream errors, TimeSpan? timeLeft)
    {
        output.Broken = error => _events.Add(new JobEvent.OutputBroken(error));
        Watch(output, errors);

        JobResult? result = null;
        _clock.Start();
        _deadline = timeLeft;
        var gone = 0;
        while (gone < _ranks.Count)
        {
            JobEvent? next = Next();
            switch (next)
            {
                case JobEvent.Ended ended:
                    _ends.Add(new RankEnd(ended.Rank, ended.End, _phase >= Phase.Ending));
                    if (_phase == Phase.Running && ended.End.ExitCode != ExitCodes.Success)
                    {
                        _phase = Phase.Failing;
                        _deadline = _clock.Elapsed + _options.Patience;
                    }

                    break;
                case JobEvent.Gone:
                    gone++;
                    break;
                case JobEvent.Interrupted { Signal: var signal } when Interruption.IsForRanks(signal):
                    Signal(rank => rank.Signal(signal));
                    break;
                case JobEvent.Interrupted { Signal: var signal }:
                    _interrupts += signal == Signals.Interrupt ? 1 : 0;
                    if (_phase < Phase.Ending)
                    {
                        result ??= new JobResult(ExitCodes.Signalled + signal, [], false);
                        End();
                    }
                    else if (
                        (signal == Signals.Interrupt && _interrupts > 1)
                        || _clock.Elapsed - _endingSince > _sameWish
                    )
                    {
                        Kill();
                    }

                    break;
                case JobEvent.OutputBroken broken when _phase < Phase.Ending:
                    result ??=
                        broken.Error == Libc.BrokenPipe
                            ? new JobResult(ExitCodes.Signalled + Signals.BrokenPipe, [], false)
                            : new JobResult(ExitCodes.Failed, [StandardStreams.CannotWrite(broken.Error)], false);
                    End();
                    break;
                case null when _phase == Phase.Running:
                    result = new JobResult(
                        ExitCodes.TimedOut,
                        [
                            $"the job took longer than {Duration.Describe(_options.Timeout!.Value)} and was "
                                + $"ended{EarlyLeavers()}",
                        ],
                        false
                    );
                    End();
                    break;
                case null when _phase == Phase.Failing:
                    End();
                    break;
                case null when _phase == Phase.Ending:
                    Kill();
                    break;
                case null:
                    var left = string.Join(
                        ", ",
                        _ranks
                            .Where(rank => !rank.HasEnded)
                            .Select(rank => $"{rank.Plan.Rank} (process {rank.Process.Id})")
                    );
                    Finish();
                    result = Conclude(result);
                    return result.Value with { Messages = [.. result.Value.Messages, $"rank {left} cannot be killed"] };
            }
        }

        Finish();
        return Conclude(result);
    }

    // What ranks have written has all been passed on by now: what is said of them comes last.
    private JobResult Conclude(JobResult? ended) =>
        ended is null && Blame.Of(_ends) is { } blame
            ? new JobResult(blame.Cause.End.ExitCode, [.. blame.Describe()], true)
            : ended ?? new JobResult(ExitCodes.Success, [], false);

    /// <summary>Those that left while others went on, which may be waiting for them.</summary>
    private string EarlyLeavers()
    {
        Rank[] left = [.. _ends.Where(static end => end.HasLeft).Select(static end => end.Rank)];
        return left.Length == 0 ? "" : $"; {Ranks.List(left)} had left before with exit code 0";
    }

    public void Dispose()
    {
        _showing?.Dispose();
        _ranks.ForEach(rank => rank.Dispose());
    }

    private JobEvent? Next()
    {
        while (true)
        {
            var wait = _deadline - _clock.Elapsed is { } left
                ? Math.Clamp(Math.Ceiling(left.TotalMilliseconds), 0, int.MaxValue)
                : Timeout.Infinite;
            if (_events.TryTake(out JobEvent? next, (int)wait))
            {
                return next;
            }

            if (_deadline <= _clock.Elapsed)
            {
                return null;
            }
        }
    }

    private void End()
    {
        _phase = Phase.Ending;
        _endingSince = _clock.Elapsed;
        _deadline = _endingSince + _options.GracePeriod;
        Orphans.Terminate([_guard.Id, .. _ranks.Select(rank => rank.Process.Id)]);
        Signal(rank => rank.Signal(Signals.Terminate));
    }

    private void Kill()
    {
        _phase = Phase.Killed;
        _deadline =
            _clock.Elapsed
            + _lastWait
            + (_ranks.Exists(rank => rank is RemoteRank) ? TimeSpan.FromSeconds(20) : TimeSpan.Zero);
        Signal(rank => rank.Kill());
    }

    /// <summary>
    /// Local ranks are signalled at once, each remote one on a thread of its own: a host that does not answer must not
    /// keep the others waiting.
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
            var standardOutput = new RankOutput(output, outputSettings.Prefix(number, _ranks.Count), _ranks.Count == 1);
            var standardErrors = new RankOutput(errors, errorSettings.Prefix(number, _ranks.Count), _ranks.Count == 1);
            _shown.AddRange(StandardStreams.IsTerminal(StandardStreams.Output) ? [standardOutput] : []);
            _shown.AddRange(StandardStreams.IsTerminal(StandardStreams.Errors) ? [standardErrors] : []);
            _readers.Add(
                Start(
                    $"output of rank {number}",
                    () => Pass(rank.Process.Output, bytes => standardOutput.Append(rank.Filter(bytes)), standardOutput)
                )
            );
            _readers.Add(
                Start(
                    $"errors of rank {number}",
                    () =>
                        Pass(
                            rank.Process.Errors,
                            bytes =>
                            {
                                rank.ErrorTail.Append(bytes);
                                standardErrors.Append(bytes);
                            },
                            standardErrors
                        )
                )
            );
            Start($"end of rank {number}", () => WaitFor(rank));
        }

        if (_shown.Count > 0)
        {
            _showing = new Timer(
                _ => _shown.ForEach(static output => output.ShowUnfinished()),
                null,
                _untilShown,
                _untilShown
            );
        }
    }

    private void WaitFor(Rank rank)
    {
        var end = rank.Wait();
        _events.Add(new JobEvent.Ended(rank, end));
        rank.EndGroup(end.ExitCode == 0 ? _patience : TimeSpan.Zero, _options.GracePeriod);
        _guard.Remove(rank.Process.Id);
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
        Orphans.End(_phase >= Phase.Ending ? _shortGrace : _options.GracePeriod, _guard.Id);
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

/// <summary>How a job has ended.</summary>
/// <param name="ExitCode">The tool's exit code.</param>
/// <param name="Messages">What the user is told, in this order.</param>
/// <param name="CanRestart">Whether a rank has failed, rather than the job been ended from outside.</param>
internal readonly record struct JobResult(int ExitCode, IReadOnlyList<string> Messages, bool CanRestart);

/// <summary>What happens to a job.</summary>
internal abstract record JobEvent
{
    /// <summary>The process of a rank has ended.</summary>
    public sealed record Ended(Rank Rank, ProcessEnd End) : JobEvent;

    /// <summary>Nothing is left of a rank.</summary>
    public sealed record Gone : JobEvent;

    /// <summary>The tool has got a signal.</summary>
    public sealed record Interrupted(int Signal) : JobEvent;

    /// <summary>The tool's standard output cannot be written any more; an errno says why.</summary>
    public sealed record OutputBroken(int Error) : JobEvent;
}
