using System.Globalization;

namespace NativeCollectives;

/// <summary>
/// The CUDA stream that an operation on device memory takes its place on; <see cref="None"/>, the default value: none
/// of the program's, so that the operation has ended when its call returns or its task completes.
/// </summary>
/// <remarks>
/// A stream is named by its handle, which comes from another library: CUDA's <c>CUstream</c> or <c>cudaStream_t</c>.
/// It must exist until the operation has ended on the device.
/// </remarks>
public readonly struct CudaStream : IEquatable<CudaStream>
{
    private readonly bool _isGiven;

    /// <summary>A stream by its handle.</summary>
    /// <param name="handle">The handle; 0: the default stream.</param>
    public CudaStream(nint handle)
    {
        Handle = handle;
        _isGiven = true;
    }

    /// <summary>
    /// No stream of the program's: the operation begins after what was put on the default stream before, and the call
    /// or the task waits for its end.
    /// </summary>
    public static CudaStream None => default;

    /// <summary>CUDA's default stream.</summary>
    public static CudaStream Default => new(0);

    /// <summary>Whether it is <see cref="None"/>.</summary>
    public bool IsNone => !_isGiven;

    /// <summary>The handle; 0 for the default stream and for <see cref="None"/>.</summary>
    public nint Handle { get; }

    /// <summary>Whether two are the same stream.</summary>
    /// <param name="other">The other one.</param>
    /// <returns>Whether they are.</returns>
    public bool Equals(CudaStream other) => _isGiven == other._isGiven && Handle == other.Handle;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is CudaStream other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_isGiven, Handle);

    /// <summary>A short description, such as <c>stream 0x7f0000000000</c>.</summary>
    /// <returns>The description.</returns>
    public override string ToString() =>
        IsNone ? "no stream"
        : Handle == 0 ? "the default stream"
        : string.Create(CultureInfo.InvariantCulture, $"stream 0x{Handle:x}");

    /// <summary>Whether two are the same stream.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether they are.</returns>
    public static bool operator ==(CudaStream left, CudaStream right) => left.Equals(right);

    /// <summary>Whether two are different streams.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether they are.</returns>
    public static bool operator !=(CudaStream left, CudaStream right) => !left.Equals(right);
}
