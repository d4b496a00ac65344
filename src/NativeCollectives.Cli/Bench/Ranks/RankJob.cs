using System.Text.Json;

namespace NativeCollectives.Cli.Bench;

/// <summary>Where a rank of ours is in a group of NCCL's.</summary>
/// <param name="Size">The number of ranks.</param>
/// <param name="Device">The ordinal of its device.</param>
/// <param name="Rendezvous">Where the ranks meet; <see langword="null"/>: there is but one.</param>
/// <param name="Library">The path of NCCL's library.</param>
/// <param name="CudaLibrary">The path of the CUDA driver's library.</param>
internal sealed record NcclPlace(int Size, int Device, string? Rendezvous, string Library, string CudaLibrary);

/// <summary>Where a rank of ours is in a group of JACCL's.</summary>
/// <param name="Devices">The device matrix.</param>
/// <param name="IsRing">It is to make a ring.</param>
/// <param name="Coordinator">Where the ranks meet.</param>
/// <param name="Library">The path of the library of verbs; <see langword="null"/>: the system's.</param>
internal sealed record JacclPlace(
    IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> Devices,
    bool IsRing,
    string Coordinator,
    string? Library
);

/// <summary>Where a rank of ours is: on a ring, if there are hosts, or in a group of NCCL's or JACCL's.</summary>
internal sealed record RankPlace(
    IReadOnlyList<IReadOnlyList<string>>? Hosts = null,
    NcclPlace? Nccl = null,
    JacclPlace? Jaccl = null
)
{
    public DistributedGroupOptions ToGroupOptions(int rank) =>
        new()
        {
            Backend =
                Nccl is not null ? BackendKind.Nccl
                : Jaccl is not null ? BackendKind.Jaccl
                : BackendKind.Ring,
            Strict = true,
            Ring = Hosts is null ? null : new RingOptions { Rank = rank, Hosts = Hosts },
            Nccl = Nccl is null
                ? null
                : new NcclOptions
                {
                    Rank = rank,
                    Size = Nccl.Size,
                    Device = Nccl.Device,
                    Rendezvous = Nccl.Rendezvous,
                    Library = Nccl.Library,
                    CudaLibrary = Nccl.CudaLibrary,
                },
            Jaccl = Jaccl is null
                ? null
                : new JacclOptions
                {
                    Rank = rank,
                    Devices = Jaccl.Devices,
                    PreferRing = Jaccl.IsRing,
                    Coordinator = Jaccl.Coordinator,
                    Library = Jaccl.Library,
                },
        };
}

/// <summary>A <see cref="BenchmarkCase"/> in words.</summary>
internal sealed record RankCase(
    string Operation,
    CollectiveDataType Type,
    ReduceOp? ReduceOp,
    int Root,
    bool InPlace,
    IReadOnlyList<long> Counts
)
{
    public static RankCase Of(BenchmarkCase one) =>
        new(one.Operation.Name, one.Type, one.ReduceOp, one.Root, one.InPlace, one.Counts);

    public BenchmarkCase ToCase() => new(BenchmarkOperation.Find(Operation), Type, ReduceOp, Root, InPlace, Counts);
}

/// <summary>What a rank of ours is told: one line of JSON on its standard input.</summary>
/// <param name="Rank">Its number.</param>
/// <param name="Place">Where it is.</param>
/// <param name="Memory">Where the operations' buffers are to be.</param>
/// <param name="Cases">What it measures.</param>
/// <param name="Pace">How often.</param>
/// <param name="OperationTimeout">How long one operation may take.</param>
/// <param name="Results">
/// The pipe that rank 0 writes the measurements to; <see langword="null"/> for the other ranks.
/// </param>
internal sealed record RankJob(
    int Rank,
    RankPlace Place,
    BufferMemory Memory,
    IReadOnlyList<RankCase> Cases,
    Pace Pace,
    TimeSpan OperationTimeout,
    string? Results
)
{
    public string ToJson() => JsonSerializer.Serialize(this) + "\n";

    public static RankJob FromJson(string json) =>
        JsonSerializer.Deserialize<RankJob>(json) ?? throw new JsonException("null");

    public DistributedGroupOptions ToGroupOptions()
    {
        DistributedGroupOptions options = Place.ToGroupOptions(Rank);
        options.OperationTimeout = OperationTimeout;
        return options;
    }
}
