namespace NativeCollectives.Cli.Bench;

/// <summary>What one start of one system measures.</summary>
/// <param name="Ranks">Processes.</param>
/// <param name="Transport">What carries the bytes.</param>
/// <param name="Links">The connections between them.</param>
/// <param name="Devices">How many devices they are on; <see langword="null"/>: none.</param>
/// <param name="Memory">Where the buffers lie.</param>
/// <param name="Cases">What is measured, one after the other.</param>
/// <param name="Pace">How often.</param>
/// <param name="Deadline">When it has failed: so long without a further measurement.</param>
internal sealed record BenchmarkJob(
    int Ranks,
    string Transport,
    Links Links,
    int? Devices,
    BufferMemory Memory,
    IReadOnlyList<BenchmarkCase> Cases,
    Pace Pace,
    TimeSpan Deadline
);
