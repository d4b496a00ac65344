using System.Text.Json.Serialization;

namespace NativeCollectives.Cli.Doctor.Cluster;

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
