namespace NativeCollectives;

/// <summary>Which environment tells the ranks of NCCL who they are and where they meet.</summary>
/// <remarks>
/// The environment variable <c>NC_NCCL_BOOTSTRAP</c> selects one too, by the names <c>auto</c>, <c>mlx</c>,
/// <c>torchrun</c>, <c>mistral</c> and <c>comm_id</c>; the option wins unless it is <see cref="Auto"/>.
/// </remarks>
public enum NcclBootstrap
{
    /// <summary>
    /// The first that is complete of <see cref="CommId"/>, <see cref="Mlx"/>, <see cref="Torchrun"/> and
    /// <see cref="Mistral"/>.
    /// </summary>
    Auto,

    /// <summary>
    /// MLX's launcher: <c>NCCL_HOST_IP</c>, <c>NCCL_PORT</c>, <c>MLX_RANK</c> and <c>MLX_WORLD_SIZE</c>;
    /// <c>MLX_NCCL_TIMEOUT</c>, in milliseconds, is the forming timeout, unless the program sets one. MLX ranks can be
    /// in the same group.
    /// </summary>
    Mlx,

    /// <summary>
    /// torchrun: <c>MASTER_ADDR</c>, <c>MASTER_PORT</c>, <c>RANK</c>, <c>WORLD_SIZE</c> and <c>LOCAL_RANK</c>. Where
    /// the agent itself listens on the port (<c>TORCHELASTIC_USE_AGENT_STORE</c> is <c>True</c>), the ranks meet at the
    /// next one. Rank and size can be those of another launcher too: see <see cref="NcclOptions.Rank"/>.
    /// </summary>
    Torchrun,

    /// <summary>
    /// mistral.rs: its head and worker variables, <c>MISTRALRS_MN_…</c>, or what its head hands to the processes that
    /// it starts.
    /// </summary>
    Mistral,

    /// <summary>
    /// NCCL's own: <c>NCCL_COMM_ID</c>, the address at which rank 0 listens. It must be set before the process starts.
    /// </summary>
    CommId,
}
