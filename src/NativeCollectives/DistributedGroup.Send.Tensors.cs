using System.Numerics.Tensors;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>
    /// Sends a tensor's elements to another rank, which receives equally many. The shape is not sent.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">What is sent.</param>
    /// <param name="destination">The rank it goes to.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Send{T}(ReadOnlySpan{T}, int, TimeSpan?)" path="/exception"/>
    public void Send<T>(in ReadOnlyTensorSpan<T> buffer, int destination, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Operation operation = BeginSend(ElementType.Of<T>(), buffer.FlattenedLength, destination, timeout);
        Run(ref operation, buffer, default, sendName: nameof(buffer));
    }

    /// <inheritdoc cref="Send{T}(in ReadOnlyTensorSpan{T}, int, TimeSpan?)"/>
    public void Send<T>(Tensor<T> buffer, int destination, TimeSpan? timeout = null)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(buffer);
        Send(buffer.AsReadOnlyTensorSpan(), destination, timeout);
    }
}
