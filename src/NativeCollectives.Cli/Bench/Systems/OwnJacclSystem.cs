using NativeCollectives.Cli.Hosts;

namespace NativeCollectives.Cli.Bench;

/// <summary>This library: JACCL, its ranks all on this machine.</summary>
internal sealed class OwnJacclSystem(VerbsMachine machine, TemporaryFolder scratch) : OwnSystem
{
    public override async Task MeasureAsync(
        BenchmarkJob job,
        Action<BenchmarkCase, Measurement> measured,
        CancellationToken cancellationToken
    )
    {
        string fabric = scratch.NewFolder();
        var place = new JacclPlace(
            machine.Matrix(job.Ranks, job.Links),
            job.Links.Topology == VerbsTopology.Ring,
            FreePorts.OfLoopback(1)[0],
            machine.Library
        );
        await RunAsync(
            job,
            _ => new RankPlace(Jaccl: place),
            rank => machine.Environment(rank, job.Ranks, job.Links, fabric),
            measured,
            cancellationToken
        );
    }
}
