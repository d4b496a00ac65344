namespace NativeCollectives;

/// <summary>
/// Who told where a backend's ranks meet. Where several backends are configured, the greatest origin counts: what
/// somebody has said for this program comes before what the environment happens to hold.
/// </summary>
internal enum Origin
{
    /// <summary>Nobody.</summary>
    None,

    /// <summary>
    /// Variables that other programs and launchers set too, such as <c>MASTER_ADDR</c>. They can be left over from
    /// something else.
    /// </summary>
    Shared,

    /// <summary>
    /// Variables that are meant for this library or MLX: a hostfile, a device file, MLX's launcher of NCCL ranks,
    /// <c>NC_NCCL_BOOTSTRAP</c>.
    /// </summary>
    Own,

    /// <summary>The program: options in code, or its configuration section.</summary>
    Program,
}
