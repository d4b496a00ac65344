using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Launch;

/// <summary>The rank whose end was the first that was not a good one.</summary>
internal sealed record RankFailure(Rank Rank, ProcessEnd End)
{
    /// <summary>Such as: rank 2 (127.0.0.1) was killed by SIGKILL.</summary>
    public string Describe()
    {
        var rank = $"rank {Rank.Plan.Rank} ({Rank.Plan.Host.Ssh})";
        return Rank is RemoteRank { HasBegun: false } ? $"{rank} could not be started: ssh {End}" : $"{rank} {End}";
    }
}
