using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Launch;

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
