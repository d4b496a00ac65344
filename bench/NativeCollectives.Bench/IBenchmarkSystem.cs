namespace NativeCollectives.Bench;

/// <summary>Something whose collectives are measured.</summary>
internal interface IBenchmarkSystem
{
    string Name { get; }

    string Version { get; }

    /// <summary>Starts the ranks, lets them measure, and returns one measurement for each of the job's counts.</summary>
    Task<IReadOnlyList<Measurement>> MeasureAsync(BenchmarkJob job, CancellationToken cancellationToken);
}
