using System.Text.Json;

namespace NativeCollectives.Bench;

/// <summary>Where a rank of ours is in a group of NCCL's.</summary>
/// <param name="Size">The number of ranks.</param>
/// <param name="Device">The ordinal of its device.</param>
/// <param name="Rendezvous">Where the ranks meet; <see langword="null"/>: there is but one.</param>
/// <param name="Library">The path of NCCL's library.</param>
/// <param name="CudaLibrary">The path of the CUDA driver's library.</param>
internal sealed record NcclPlace(int Size, int Device, string? Rendezvous, string Library, string CudaLibrary);

/// <summary>What a rank of ours is told: one line of JSON on its standard input. It is on a ring, if there are hosts, or in a group of NCCL's.</summary>
internal sealed record RankJob(
    string Operation,
    int Rank,
    IReadOnlyList<IReadOnlyList<string>>? Hosts,
    NcclPlace? Nccl,
    BufferMemory Memory,
    bool InPlace,
    IReadOnlyList<long> Counts,
    Pace Pace,
    TimeSpan OperationTimeout,
    string Output)
{
    public string ToJson() => JsonSerializer.Serialize(this) + "\n";

    public static RankJob FromJson(string json) => JsonSerializer.Deserialize<RankJob>(json) ?? throw new JsonException("null");

    public DistributedGroupOptions ToGroupOptions() => new()
    {
        Backend = Nccl is null ? BackendKind.Ring : BackendKind.Nccl,
        Strict = true,
        Ring = Hosts is null ? null : new RingOptions { Rank = Rank, Hosts = Hosts },
        Nccl = Nccl is null ? null : new NcclOptions
        {
            Rank = Rank,
            Size = Nccl.Size,
            Device = Nccl.Device,
            Rendezvous = Nccl.Rendezvous,
            Library = Nccl.Library,
            CudaLibrary = Nccl.CudaLibrary,
        },
        OperationTimeout = OperationTimeout,
    };
}
