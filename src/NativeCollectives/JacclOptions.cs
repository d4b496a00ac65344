namespace NativeCollectives;

/// <summary>The settings of the JACCL backend. What is <see langword="null"/> is taken from the environment.</summary>
/// <remarks>
/// Needed are the rank, the device matrix, and a way to meet: <see cref="Coordinator"/> or <see cref="SideChannel"/>.
/// When a group is created, an impossible value in code is an <see cref="ArgumentException"/>, and one in the
/// environment a <see cref="RendezvousException"/>, as is a device matrix that makes neither a mesh nor a ring.
/// </remarks>
public sealed class JacclOptions
{
    /// <summary>
    /// The own rank, from 0; <see langword="null"/>: the environment variable <c>JACCL_RANK</c>, or else
    /// <c>MLX_RANK</c>.
    /// </summary>
    /// <remarks>Unlike in MLX, a rank that nobody gives is not 0: the backend is not configured then.</remarks>
    public int? Rank { get; set; }

    /// <summary>
    /// The device matrix: one row per rank, with one entry per rank. <c>Devices[i][j]</c> has the names of rank i's
    /// RDMA devices on the cables to rank j, such as <c>rdma_en2</c>; it is empty where there is no cable, as on the
    /// diagonal.
    /// </summary>
    /// <remarks>
    /// <para>
    /// In a mesh, of at most 8 ranks, every rank has a device for every other rank; the first name of each entry
    /// counts. In a ring every rank has equally many, at most 4, for the previous and for the next rank; name k of
    /// <c>[i][i + 1]</c> and name k of <c>[i + 1][i]</c> are the two ends of one cable. A matrix that makes both is
    /// taken for a mesh: see <see cref="PreferRing"/>. All ranks must have the same matrix.
    /// </para>
    /// <para>MLX's <c>Config::set_devices</c>.</para>
    /// </remarks>
    public IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>>? Devices { get; set; }

    /// <summary>
    /// The path of a JSON file that holds the device matrix, as MLX writes it:
    /// <c>[[null,"rdma_en2"],["rdma_en2",null]]</c>, with a list of names where there are several cables. Not together
    /// with <see cref="Devices"/>. If both are <see langword="null"/>, the environment variable
    /// <c>JACCL_IBV_DEVICES</c>, or else <c>MLX_IBV_DEVICES</c>, holds the path.
    /// </summary>
    public string? DeviceFile { get; set; }

    /// <summary>
    /// Where rank 0 listens, and the others meet it over TCP while the group is formed, as <c>host:port</c>, the same
    /// on all ranks. Not together with <see cref="SideChannel"/>. If both are <see langword="null"/>: the environment
    /// variable <c>JACCL_COORDINATOR</c>, or else <c>MLX_JACCL_COORDINATOR</c>.
    /// </summary>
    /// <remarks>
    /// Whoever reaches that port can join or disturb the group: as MLX's, it is for networks that are trusted.
    /// </remarks>
    public string? Coordinator { get; set; }

    /// <summary>
    /// Exchanges what the ranks must know of each other, in place of <see cref="Coordinator"/>, on all ranks;
    /// <see langword="null"/>: connections to the coordinator do.
    /// </summary>
    /// <remarks>MLX's <c>init(all_gather_factory=…)</c>.</remarks>
    public JacclSideChannel? SideChannel { get; set; }

    /// <summary>
    /// Whether a device matrix that makes both a mesh and a ring, as with two ranks, is taken for a ring, alike on all
    /// ranks; <see langword="null"/>: it is if the environment variable <c>JACCL_RING</c> or <c>MLX_JACCL_RING</c> is
    /// present, whatever its value.
    /// </summary>
    public bool? PreferRing { get; set; }

    /// <summary>
    /// How large messages are, alike on all ranks; <see langword="null"/>: <see cref="JacclFrames.Large"/>.
    /// </summary>
    public JacclFrames? Frames { get; set; }

    /// <summary>
    /// The transport of the connections, alike on all ranks; <see langword="null"/>:
    /// <see cref="JacclQueuePairs.UnreliableConnection"/> on macOS, <see cref="JacclQueuePairs.ReliableConnection"/>
    /// elsewhere.
    /// </summary>
    public JacclQueuePairs? QueuePairs { get; set; }

    /// <summary>
    /// The index, from 0 to 255, of the address to use in the GID tables of this rank's RDMA devices;
    /// <see langword="null"/>: the first IPv4 address, one of RoCE v2 if the device has such an address.
    /// </summary>
    /// <remarks>
    /// On Linux, <c>/sys/class/infiniband/DEVICE/ports/1/gids</c> and <c>…/gid_attrs/types</c> list the addresses and
    /// their types. Ranks need not have the same index, but addresses of the same version of RoCE.
    /// </remarks>
    public int? GidIndex { get; set; }

    /// <summary>
    /// Set this to <see langword="true"/> if no rank of the group runs MLX v0.32.1 or v0.32.2, whose all-gather in a
    /// ring sends wrong data. Otherwise an all-gather in a ring with ranks of MLX throws
    /// <see cref="NotSupportedException"/>. It does not matter in a mesh, or without such ranks.
    /// </summary>
    public bool? MlxRingAllGather { get; set; }

    /// <summary>
    /// The path of the library of RDMA verbs; <see langword="null"/>: the environment variable <c>NC_VERBS_LIBRARY</c>
    /// holds it, or else it is <c>librdma.dylib</c> on macOS and <c>libibverbs.so.1</c> on Linux, where the system's
    /// loader finds it.
    /// </summary>
    public string? Library { get; set; }

    /// <summary>New options with the same values.</summary>
    internal JacclOptions Copy() => (JacclOptions)MemberwiseClone();
}
