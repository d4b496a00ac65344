using System.Numerics.Tensors;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>
    /// Combines the ranks' tensors element by element; every rank gets the whole result, bit for bit the same.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">The result, of the input's shape. In place: the input's memory.</param>
    /// <param name="op">How elements are combined.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public void AllReduce<T>(
        in ReadOnlyTensorSpan<T> input,
        in TensorSpan<T> output,
        ReduceOp op,
        TimeSpan? timeout = null
    )
        where T : unmanaged
    {
        Check.SameShape(nameof(output), output.Lengths, input.Lengths);
        Operation operation = BeginAllReduce(ElementType.Of<T>(), input.FlattenedLength, op, timeout);
        Run(ref operation, input, output);
    }

    /// <inheritdoc cref="AllReduce{T}(in ReadOnlyTensorSpan{T}, in TensorSpan{T}, ReduceOp, TimeSpan?)"/>
    public void AllReduce<T>(Tensor<T> input, Tensor<T> output, ReduceOp op, TimeSpan? timeout = null)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        AllReduce(input.AsReadOnlyTensorSpan(), output.AsTensorSpan(), op, timeout);
    }

    /// <summary>
    /// Combines the ranks' tensors element by element in place; every rank gets the whole result, bit for bit the same.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">What this rank contributes, and then the result.</param>
    /// <param name="op">How elements are combined.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public void AllReduce<T>(in TensorSpan<T> buffer, ReduceOp op, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Operation operation = BeginAllReduce(ElementType.Of<T>(), buffer.FlattenedLength, op, timeout);
        RunInPlace(ref operation, buffer);
    }

    /// <inheritdoc cref="AllReduce{T}(in TensorSpan{T}, ReduceOp, TimeSpan?)"/>
    public void AllReduce<T>(Tensor<T> buffer, ReduceOp op, TimeSpan? timeout = null)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(buffer);
        AllReduce(buffer.AsTensorSpan(), op, timeout);
    }
}
