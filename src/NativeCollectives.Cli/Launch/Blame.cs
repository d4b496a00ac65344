using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Launch;

/// <summary>Which rank is the reason why a job failed, from the ends of all, in their order.</summary>
internal sealed class Blame
{
    /// <summary>How a rank failed: the most likely to have made the others fail comes first.</summary>
    private enum Kind
    {
        KilledFromOutside,
        FailedByItself,
        LostPeer,
    }

    private readonly IReadOnlyList<RankEnd> _ends;
    private readonly IReadOnlyList<RankEnd> _failures;

    private Blame(IReadOnlyList<RankEnd> ends)
    {
        _ends = ends;
        _failures = [.. ends.Where(static end => end.IsFailure)];
        Cause = _failures.MinBy(static failure => KindOf(failure))!;
    }

    /// <summary>The end that the others may follow from: of equally likely ones the first.</summary>
    public RankEnd Cause { get; }

    /// <summary>Finds it.</summary>
    /// <returns>Null if no rank has failed.</returns>
    public static Blame? Of(IReadOnlyList<RankEnd> ends) =>
        ends.Any(static end => end.IsFailure) ? new Blame(ends) : null;

    /// <summary>
    /// What the user is told: the last lines of all that failed by themselves, those of the cause last, and one
    /// sentence.
    /// </summary>
    public IEnumerable<string> Describe()
    {
        if (_ends.Count > 1)
        {
            foreach (
                RankEnd failure in _failures.Where(failure => failure != Cause && KindOf(failure) != Kind.LostPeer)
            )
            {
                foreach (string line in LastLines(failure))
                {
                    yield return line;
                }

                yield return failure.Describe();
            }

            foreach (string line in LastLines(Cause))
            {
                yield return line;
            }
        }

        yield return Cause.Describe() + Consequences();
    }

    private static Kind KindOf(RankEnd end) =>
        end.Rank.HasLostPeer ? Kind.LostPeer
        : end.End.Signal
            is null
                or Signals.Abort
                or Signals.BrokenPipe
                or Signals.Terminate
                or Signals.Interrupt
                or Signals.Hangup
            ? Kind.FailedByItself
        : Kind.KilledFromOutside;

    private static IEnumerable<string> LastLines(RankEnd end)
    {
        IReadOnlyList<string> lines = end.Rank.ErrorTail.Lines();
        return lines.Count == 0
            ? []
            : [$"the last lines of rank {end.Rank.Plan.Rank}:", .. lines.Select(static line => "  " + line)];
    }

    private string Consequences()
    {
        RankEnd[] lost = [.. _failures.Where(failure => failure != Cause && KindOf(failure) == Kind.LostPeer)];
        RankEnd[] left =
            lost.Length > 0 || KindOf(Cause) == Kind.LostPeer
                ? [.. _ends.TakeWhile(static end => !end.IsFailure).Where(static end => end.HasLeft)]
                : [];
        var words =
            lost.Length > 0 ? $"; {Ranks.List(lost.Select(static end => end.Rank))} lost a peer after that" : "";
        if (left.Length > 0)
        {
            words += $"; {Ranks.List(left.Select(static end => end.Rank))} had left before with exit code 0";
        }

        return _ends.Any(static end => end.WasAsked) ? words + "; the other ranks were ended" : words;
    }
}

/// <summary>How a rank's process has ended.</summary>
/// <param name="Rank">The rank.</param>
/// <param name="End">Its end.</param>
/// <param name="WasAsked">Whether the tool had asked it to.</param>
internal sealed record RankEnd(Rank Rank, ProcessEnd End, bool WasAsked)
{
    /// <summary>Whether it has failed, and not because it was ended.</summary>
    public bool IsFailure => End.ExitCode != ExitCodes.Success && !WasAsked;

    /// <summary>Whether it has ended well, of its own accord.</summary>
    public bool HasLeft => End.ExitCode == ExitCodes.Success && !WasAsked;

    /// <summary>Such as: rank 2 (127.0.0.1) was killed by SIGKILL.</summary>
    public string Describe()
    {
        var rank = $"rank {Rank.Plan.Rank} ({Rank.Plan.Host.Ssh})";
        return Rank is RemoteRank { HasBegun: false } ? $"{rank} could not be started: ssh {End}" : $"{rank} {End}";
    }
}
