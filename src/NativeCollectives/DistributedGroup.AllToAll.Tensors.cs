using System.Numerics.Tensors;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>
    /// Every rank sends rows of its tensor, along axis 0, to each rank: block s of rank r's output is block r of rank
    /// s's input.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">
    /// <see cref="Size"/> blocks of rows, one for each rank: the length of axis 0 is a multiple of <see cref="Size"/>.
    /// </param>
    /// <param name="output">The blocks from each rank: of the input's shape. There is no in-place form.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllToAll{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)" path="/exception"/>
    public void AllToAll<T>(in ReadOnlyTensorSpan<T> input, in TensorSpan<T> output, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Check.DivideRows(nameof(input), input.Lengths, Size);
        Check.SameShape(nameof(output), output.Lengths, input.Lengths);
        Operation operation = BeginAllToAll(ElementType.Of<T>(), input.FlattenedLength / Size, timeout);
        Run(ref operation, input, output);
    }

    /// <inheritdoc cref="AllToAll{T}(in ReadOnlyTensorSpan{T}, in TensorSpan{T}, TimeSpan?)"/>
    public void AllToAll<T>(Tensor<T> input, Tensor<T> output, TimeSpan? timeout = null)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        AllToAll(input.AsReadOnlyTensorSpan(), output.AsTensorSpan(), timeout);
    }
}
