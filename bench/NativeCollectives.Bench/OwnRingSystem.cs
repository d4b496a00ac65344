namespace NativeCollectives.Bench;

/// <summary>This library: the ring over TCP.</summary>
internal sealed class OwnRingSystem(ScratchFolder scratch) : OwnSystem(scratch)
{
    public override async Task<IReadOnlyList<Measurement>> MeasureAsync(BenchmarkJob job, CancellationToken cancellationToken)
    {
        var sockets = job.Links.Sockets!.Value;
        using var ports = new LoopbackPorts(job.Ranks * sockets);
        string[][] hosts = [.. ports.Addresses.Chunk(sockets)];
        return await RunAsync(job, _ => new RankPlace(Hosts: hosts), environmentOf: null, cancellationToken);
    }
}
