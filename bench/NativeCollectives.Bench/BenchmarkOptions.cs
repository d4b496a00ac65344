namespace NativeCollectives.Bench;

/// <summary>What the user asked for.</summary>
internal sealed record BenchmarkOptions
{
    public required IReadOnlyList<BenchmarkOperation> Operations { get; init; }

    public required IReadOnlyList<int> Ranks { get; init; }

    public required IReadOnlyList<int> Sockets { get; init; }

    public required bool InPlace { get; init; }

    public required IReadOnlyList<long> Sizes { get; init; }

    public required int Rounds { get; init; }

    /// <summary>Operations to measure per size in all rounds together; 0: as <see cref="Seconds"/> says.</summary>
    public required int Iterations { get; init; }

    /// <summary>How long to measure each size, in all rounds together.</summary>
    public required double Seconds { get; init; }

    public required string? Peer { get; init; }

    public required FileInfo? Json { get; init; }

    /// <summary>For one start of one system.</summary>
    public required TimeSpan Deadline { get; init; }
}
