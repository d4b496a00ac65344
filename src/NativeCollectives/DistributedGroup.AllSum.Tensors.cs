using System.Numerics.Tensors;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>The sum of the ranks' tensors, element by element; every rank gets the whole result.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">The result, of the input's shape. In place: the input's memory.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public void AllSum<T>(in ReadOnlyTensorSpan<T> input, in TensorSpan<T> output, TimeSpan? timeout = null)
        where T : unmanaged => AllReduce(input, output, ReduceOp.Sum, timeout);

    /// <inheritdoc cref="AllSum{T}(in ReadOnlyTensorSpan{T}, in TensorSpan{T}, TimeSpan?)"/>
    public void AllSum<T>(Tensor<T> input, Tensor<T> output, TimeSpan? timeout = null)
        where T : unmanaged => AllReduce(input, output, ReduceOp.Sum, timeout);

    /// <summary>
    /// The sum of the ranks' tensors, element by element, in place; every rank gets the whole result.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">What this rank contributes, and then the result.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public void AllSum<T>(in TensorSpan<T> buffer, TimeSpan? timeout = null)
        where T : unmanaged => AllReduce(buffer, ReduceOp.Sum, timeout);

    /// <inheritdoc cref="AllSum{T}(in TensorSpan{T}, TimeSpan?)"/>
    public void AllSum<T>(Tensor<T> buffer, TimeSpan? timeout = null)
        where T : unmanaged => AllReduce(buffer, ReduceOp.Sum, timeout);
}
