using System.Numerics.Tensors;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Copies the root's tensor to every rank.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">At the root what is sent, elsewhere the result: of the same shape on every rank.</param>
    /// <param name="root">The rank whose tensor it is.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Broadcast{T}(Span{T}, int, TimeSpan?)" path="/exception"/>
    public void Broadcast<T>(in TensorSpan<T> buffer, int root, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Operation operation = BeginBroadcast(ElementType.Of<T>(), buffer.FlattenedLength, root, timeout);
        RunInPlace(ref operation, buffer);
    }

    /// <inheritdoc cref="Broadcast{T}(in TensorSpan{T}, int, TimeSpan?)"/>
    public void Broadcast<T>(Tensor<T> buffer, int root, TimeSpan? timeout = null)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(buffer);
        Broadcast(buffer.AsTensorSpan(), root, timeout);
    }
}
