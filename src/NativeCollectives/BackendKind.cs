namespace NativeCollectives;

/// <summary>
/// What moves a group's bytes. The names are those of MLX: <c>any</c>, <c>ring</c>, <c>jaccl</c>, <c>nccl</c>.
/// </summary>
public enum BackendKind
{
    /// <summary>No backend: a group of one process, in which every collective is the identity.</summary>
    None,

    /// <summary>
    /// What the environment variable <c>NC_BACKEND</c> names. Without it, the first of NCCL, ring and JACCL (MLX's
    /// order) that is configured and can be used on this machine: by the program's options, or else by MLX's and this
    /// library's variables, or else by variables that other programs set too, such as <c>MASTER_ADDR</c>.
    /// </summary>
    Any,

    /// <summary>TCP between neighbours in a ring, interoperable with MLX's <c>ring</c>.</summary>
    Ring,

    /// <summary>
    /// RDMA verbs, in a mesh or a ring, on host memory. Interoperable with MLX's <c>jaccl</c> over Thunderbolt.
    /// </summary>
    Jaccl,

    /// <summary>
    /// NVIDIA's NCCL, between GPUs: on device memory, and on host memory by way of it. Interoperable with MLX's
    /// <c>nccl</c>.
    /// </summary>
    Nccl,
}
