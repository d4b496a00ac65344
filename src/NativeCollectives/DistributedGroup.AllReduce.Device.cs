namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>
    /// Combines the ranks' inputs in device memory element by element; every rank gets the whole result.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">The result, of the input's length. In place: the input's memory.</param>
    /// <param name="op">How elements are combined.</param>
    /// <param name="stream">
    /// The CUDA stream that the operation takes its place on (0: the default stream): the call returns when it is
    /// there, without waiting for the device. <see langword="null"/>: the operation begins after what was put on the
    /// default stream before, and has ended when the call returns.
    /// </param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <exception cref="ArgumentException">
    /// <typeparamref name="T"/> is not an element type, a length is wrong, or buffers overlap in another way than the
    /// in-place form.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A rank or operator does not exist, or <paramref name="timeout"/> is not positive and finite.
    /// </exception>
    /// <exception cref="NotSupportedException">
    /// The group works on host memory only, or its backend cannot do this with this element type. The group stays
    /// usable.
    /// </exception>
    /// <exception cref="ObjectDisposedException">
    /// The group has been disposed, before or meanwhile, or a buffer had been.
    /// </exception>
    /// <exception cref="CollectiveException">
    /// The operation failed and ended the group, or an earlier one had: the derived type tells how.
    /// </exception>
    /// <remarks>NCCL's <c>ncclAllReduce</c>.</remarks>
    public void AllReduce<T>(
        DeviceSpan<T> input,
        DeviceSpan<T> output,
        ReduceOp op,
        nint? stream = null,
        TimeSpan? timeout = null
    )
        where T : unmanaged
    {
        Check.Length(nameof(output), output.Length, input.Length, Check.AsManyAsInput);
        Operation operation = BeginAllReduce(ElementType.Of<T>(), input.Length, op, timeout);
        RunOnDevice(ref operation, input, output, stream);
    }

    /// <summary>
    /// Issues <see cref="AllReduce{T}(DeviceSpan{T}, DeviceSpan{T}, ReduceOp, nint?, TimeSpan?)"/> and returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">The result, of the input's length. In place: the input's memory.</param>
    /// <param name="op">How elements are combined.</param>
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
    public Task AllReduceAsync<T>(
        DeviceSpan<T> input,
        DeviceSpan<T> output,
        ReduceOp op,
        nint? stream = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Check.Length(nameof(output), output.Length, input.Length, Check.AsManyAsInput);
        Operation operation = BeginAllReduce(ElementType.Of<T>(), input.Length, op, timeout);
        return RunOnDeviceAsync(ref operation, input, output, stream, cancellationToken);
    }

    /// <summary>
    /// Combines the ranks' buffers in device memory element by element in place; every rank gets the whole result.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">What this rank contributes, and then the result.</param>
    /// <param name="op">How elements are combined.</param>
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
    /// <remarks>NCCL's <c>ncclAllReduce</c>.</remarks>
    public void AllReduce<T>(DeviceSpan<T> buffer, ReduceOp op, nint? stream = null, TimeSpan? timeout = null)
        where T : unmanaged => AllReduce(buffer, buffer, op, stream, timeout);

    /// <summary>Issues <see cref="AllReduce{T}(DeviceSpan{T}, ReduceOp, nint?, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">What this rank contributes, and then the result.</param>
    /// <param name="op">How elements are combined.</param>
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
    public Task AllReduceAsync<T>(
        DeviceSpan<T> buffer,
        ReduceOp op,
        nint? stream = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged => AllReduceAsync(buffer, buffer, op, stream, timeout, cancellationToken);
}
