namespace NativeCollectives.Bench;

/// <summary>This library: NCCL, its ranks on the devices of this machine.</summary>
internal sealed class OwnNcclSystem(NcclMachine machine, ScratchFolder scratch) : OwnSystem(scratch)
{
    public override async Task<IReadOnlyList<Measurement>> MeasureAsync(BenchmarkJob job, CancellationToken cancellationToken)
    {
        using var ports = new LoopbackPorts(1);
        var rendezvous = job.Ranks > 1 ? ports.Addresses[0] : null;
        return await RunAsync(
            job,
            rank => new RankPlace(Nccl: new NcclPlace(job.Ranks, machine.DeviceOf(rank), rendezvous, machine.Library, machine.CudaLibrary)),
            rank => machine.Environment(rank, job.Ranks),
            cancellationToken);
    }
}
