using System.Numerics.Tensors;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Combines the ranks' tensors element by element; the root gets the result.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes, of the same shape on every rank.</param>
    /// <param name="output">
    /// At the root the result, of the input's shape; elsewhere it is not used and may be empty. In place: the input's
    /// memory.
    /// </param>
    /// <param name="op">How elements are combined.</param>
    /// <param name="root">The rank that gets the result.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Reduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, int, TimeSpan?)" path="/exception"/>
    public void Reduce<T>(
        in ReadOnlyTensorSpan<T> input,
        in TensorSpan<T> output,
        ReduceOp op,
        int root,
        TimeSpan? timeout = null
    )
        where T : unmanaged
    {
        Operation operation = BeginReduce(ElementType.Of<T>(), input.FlattenedLength, op, root, timeout);
        if (Rank == root)
        {
            Check.SameShape(nameof(output), output.Lengths, input.Lengths);
        }

        Run(ref operation, input, Rank == root ? output : default);
    }

    /// <inheritdoc cref="Reduce{T}(in ReadOnlyTensorSpan{T}, in TensorSpan{T}, ReduceOp, int, TimeSpan?)"/>
    public void Reduce<T>(Tensor<T> input, Tensor<T>? output, ReduceOp op, int root, TimeSpan? timeout = null)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(input);
        Reduce(input.AsReadOnlyTensorSpan(), output is null ? default : output.AsTensorSpan(), op, root, timeout);
    }
}
