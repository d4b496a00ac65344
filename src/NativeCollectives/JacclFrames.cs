namespace NativeCollectives;

/// <summary>How large the messages are in which JACCL moves data. All ranks of a group must have the same.</summary>
/// <remarks>
/// MLX goes by the version of its host's operating system, and the ranks do not tell each other. Ranks of different
/// choices agree only where what a message can carry at once is less than 8 KiB; larger operations fail, or run into
/// their timeout.
/// </remarks>
public enum JacclFrames
{
    /// <summary>From 4 KiB to 512 KiB, by the size of the operation, as MLX's ranks on macOS 26.3 and later.</summary>
    Large,

    /// <summary>Always 4 KiB, as MLX's ranks on macOS 26.2.</summary>
    Small,
}
