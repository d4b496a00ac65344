using System.Reflection;

namespace NativeCollectives.Bench;

/// <summary>This library: the ring over TCP, its ranks on this machine.</summary>
internal sealed class OwnSystem(ScratchFolder scratch) : IBenchmarkSystem
{
    public string Name => "native-collectives";

    public string Version { get; } =
        typeof(DistributedGroup).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    public async Task<IReadOnlyList<Measurement>> MeasureAsync(BenchmarkJob job, CancellationToken cancellationToken)
    {
        using var ports = new LoopbackPorts(job.Ranks * job.Sockets);
        string[][] hosts = [.. ports.Addresses.Chunk(job.Sockets)];
        var output = scratch.NewFile();
        var launches = Enumerable.Range(0, job.Ranks).Select(rank =>
        {
            var order = new RankJob(job.Operation.Name, rank, hosts, job.InPlace, job.Counts, job.Pace, job.Deadline, output);
            return new Launch($"{Name}, rank {rank}", Self.Program, Self.Arguments("rank"), order.ToJson());
        });
        await ProcessSet.RunAsync([.. launches], job.Deadline, cancellationToken);
        return Measurement.Read(output, job.Counts, Name);
    }

    /// <summary>How this program is started again.</summary>
    private static class Self
    {
        public static string Program { get; } = Environment.ProcessPath ?? throw new BenchmarkException("the path of this program is unknown");

        public static IReadOnlyList<string> Arguments(string argument) =>
            Path.GetFileNameWithoutExtension(Program) == "dotnet" ? [typeof(OwnSystem).Assembly.Location, argument] : [argument];
    }
}
