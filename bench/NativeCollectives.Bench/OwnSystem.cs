using System.Reflection;

namespace NativeCollectives.Bench;

/// <summary>This library, its ranks on this machine: this program, started again.</summary>
internal abstract class OwnSystem(ScratchFolder scratch) : IBenchmarkSystem
{
    public string Name => "native-collectives";

    public string Version { get; } =
        typeof(DistributedGroup).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    public abstract Task<IReadOnlyList<Measurement>> MeasureAsync(BenchmarkJob job, CancellationToken cancellationToken);

    /// <summary>Runs the ranks.</summary>
    /// <param name="job">What they measure.</param>
    /// <param name="placeOf">Where each is in its group.</param>
    /// <param name="environmentOf">The variables that each gets.</param>
    /// <param name="cancellationToken">Ends them.</param>
    protected async Task<IReadOnlyList<Measurement>> RunAsync(
        BenchmarkJob job,
        Func<int, RankPlace> placeOf,
        Func<int, IReadOnlyDictionary<string, string>>? environmentOf,
        CancellationToken cancellationToken)
    {
        var output = scratch.NewFile();
        var launches = Enumerable.Range(0, job.Ranks).Select(rank =>
        {
            var order = new RankJob(
                job.Operation.Name, rank, placeOf(rank), job.Memory, job.InPlace, job.Counts, job.Pace, job.Deadline, output);
            return new Launch($"{Name}, rank {rank}", Self.Program, Self.Arguments("rank"), order.ToJson(), environmentOf?.Invoke(rank));
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
