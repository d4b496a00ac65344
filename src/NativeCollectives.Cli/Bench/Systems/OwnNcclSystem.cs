using NativeCollectives.Cli.Hosts;

namespace NativeCollectives.Cli.Bench;

/// <summary>This library: NCCL, its ranks on the devices of this machine.</summary>
internal sealed class OwnNcclSystem(NcclMachine machine) : OwnSystem
{
    public override async Task MeasureAsync(
        BenchmarkJob job,
        Action<BenchmarkCase, Measurement> measured,
        CancellationToken cancellationToken
    )
    {
        string? rendezvous = job.Ranks > 1 ? FreePorts.OfLoopback(1)[0] : null;
        await RunAsync(
            job,
            rank => new RankPlace(
                Nccl: new NcclPlace(job.Ranks, machine.DeviceOf(rank), rendezvous, machine.Library, machine.CudaLibrary)
            ),
            rank => machine.Environment(rank, job.Ranks),
            measured,
            cancellationToken
        );
    }
}
