using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace NativeCollectives;

/// <summary>
/// A piece of device memory: elements one behind the other, at an address of the device. It copies nothing and owns
/// nothing.
/// </summary>
/// <typeparam name="T">
/// The type of the elements; operations of a group take those listed at <see cref="DistributedGroup"/>.
/// </typeparam>
/// <remarks>
/// Device memory of other libraries comes in by its address (CUDA's <c>CUdeviceptr</c>, or what <c>cudaMalloc</c>
/// returns); it must stay allocated until the operations on it have ended on the device. The span of a
/// <see cref="DeviceBuffer{T}"/> keeps the buffer's memory while an operation uses it: a blocking one until it returns,
/// an asynchronous one until its task has completed. After a blocking operation on a stream has returned, keep the
/// buffer until the stream has passed the operation.
/// </remarks>
public readonly struct DeviceSpan<T> : IEquatable<DeviceSpan<T>>
    where T : unmanaged
{
    private readonly DeviceMemory? _owner;

    /// <summary>Elements at an address.</summary>
    /// <param name="address">
    /// The device address of the first one, aligned as the elements are; may be 0 if there is none.
    /// </param>
    /// <param name="length">How many elements there are.</param>
    /// <exception cref="ArgumentNullException"><paramref name="address"/> is 0, but there are elements.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="length"/> is negative, or more than memory can hold.
    /// </exception>
    public DeviceSpan(nint address, long length)
        : this(address, length, null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (address == 0 && length > 0)
        {
            throw new ArgumentNullException(nameof(address));
        }

        if ((Int128)(nuint)address + ((Int128)length * Unsafe.SizeOf<T>()) > long.MaxValue)
        {
            throw new ArgumentOutOfRangeException(
                nameof(length),
                length,
                $"{length} elements at the address {address} are more than memory can hold."
            );
        }
    }

    internal DeviceSpan(nint address, long length, DeviceMemory? owner)
    {
        Address = address;
        Length = length;
        _owner = owner;
    }

    /// <summary>The device address of the first element.</summary>
    public nint Address { get; }

    /// <summary>The number of elements.</summary>
    public long Length { get; }

    /// <summary>Whether there is no element.</summary>
    public bool IsEmpty => Length == 0;

    /// <summary>The elements from one on.</summary>
    /// <param name="start">The index of the first element.</param>
    /// <returns>The elements from there to the end.</returns>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="start"/> is negative or greater than <see cref="Length"/>.
    /// </exception>
    public DeviceSpan<T> Slice(long start)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)start, (ulong)Length, nameof(start));
        return Slice(start, Length - start);
    }

    /// <summary>Some of the elements.</summary>
    /// <param name="start">The index of the first element.</param>
    /// <param name="length">How many elements.</param>
    /// <returns>The elements.</returns>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="start"/> or <paramref name="length"/> is negative, or both together are greater than
    /// <see cref="Length"/>.
    /// </exception>
    public DeviceSpan<T> Slice(long start, long length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)start, (ulong)Length, nameof(start));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)length, (ulong)(Length - start), nameof(length));
        return new DeviceSpan<T>(Address + (nint)(start * Unsafe.SizeOf<T>()), length, _owner);
    }

    /// <summary>Whether two spans are the same memory.</summary>
    /// <param name="other">The other one.</param>
    /// <returns>Whether address and length are equal.</returns>
    public bool Equals(DeviceSpan<T> other) => Address == other.Address && Length == other.Length;

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is DeviceSpan<T> other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Address, Length);

    /// <summary>A short description, such as <c>Single[1024] at 0x7f0000000000</c>.</summary>
    /// <returns>The description.</returns>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{typeof(T).Name}[{Length}] at 0x{Address:x}");

    /// <summary>Whether two spans are the same memory.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether address and length are equal.</returns>
    public static bool operator ==(DeviceSpan<T> left, DeviceSpan<T> right) => left.Equals(right);

    /// <summary>Whether two spans are different memory.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether address or length differ.</returns>
    public static bool operator !=(DeviceSpan<T> left, DeviceSpan<T> right) => !left.Equals(right);

    /// <summary>Keeps the memory for a call.</summary>
    /// <exception cref="ObjectDisposedException">The buffer whose span it is has been disposed.</exception>
    internal DeviceMemory.Lease Rent() => _owner is null ? default : _owner.Rent();

    /// <summary>Keeps the memory until the handle is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The buffer whose span it is has been disposed.</exception>
    internal unsafe MemoryHandle Keep() => _owner is null ? new MemoryHandle((void*)Address) : _owner.Keep(Address);
}
