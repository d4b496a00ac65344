using System.Text.Json.Serialization;
using NativeCollectives.Cli.Hosts;

namespace NativeCollectives.Cli.Doctor.Cluster;

/// <summary>
/// What a hostfile says: the ranks, how they are joined, and what is wrong with that already on paper.
/// </summary>
/// <param name="Path">The file.</param>
/// <param name="Kind">What kind of file it is.</param>
/// <param name="Ranks">The ranks, in their order.</param>
internal sealed record ClusterPlan(string Path, ClusterKind Kind, IReadOnlyList<ClusterRank> Ranks)
{
    /// <summary>The backend that it is for: ring, jaccl, jaccl-ring or nccl.</summary>
    public required string Backend { get; init; }

    /// <summary>The RDMA devices; <see langword="null"/>: the file has none, or they are no matrix.</summary>
    public DeviceMatrix? Devices { get; init; }

    public IReadOnlyList<Link> Links { get; init; } = [];

    public IReadOnlyList<Finding> Findings { get; init; } = [];
}

/// <summary>A rank, and the host on which it runs.</summary>
/// <param name="Rank">Its number.</param>
/// <param name="Host">The host, as the file names it; the device matrix alone names none.</param>
internal sealed record ClusterRank(int Rank, string Host)
{
    /// <summary>The name by which ssh reaches the host; <see langword="null"/>: it is this machine.</summary>
    public string? Ssh { get; init; }

    /// <summary>Whether the file knows its addresses; those that have port 0 in a ring's file stand for ranks that are
    /// no neighbours of the rank it is for.</summary>
    public bool IsKnown { get; init; } = true;

    /// <summary>Where other ranks reach it; port 0: any.</summary>
    public IReadOnlyList<HostAndPort> Addresses { get; init; } = [];
}

/// <summary>A way that data of the group takes.</summary>
/// <param name="From">The rank that connects.</param>
/// <param name="To">The rank that listens.</param>
/// <param name="Address">Where it listens.</param>
internal sealed record Link(int From, int To, HostAndPort Address)
{
    public string Name => $"link {From} → {To}";
}

/// <summary>The kinds of hostfile that there are.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ClusterKind>))]
internal enum ClusterKind
{
    /// <summary>What <c>launch</c> and mlx.launch read: hosts with ssh, ips and rdma.</summary>
    [JsonStringEnumMemberName("launcher")]
    Launcher,

    /// <summary>What ranks of the ring read (MLX_HOSTFILE): a list of lists of <c>host:port</c>.</summary>
    [JsonStringEnumMemberName("ring")]
    Ring,

    /// <summary>What ranks of jaccl read (MLX_IBV_DEVICES): a matrix of RDMA devices.</summary>
    [JsonStringEnumMemberName("devices")]
    Devices,
}
