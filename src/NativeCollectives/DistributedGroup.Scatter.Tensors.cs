using System.Numerics.Tensors;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Hands the rows of the root's tensor, along axis 0, out to the ranks.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">
    /// At the root a tensor of the output's shape with axis 0 <see cref="Size"/> times as long; elsewhere it is not
    /// used and may be empty.
    /// </param>
    /// <param name="output">The own rows, of the same shape on every rank. In place: the own rows of the input.</param>
    /// <param name="root">The rank whose input it is.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Scatter{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)" path="/exception"/>
    public void Scatter<T>(in ReadOnlyTensorSpan<T> input, in TensorSpan<T> output, int root, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Operation operation = BeginScatter(ElementType.Of<T>(), output.FlattenedLength, root, timeout);
        if (Rank == root)
        {
            Check.Joined(nameof(input), input.Lengths, output.Lengths, Size, Check.OutputJoined);
        }

        Run(ref operation, Rank == root ? input : default, output);
    }

    /// <inheritdoc cref="Scatter{T}(in ReadOnlyTensorSpan{T}, in TensorSpan{T}, int, TimeSpan?)"/>
    public void Scatter<T>(Tensor<T>? input, Tensor<T> output, int root, TimeSpan? timeout = null)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(output);
        Scatter(input is null ? default : input.AsReadOnlyTensorSpan(), output.AsTensorSpan(), root, timeout);
    }
}
