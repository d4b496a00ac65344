using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Launch;

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
