namespace NativeCollectives.Cli.Bench;

/// <summary>This library: the ring over TCP, its ranks on the loopback interface.</summary>
internal sealed class OwnRingSystem : OwnSystem
{
    public override async Task MeasureAsync(BenchmarkJob job, Action<BenchmarkCase, Measurement> measured, CancellationToken cancellationToken)
    {
        int sockets = job.Links.Sockets!.Value;
        using var ports = new LoopbackPorts(job.Ranks * sockets);
        string[][] hosts = [.. ports.Addresses.Chunk(sockets)];
        await RunAsync(job, _ => new RankPlace(Hosts: hosts), environmentOf: null, measured, cancellationToken);
    }
}
