namespace NativeCollectives;

/// <summary>The settings of the NCCL backend. What is <see langword="null"/> is taken from the environment.</summary>
/// <remarks>
/// How the ranks meet is given by one of <see cref="UniqueId"/>, <see cref="BootstrapGroup"/> and
/// <see cref="Rendezvous"/>, or by the environment: see <see cref="Bootstrap"/>. A group of <see cref="Size"/> 1 needs
/// none of them.
/// </remarks>
public sealed class NcclOptions
{
    /// <summary>
    /// The own rank, from 0; <see langword="null"/>: that of <see cref="BootstrapGroup"/>, or else the environment's.
    /// </summary>
    /// <remarks>
    /// Where the way in which the ranks meet does not tell rank and size, they are the first pair of <c>RANK</c> and
    /// <c>WORLD_SIZE</c>, <c>MLX_RANK</c> and <c>MLX_WORLD_SIZE</c>, <c>SLURM_PROCID</c> and <c>SLURM_NTASKS</c>,
    /// <c>OMPI_COMM_WORLD_RANK</c> and <c>OMPI_COMM_WORLD_SIZE</c>, <c>PMI_RANK</c> and <c>PMI_SIZE</c>.
    /// </remarks>
    public int? Rank { get; set; }

    /// <summary>The number of ranks; <see langword="null"/>: as for <see cref="Rank"/>.</summary>
    public int? Size { get; set; }

    /// <summary>
    /// The ordinal of the CUDA device; <see langword="null"/>: the first of <c>LOCAL_RANK</c>, <c>SLURM_LOCALID</c> and
    /// <c>OMPI_COMM_WORLD_LOCAL_RANK</c>, or else, and always if the ranks meet as MLX's do, the rank modulo the number
    /// of devices.
    /// </summary>
    public int? Device { get; set; }

    /// <summary>
    /// Where rank 0 hands out NCCL's id to the others over TCP, as MLX does: rank 0's host as <c>host:port</c>, or
    /// <c>[host]:port</c> with an IPv6 literal.
    /// </summary>
    public string? Rendezvous { get; set; }

    /// <summary>
    /// The id that the process of rank 0 has created, and that the program has brought to every rank.
    /// </summary>
    public NcclUniqueId? UniqueId { get; set; }

    /// <summary>
    /// A group of the same ranks, such as a ring, over which rank 0 sends NCCL's id to the others. <see cref="Rank"/>
    /// and <see cref="Size"/> are that group's.
    /// </summary>
    /// <remarks>
    /// Every rank forms the group by this option, as one of its operations on the other group, and all learn it if one
    /// of them cannot use NCCL. The other group can be disposed afterwards. If the exchange runs into
    /// <see cref="DistributedGroupOptions.FormingTimeout"/>, or is cancelled, the other group is faulted. With
    /// <see cref="BackendKind.Any"/> nothing falls back to another backend.
    /// </remarks>
    public DistributedGroup? BootstrapGroup { get; set; }

    /// <summary>Which environment is read; <see cref="NcclBootstrap.Auto"/> by default.</summary>
    /// <remarks>
    /// With <see cref="NcclBootstrap.Mlx"/> the other settings' defaults are MLX's too, also where the ranks meet as
    /// this class says.
    /// </remarks>
    public NcclBootstrap Bootstrap { get; set; }

    /// <summary>
    /// The size in bytes of the pieces in which host memory goes through device memory, alike on every rank; 0: whole
    /// buffers, each in one call of NCCL. <see langword="null"/>: 4 MiB; 0 if the ranks meet as MLX's do, which call
    /// NCCL in that way.
    /// </summary>
    public int? StagingBytes { get; set; }

    /// <summary>The path of NCCL's library, <c>libnccl.so.2</c>; <see langword="null"/>: it is looked for.</summary>
    public string? Library { get; set; }

    /// <summary>
    /// The path of the CUDA driver's library, <c>libcuda.so.1</c>; <see langword="null"/>: it is looked for.
    /// </summary>
    public string? CudaLibrary { get; set; }

    /// <summary>New options with the same values.</summary>
    internal NcclOptions Copy() => (NcclOptions)MemberwiseClone();
}
