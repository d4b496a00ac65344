namespace NativeCollectives.Cli.Bench;

/// <summary>Something whose collectives are measured.</summary>
internal interface IBenchmarkSystem
{
    string Name { get; }

    string Version { get; }

    /// <summary>Starts the ranks, and lets them measure.</summary>
    /// <param name="job">What.</param>
    /// <param name="measured">
    /// Is given the measurements as they come: in the order of the cases and their counts, unless one cannot be
    /// measured.
    /// </param>
    /// <param name="cancellationToken">Ends the ranks.</param>
    /// <exception cref="ToolException">It failed; the message says how.</exception>
    Task MeasureAsync(
        BenchmarkJob job,
        Action<BenchmarkCase, Measurement> measured,
        CancellationToken cancellationToken
    );
}

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
