using System.Runtime.CompilerServices;
using NativeCollectives.Interop;

namespace NativeCollectives;

/// <summary>
/// Memory of a CUDA device that holds elements one behind the other, so that a program needs no other CUDA library.
/// </summary>
/// <typeparam name="T">
/// The type of the elements; operations of a group take those listed at <see cref="DistributedGroup"/>.
/// </typeparam>
/// <remarks>
/// The elements are not initialized. The memory is the CUDA driver's, in the device's primary context, which CUDA's
/// runtime uses too. It is given back by <see cref="Dispose"/>, or when the buffer and its spans have become
/// unreachable, but not while an operation uses it.
/// </remarks>
public sealed class DeviceBuffer<T> : IDisposable
    where T : unmanaged
{
    private readonly DeviceMemory _memory;

    /// <summary>Allocates memory for elements on a device.</summary>
    /// <param name="length">How many elements; may be 0.</param>
    /// <param name="device">The device's ordinal.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="length"/> is negative or more than memory can hold, or <paramref name="device"/> is negative.
    /// </exception>
    /// <exception cref="ArgumentException">There is no such device.</exception>
    /// <exception cref="BackendUnavailableException">CUDA cannot be used on this machine.</exception>
    /// <exception cref="CollectiveOutOfMemoryException">The device has not that much memory left.</exception>
    /// <exception cref="CollectiveException">The CUDA driver failed.</exception>
    public DeviceBuffer(long length, int device = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfNegative(device);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, long.MaxValue / Unsafe.SizeOf<T>());
        _memory = DeviceMemory.Allocate(device, length * Unsafe.SizeOf<T>());
        Length = length;
    }

    /// <summary>The number of elements.</summary>
    public long Length { get; }

    /// <summary>The ordinal of the device.</summary>
    public int Device => _memory.Device;

    /// <summary>The device address of the first element; 0 if there is none.</summary>
    /// <exception cref="ObjectDisposedException">The buffer has been disposed.</exception>
    public nint Address => _memory.Address;

    /// <summary>All elements, for the operations of a group.</summary>
    /// <exception cref="ObjectDisposedException">The buffer has been disposed.</exception>
    public DeviceSpan<T> Span => new(Address, Length, _memory);

    /// <summary>All elements of a buffer.</summary>
    /// <param name="buffer">The buffer; <see langword="null"/>: no elements.</param>
    /// <exception cref="ObjectDisposedException">The buffer has been disposed.</exception>
    public static implicit operator DeviceSpan<T>(DeviceBuffer<T>? buffer) => buffer is null ? default : buffer.Span;

    /// <summary>
    /// Copies elements from host memory to the device, after what was put on its default stream before; they are there
    /// when it returns.
    /// </summary>
    /// <param name="source">The elements.</param>
    /// <param name="offset">The index in this buffer of the first one.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The elements do not fit in the buffer at <paramref name="offset"/>.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The buffer has been disposed.</exception>
    /// <exception cref="CollectiveException">The CUDA driver failed.</exception>
    public unsafe void CopyFrom(ReadOnlySpan<T> source, long offset = 0)
    {
        DeviceSpan<T> part = Part(source.Length, offset);
        fixed (T* host = source)
        {
            _memory.Copy((void*)part.Address, host, Bytes(part.Length), nc_copy_direction.NC_HOST_TO_DEVICE);
        }
    }

    /// <summary>
    /// Copies elements within the device, after what was put on its default stream before; they are there when it
    /// returns.
    /// </summary>
    /// <param name="source">The elements.</param>
    /// <param name="offset">The index in this buffer of the first one.</param>
    /// <inheritdoc cref="CopyFrom(ReadOnlySpan{T}, long)" path="/exception"/>
    public unsafe void CopyFrom(DeviceSpan<T> source, long offset = 0)
    {
        DeviceSpan<T> part = Part(source.Length, offset);
        using DeviceMemory.Lease lease = source.Rent();
        _memory.Copy(
            (void*)part.Address,
            (void*)source.Address,
            Bytes(part.Length),
            nc_copy_direction.NC_DEVICE_TO_DEVICE
        );
    }

    /// <summary>
    /// Copies elements from the device to host memory, after what was put on its default stream before; they are there
    /// when it returns.
    /// </summary>
    /// <param name="destination">Where they go. It is filled.</param>
    /// <param name="offset">The index in this buffer of the first one.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The buffer has not that many elements from <paramref name="offset"/> on.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The buffer has been disposed.</exception>
    /// <exception cref="CollectiveException">The CUDA driver failed.</exception>
    public unsafe void CopyTo(Span<T> destination, long offset = 0)
    {
        DeviceSpan<T> part = Part(destination.Length, offset);
        fixed (T* host = destination)
        {
            _memory.Copy(host, (void*)part.Address, Bytes(part.Length), nc_copy_direction.NC_DEVICE_TO_HOST);
        }
    }

    /// <summary>Copies all elements to a new array.</summary>
    /// <returns>The array.</returns>
    /// <exception cref="InvalidOperationException">There are more elements than an array can hold.</exception>
    /// <exception cref="ObjectDisposedException">The buffer has been disposed.</exception>
    /// <exception cref="CollectiveException">The CUDA driver failed.</exception>
    public T[] ToArray()
    {
        if (Length > Array.MaxLength)
        {
            throw new InvalidOperationException($"The buffer has {Length} elements, more than an array can hold.");
        }

        T[] array = GC.AllocateUninitializedArray<T>((int)Length);
        CopyTo(array);
        return array;
    }

    /// <summary>
    /// Returns at once. The memory is given back when the device has done everything that had been put on it before; if
    /// an operation of a group is under way on this buffer, after that has ended. It is not used again until then.
    /// </summary>
    public void Dispose() => _memory.Dispose();

    private static long Bytes(long length) => length * Unsafe.SizeOf<T>();

    private DeviceSpan<T> Part(long length, long offset)
    {
        DeviceSpan<T> all = Span;
        if (offset < 0 || offset > Length || length > Length - offset)
        {
            throw new ArgumentOutOfRangeException(
                nameof(offset),
                offset,
                $"The buffer has {Length} elements, which are not {length} from the given offset on."
            );
        }

        return all.Slice(offset, length);
    }
}
