namespace NativeCollectives;

/// <summary>The variables of MLX, beside those of rank and size: see <see cref="KnownLauncher.Mlx"/>.</summary>
internal static class MlxVariables
{
    /// <summary>The path of the file with the addresses of the ring's ranks.</summary>
    internal const string HostFile = "MLX_HOSTFILE";

    /// <summary>The ring reports its progress on the standard error stream, if the variable is present.</summary>
    internal const string RingVerbose = "MLX_RING_VERBOSE";

    /// <summary>The path of the file with JACCL's matrix of devices.</summary>
    internal const string DeviceFile = "MLX_IBV_DEVICES";

    /// <summary>Where JACCL's ranks meet.</summary>
    internal const string Coordinator = "MLX_JACCL_COORDINATOR";

    /// <summary>JACCL makes a ring, if the variable is present.</summary>
    internal const string PreferRing = "MLX_JACCL_RING";

    /// <summary>The host of rank 0 of NCCL's ranks.</summary>
    internal const string NcclHost = "NCCL_HOST_IP";

    /// <summary>The port of rank 0 of NCCL's ranks.</summary>
    internal const string NcclPort = "NCCL_PORT";

    /// <summary>How long NCCL's ranks may take to meet, in milliseconds.</summary>
    internal const string NcclTimeout = "MLX_NCCL_TIMEOUT";

    // JACCL as a library has names of its own: of each pair the first that is present counts, as in MLX.
    internal static readonly string[] JacclRanks = ["JACCL_RANK", KnownLauncher.Mlx.Rank];
    internal static readonly string[] DeviceFiles = ["JACCL_IBV_DEVICES", DeviceFile];
    internal static readonly string[] Coordinators = ["JACCL_COORDINATOR", Coordinator];
    internal static readonly string[] PreferRings = ["JACCL_RING", PreferRing];

    /// <summary>All that tell a process that it is a rank of a group.</summary>
    internal static readonly string[] OfGroup =
    [
        HostFile,
        .. JacclRanks,
        .. DeviceFiles,
        .. Coordinators,
        .. PreferRings,
        NcclHost,
        NcclPort,
    ];
}
