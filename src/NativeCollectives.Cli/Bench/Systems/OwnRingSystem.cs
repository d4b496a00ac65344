using NativeCollectives.Cli.Hosts;

namespace NativeCollectives.Cli.Bench;

/// <summary>This library: the ring over TCP, its ranks on the loopback interface.</summary>
internal sealed class OwnRingSystem : OwnSystem
{
    public override async Task MeasureAsync(
        BenchmarkJob job,
        Action<BenchmarkCase, Measurement> measured,
        CancellationToken cancellationToken
    )
    {
        int sockets = job.Links.Sockets!.Value;
        string[][] hosts = [.. FreePorts.OfLoopback(job.Ranks * sockets).Chunk(sockets)];
        await RunAsync(job, _ => new RankPlace(Hosts: hosts), environmentOf: null, measured, cancellationToken);
    }
}
