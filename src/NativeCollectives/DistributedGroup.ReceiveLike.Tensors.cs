using System.Numerics.Tensors;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>
    /// Receives a tensor of another one's shape from another rank, which sends equally many elements.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="template">The tensor whose shape counts; it is neither read nor written.</param>
    /// <param name="source">The rank it comes from.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <returns>The tensor.</returns>
    /// <inheritdoc cref="Receive{T}(Span{T}, int, TimeSpan?)" path="/exception"/>
    /// <remarks>MLX's <c>recv_like</c>.</remarks>
    public Tensor<T> ReceiveLike<T>(in ReadOnlyTensorSpan<T> template, int source, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Check.Peer(nameof(source), source, Rank, Size);
        Tensor<T> buffer = Tensor.CreateFromShapeUninitialized<T>(template.Lengths);
        Receive(buffer.AsTensorSpan(), source, timeout);
        return buffer;
    }

    /// <inheritdoc cref="ReceiveLike{T}(in ReadOnlyTensorSpan{T}, int, TimeSpan?)"/>
    public Tensor<T> ReceiveLike<T>(Tensor<T> template, int source, TimeSpan? timeout = null)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(template);
        return ReceiveLike(template.AsReadOnlyTensorSpan(), source, timeout);
    }
}
