namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Copies the root's buffer in device memory to every rank.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">At the root what is sent, elsewhere the result: equally long on every rank.</param>
    /// <param name="root">The rank whose buffer it is.</param>
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
    /// <remarks>NCCL's <c>ncclBroadcast</c>.</remarks>
    public void Broadcast<T>(DeviceSpan<T> buffer, int root, nint? stream = null, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Operation operation = BeginBroadcast(ElementType.Of<T>(), buffer.Length, root, timeout);
        RunOnDevice(ref operation, buffer, buffer, stream);
    }

    /// <summary>Issues <see cref="Broadcast{T}(DeviceSpan{T}, int, nint?, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">At the root what is sent, elsewhere the result: equally long on every rank.</param>
    /// <param name="root">The rank whose buffer it is.</param>
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
    public Task BroadcastAsync<T>(
        DeviceSpan<T> buffer,
        int root,
        nint? stream = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Operation operation = BeginBroadcast(ElementType.Of<T>(), buffer.Length, root, timeout);
        return RunOnDeviceAsync(ref operation, buffer, buffer, stream, cancellationToken);
    }
}
