namespace NativeCollectives.ConformanceReplay;

/// <summary>How a case is replayed.</summary>
public sealed record ReplayOptions
{
    /// <summary>
    /// The rank under test: a program and its arguments, in which {case} and {out} stand for two folders; if neither
    /// occurs, both are appended.
    /// </summary>
    public required IReadOnlyList<string> Command { get; init; }

    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>If positive: feed in pieces of 1 to so many bytes.</summary>
    public int Split { get; init; }

    /// <summary>
    /// End each incoming direction right after its last byte; not that of a left neighbour that never says a word, which
    /// would be no neighbour.
    /// </summary>
    public bool HalfClose { get; init; }
}
