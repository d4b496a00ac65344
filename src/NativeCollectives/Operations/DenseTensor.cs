using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace NativeCollectives;

/// <summary>
/// A tensor's elements one behind the other, the last axis running fastest: where they are, if they lie so, and in a
/// rented buffer otherwise.
/// </summary>
internal ref struct DenseTensor<T>
    where T : unmanaged
{
    private readonly ref T _first;
    private readonly int _length;
    private T[]? _rented;

    private DenseTensor(ref T first) => _first = ref first;

    private DenseTensor(nint length, string parameterName)
    {
        _length =
            length <= Array.MaxLength
                ? (int)length
                : throw new ArgumentException(
                    $"{parameterName} is not dense and has {length} elements, too many for a copy of it.",
                    parameterName
                );
        _rented = ArrayPool<T>.Shared.Rent(_length);
        _first = ref _rented[0];
    }

    /// <summary>A tensor that is read.</summary>
    internal static DenseTensor<T> ForInput(in ReadOnlyTensorSpan<T> tensor, string parameterName)
    {
        if (IsInOrder(tensor))
        {
            return new DenseTensor<T>(ref Unsafe.AsRef(in tensor.GetPinnableReference()));
        }

        var dense = new DenseTensor<T>(tensor.FlattenedLength, parameterName);
        tensor.FlattenTo(dense.Copy);
        return dense;
    }

    /// <summary>A tensor that is written: <see cref="CopyBack"/> brings the result there.</summary>
    /// <exception cref="ArgumentException">It has fewer elements in memory than its shape.</exception>
    internal static DenseTensor<T> ForOutput(in TensorSpan<T> tensor, string parameterName)
    {
        RequireOwnPlaces(tensor, parameterName);
        return IsInOrder(tensor)
            ? new DenseTensor<T>(ref tensor.GetPinnableReference())
            : new DenseTensor<T>(tensor.FlattenedLength, parameterName);
    }

    /// <summary>A tensor that is read and written: <see cref="CopyBack"/> brings the result there.</summary>
    internal static DenseTensor<T> ForBoth(in TensorSpan<T> tensor, string parameterName)
    {
        DenseTensor<T> dense = ForOutput(tensor, parameterName);
        if (dense._rented is not null)
        {
            tensor.FlattenTo(dense.Copy);
        }

        return dense;
    }

    private readonly Span<T> Copy => _rented.AsSpan(0, _length);

    internal readonly ref T GetPinnableReference() => ref _first;

    internal readonly void CopyBack(in TensorSpan<T> tensor)
    {
        if (_rented is not null)
        {
            new ReadOnlyTensorSpan<T>(Copy, tensor.Lengths).CopyTo(tensor);
        }
    }

    public void Dispose()
    {
        if (_rented is not null)
        {
            ArrayPool<T>.Shared.Return(_rented);
            _rented = null;
        }
    }

    // Along an axis of stride 0 all elements are one and the same place: such a tensor can be read, but holds no
    // result.
    internal static void RequireOwnPlaces(in TensorSpan<T> tensor, string parameterName)
    {
        if (tensor.FlattenedLength == 0)
        {
            return;
        }

        for (int axis = 0; axis < tensor.Rank; axis++)
        {
            if (tensor.Lengths[axis] > 1 && tensor.Strides[axis] == 0)
            {
                throw new ArgumentException(
                    $"{parameterName} has {tensor.Lengths[axis]} elements along axis {axis}, but its stride there is "
                        + "0: they are one and "
                        + "the same place in memory, which cannot hold a result. Copy it to a tensor of its own "
                        + "memory.",
                    parameterName
                );
            }
        }
    }

    // An empty tensor has no elements that could be out of order.
    private static bool IsInOrder(in ReadOnlyTensorSpan<T> tensor) => tensor.IsDense || tensor.FlattenedLength == 0;
}
