using System.Numerics.Tensors;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Joins the ranks' tensors along axis 0, in rank order, at the root.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes, of the same shape on every rank.</param>
    /// <param name="output">
    /// At the root the result, of the input's shape with axis 0 <see cref="Size"/> times as long; elsewhere it is not
    /// used and may be empty. In place: the input is the own block of it.
    /// </param>
    /// <param name="root">The rank that gets the result.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Gather{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)" path="/exception"/>
    public void Gather<T>(in ReadOnlyTensorSpan<T> input, in TensorSpan<T> output, int root, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Operation operation = BeginGather(ElementType.Of<T>(), input.FlattenedLength, root, timeout);
        if (Rank == root)
        {
            Check.Joined(nameof(output), output.Lengths, input.Lengths, Size, Check.InputJoined);
        }

        Run(ref operation, input, Rank == root ? output : default);
    }

    /// <inheritdoc cref="Gather{T}(in ReadOnlyTensorSpan{T}, in TensorSpan{T}, int, TimeSpan?)"/>
    public void Gather<T>(Tensor<T> input, Tensor<T>? output, int root, TimeSpan? timeout = null)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(input);
        Gather(input.AsReadOnlyTensorSpan(), output is null ? default : output.AsTensorSpan(), root, timeout);
    }
}
