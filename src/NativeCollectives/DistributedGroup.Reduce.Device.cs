namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Combines the ranks' inputs in device memory element by element; the root gets the result.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: equally much on every rank.</param>
    /// <param name="output">
    /// At the root the result, of the input's length; elsewhere it is not used and may be empty. In place: the input's
    /// memory.
    /// </param>
    /// <param name="op">How elements are combined.</param>
    /// <param name="root">The rank that gets the result.</param>
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
    /// <remarks>NCCL's <c>ncclReduce</c>.</remarks>
    public void Reduce<T>(
        DeviceSpan<T> input,
        DeviceSpan<T> output,
        ReduceOp op,
        int root,
        nint? stream = null,
        TimeSpan? timeout = null
    )
        where T : unmanaged
    {
        Operation operation = BeginReduce(ElementType.Of<T>(), input.Length, op, root, timeout);
        CheckReduceOutput(output.Length, input.Length, root);
        RunOnDevice(ref operation, input, output, stream);
    }

    /// <summary>
    /// Issues <see cref="Reduce{T}(DeviceSpan{T}, DeviceSpan{T}, ReduceOp, int, nint?, TimeSpan?)"/> and returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: equally much on every rank.</param>
    /// <param name="output">
    /// At the root the result, of the input's length; elsewhere it is not used and may be empty. In place: the input's
    /// memory.
    /// </param>
    /// <param name="op">How elements are combined.</param>
    /// <param name="root">The rank that gets the result.</param>
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
    public Task ReduceAsync<T>(
        DeviceSpan<T> input,
        DeviceSpan<T> output,
        ReduceOp op,
        int root,
        nint? stream = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Operation operation = BeginReduce(ElementType.Of<T>(), input.Length, op, root, timeout);
        CheckReduceOutput(output.Length, input.Length, root);
        return RunOnDeviceAsync(ref operation, input, output, stream, cancellationToken);
    }
}
