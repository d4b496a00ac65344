using System.Numerics.Tensors;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>The sum of the ranks' tensors, element by element; every rank gets its own rows of it.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">
    /// What this rank contributes, with axis 0 <see cref="Size"/> times as long as that of the output.
    /// </param>
    /// <param name="output">
    /// The rows of the result along axis 0 that are this rank's. In place: the own rows of the input.
    /// </param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="ReduceScatter{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    /// <remarks>MLX's <c>sum_scatter</c>; the same as <c>ReduceScatter</c> with <see cref="ReduceOp.Sum"/>.</remarks>
    public void SumScatter<T>(in ReadOnlyTensorSpan<T> input, in TensorSpan<T> output, TimeSpan? timeout = null)
        where T : unmanaged => ReduceScatter(input, output, ReduceOp.Sum, timeout);

    /// <inheritdoc cref="SumScatter{T}(in ReadOnlyTensorSpan{T}, in TensorSpan{T}, TimeSpan?)"/>
    public void SumScatter<T>(Tensor<T> input, Tensor<T> output, TimeSpan? timeout = null)
        where T : unmanaged => ReduceScatter(input, output, ReduceOp.Sum, timeout);

    /// <summary>The sum of the ranks' tensors, element by element; every rank gets its own rows of it.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">
    /// What this rank contributes; the length of axis 0 is a multiple of <see cref="Size"/>.
    /// </param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <returns>The rows of the result along axis 0 that are this rank's.</returns>
    /// <inheritdoc cref="ReduceScatter{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    /// <remarks>MLX's <c>sum_scatter</c>; the same as <c>ReduceScatter</c> with <see cref="ReduceOp.Sum"/>.</remarks>
    public Tensor<T> SumScatter<T>(in ReadOnlyTensorSpan<T> input, TimeSpan? timeout = null)
        where T : unmanaged
    {
        nint[] lengths = input.Lengths.ToArray();
        nint rows = Check.DivideRows(nameof(input), lengths, Size);
        lengths[0] = rows;
        Tensor<T> output = Tensor.CreateFromShapeUninitialized<T>(lengths);
        SumScatter(input, output.AsTensorSpan(), timeout);
        return output;
    }

    /// <inheritdoc cref="SumScatter{T}(in ReadOnlyTensorSpan{T}, TimeSpan?)"/>
    public Tensor<T> SumScatter<T>(Tensor<T> input, TimeSpan? timeout = null)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(input);
        return SumScatter(input.AsReadOnlyTensorSpan(), timeout);
    }
}
