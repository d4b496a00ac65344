using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace NativeCollectives;

/// <summary>
/// A tensor of an operation under way: pinned where it is if its elements lie one behind the other, and a copy
/// otherwise.
/// </summary>
internal sealed class PinnedTensor<T>
    where T : unmanaged
{
    private readonly Tensor<T>? _tensor;
    private T[]? _copy;

    /// <summary>A tensor; <see langword="null"/>: one that is not used.</summary>
    internal PinnedTensor(Tensor<T>? tensor) => _tensor = tensor;

    /// <summary>Whether <see cref="CopyBackAfter"/> has something to do.</summary>
    internal bool IsCopied => _copy is not null;

    private bool IsInOrder => _tensor is null || _tensor.IsDense || _tensor.FlattenedLength == 0;

    /// <summary>Makes it ready to be read.</summary>
    internal void PrepareInput()
    {
        if (!IsInOrder)
        {
            _copy = Results.NewArray<T>("input", _tensor!.FlattenedLength);
            _tensor.FlattenTo(_copy);
        }
    }

    /// <summary>Makes it ready to be written.</summary>
    /// <exception cref="ArgumentException">It has fewer elements in memory than its shape.</exception>
    internal void PrepareOutput(bool isReadToo)
    {
        if (_tensor is null)
        {
            return;
        }

        DenseTensor<T>.RequireOwnPlaces(_tensor.AsTensorSpan(), isReadToo ? "buffer" : "output");
        if (!IsInOrder)
        {
            _copy = Results.NewArray<T>("output", _tensor.FlattenedLength);
            if (isReadToo)
            {
                _tensor.FlattenTo(_copy);
            }
        }
    }

    /// <summary>Pins it where the operation reads or writes.</summary>
    internal MemoryHandle Pin() =>
        _copy is not null ? _copy.AsMemory().Pin()
        : _tensor is null || _tensor.FlattenedLength == 0 ? default
        : PinInPlace(_tensor);

    // The handle of a tensor pins its whole memory and points to the beginning of that, wherever the tensor begins.
    private static unsafe MemoryHandle PinInPlace(Tensor<T> tensor)
    {
        var memory = new WholeMemory(tensor.GetPinnedHandle());
        return new MemoryHandle(Unsafe.AsPointer(ref tensor.AsTensorSpan().GetPinnableReference()), pinnable: memory);
    }

    private sealed class WholeMemory(MemoryHandle handle) : IPinnable
    {
        private MemoryHandle _handle = handle;

        public MemoryHandle Pin(int elementIndex) => throw new NotSupportedException();

        public void Unpin() => _handle.Dispose();
    }

    /// <summary>Brings the result to the tensor when an operation has ended.</summary>
    internal async Task CopyBackAfter(Task operation)
    {
        await operation.ConfigureAwait(false);
        new ReadOnlyTensorSpan<T>(_copy!, _tensor!.Lengths).CopyTo(_tensor.AsTensorSpan());
    }
}
