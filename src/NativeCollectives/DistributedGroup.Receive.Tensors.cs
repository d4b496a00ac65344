using System.Numerics.Tensors;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>
    /// Receives a tensor's elements from another rank, which sends equally many. The shape is not sent.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">Where they go.</param>
    /// <param name="source">The rank they come from.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Receive{T}(Span{T}, int, TimeSpan?)" path="/exception"/>
    public void Receive<T>(in TensorSpan<T> buffer, int source, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Operation operation = BeginReceive(ElementType.Of<T>(), buffer.FlattenedLength, source, timeout);
        Run(ref operation, default, buffer, receiveName: nameof(buffer));
    }

    /// <inheritdoc cref="Receive{T}(in TensorSpan{T}, int, TimeSpan?)"/>
    public void Receive<T>(Tensor<T> buffer, int source, TimeSpan? timeout = null)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(buffer);
        Receive(buffer.AsTensorSpan(), source, timeout);
    }
}
