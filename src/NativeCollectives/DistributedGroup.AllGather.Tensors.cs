using System.Numerics.Tensors;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Joins the ranks' tensors along axis 0, in rank order; every rank gets the whole.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes, of the same shape on every rank.</param>
    /// <param name="output">
    /// The result, of the input's shape with axis 0 <see cref="Size"/> times as long. In place: the input is the own
    /// block of it.
    /// </param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllGather{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)" path="/exception"/>
    public void AllGather<T>(in ReadOnlyTensorSpan<T> input, in TensorSpan<T> output, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Check.Joined(nameof(output), output.Lengths, input.Lengths, Size, Check.InputJoined);
        Operation operation = BeginAllGather(ElementType.Of<T>(), input.FlattenedLength, timeout);
        Run(ref operation, input, output);
    }

    /// <inheritdoc cref="AllGather{T}(in ReadOnlyTensorSpan{T}, in TensorSpan{T}, TimeSpan?)"/>
    public void AllGather<T>(Tensor<T> input, Tensor<T> output, TimeSpan? timeout = null)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        AllGather(input.AsReadOnlyTensorSpan(), output.AsTensorSpan(), timeout);
    }

    /// <summary>Joins the ranks' tensors along axis 0, in rank order; every rank gets the whole.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes, of the same shape on every rank.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <returns>The result, of the input's shape with axis 0 <see cref="Size"/> times as long.</returns>
    /// <inheritdoc cref="AllGather{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)" path="/exception"/>
    public Tensor<T> AllGather<T>(in ReadOnlyTensorSpan<T> input, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Tensor<T> output = Tensor.CreateFromShapeUninitialized<T>(Check.Join(input.Lengths, Size));
        AllGather(input, output.AsTensorSpan(), timeout);
        return output;
    }

    /// <inheritdoc cref="AllGather{T}(in ReadOnlyTensorSpan{T}, TimeSpan?)"/>
    public Tensor<T> AllGather<T>(Tensor<T> input, TimeSpan? timeout = null)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(input);
        return AllGather(input.AsReadOnlyTensorSpan(), timeout);
    }
}
