namespace NativeCollectives.Bench;

/// <summary>This library: JACCL, its ranks all on this machine.</summary>
internal sealed class OwnJacclSystem(VerbsMachine machine, ScratchFolder scratch) : OwnSystem(scratch)
{
    private readonly ScratchFolder _scratch = scratch;

    public override async Task<IReadOnlyList<Measurement>> MeasureAsync(BenchmarkJob job, CancellationToken cancellationToken)
    {
        using var ports = new LoopbackPorts(1);
        var fabric = _scratch.NewFolder();
        var place = new JacclPlace(
            machine.Matrix(job.Ranks, job.Links), job.Links.Topology == VerbsTopology.Ring, ports.Addresses[0], machine.Library);
        return await RunAsync(
            job,
            _ => new RankPlace(Jaccl: place),
            rank => machine.Environment(rank, job.Ranks, job.Links, fabric),
            cancellationToken);
    }
}
