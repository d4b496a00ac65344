namespace NativeCollectives.Cli.Bench;

/// <summary>
/// This library, in the group that a launcher has started this process in. All its ranks measure the same.
/// </summary>
internal sealed class LaunchedGroupSystem(DistributedGroup group) : IBenchmarkSystem
{
    public string Name => OwnSystem.OwnName;

    public string Version => OwnSystem.OwnVersion;

    public Task MeasureAsync(
        BenchmarkJob job,
        Action<BenchmarkCase, Measurement> measured,
        CancellationToken cancellationToken
    )
    {
        using CancellationTokenRegistration abort = cancellationToken.Register(() => group.Abort());
        using var measurer = new RankMeasurer(group, job.Memory, job.Pace);
        try
        {
            measurer.Measure(job.Cases, measured);
            group.Barrier(); // nobody leaves while another still waits for something
        }
        catch (CollectiveException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }

        return Task.CompletedTask;
    }
}
