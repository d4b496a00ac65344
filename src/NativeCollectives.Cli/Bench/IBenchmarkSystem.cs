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
