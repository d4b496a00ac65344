namespace NativeCollectives.Bench;

/// <summary>What one start of one system measures.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="Ranks">Processes.</param>
/// <param name="Transport">What carries the bytes.</param>
/// <param name="Links">The connections between them.</param>
/// <param name="Devices">The devices that they are on; <see langword="null"/>: none.</param>
/// <param name="Memory">Where the buffers lie.</param>
/// <param name="InPlace">Input and output are one buffer.</param>
/// <param name="Counts">The elements of a block, for every size.</param>
/// <param name="Pace">How often.</param>
/// <param name="Deadline">When it has failed.</param>
internal sealed record BenchmarkJob(
    BenchmarkOperation Operation,
    int Ranks,
    string Transport,
    Links Links,
    int? Devices,
    BufferMemory Memory,
    bool InPlace,
    IReadOnlyList<long> Counts,
    Pace Pace,
    TimeSpan Deadline);
