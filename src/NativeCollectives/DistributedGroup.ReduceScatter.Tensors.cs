using System.Numerics.Tensors;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Combines the ranks' tensors element by element; every rank gets its own rows of the result.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">
    /// What this rank contributes, with axis 0 <see cref="Size"/> times as long as that of the output.
    /// </param>
    /// <param name="output">
    /// The rows of the result along axis 0 that are this rank's. In place: the own rows of the input.
    /// </param>
    /// <param name="op">How elements are combined.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="ReduceScatter{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public void ReduceScatter<T>(
        in ReadOnlyTensorSpan<T> input,
        in TensorSpan<T> output,
        ReduceOp op,
        TimeSpan? timeout = null
    )
        where T : unmanaged
    {
        Check.Joined(nameof(input), input.Lengths, output.Lengths, Size, Check.OutputJoined);
        Operation operation = BeginReduceScatter(ElementType.Of<T>(), output.FlattenedLength, op, timeout);
        Run(ref operation, input, output);
    }

    /// <inheritdoc cref="ReduceScatter{T}(in ReadOnlyTensorSpan{T}, in TensorSpan{T}, ReduceOp, TimeSpan?)"/>
    public void ReduceScatter<T>(Tensor<T> input, Tensor<T> output, ReduceOp op, TimeSpan? timeout = null)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        ReduceScatter(input.AsReadOnlyTensorSpan(), output.AsTensorSpan(), op, timeout);
    }
}
