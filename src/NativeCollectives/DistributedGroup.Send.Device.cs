namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Sends elements in device memory to another rank, which receives equally many.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">What is sent.</param>
    /// <param name="destination">The rank it goes to.</param>
    /// <param name="stream">
    /// The CUDA stream that the operation takes its place on (0: the default stream): the call returns when it is
    /// there, without waiting for the device. <see langword="null"/>: the operation begins after what was put on the
    /// default stream before, and has ended when the call returns.
    /// </param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllReduce{T}(DeviceSpan{T}, DeviceSpan{T}, ReduceOp, nint?, TimeSpan?)" path="/exception"/>
    /// <remarks>NCCL's <c>ncclSend</c>.</remarks>
    public void Send<T>(DeviceSpan<T> buffer, int destination, nint? stream = null, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Operation operation = BeginSend(ElementType.Of<T>(), buffer.Length, destination, timeout);
        RunOnDevice(ref operation, buffer, default, stream);
    }

    /// <summary>Issues <see cref="Send{T}(DeviceSpan{T}, int, nint?, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">What is sent.</param>
    /// <param name="destination">The rank it goes to.</param>
    /// <param name="stream">
    /// The CUDA stream that the operation takes its place on (0: the default stream) before this method returns.
    /// <see langword="null"/>: the operation begins after what was put on the default stream before.
    /// </param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>
    /// A task that completes when the device has finished the operation; until then the buffers must not be touched.
    /// </returns>
    /// <inheritdoc cref="AllReduce{T}(DeviceSpan{T}, DeviceSpan{T}, ReduceOp, nint?, TimeSpan?)" path="/exception"/>
    public Task SendAsync<T>(
        DeviceSpan<T> buffer,
        int destination,
        nint? stream = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Operation operation = BeginSend(ElementType.Of<T>(), buffer.Length, destination, timeout);
        return RunOnDeviceAsync(ref operation, buffer, default, stream, cancellationToken);
    }
}
