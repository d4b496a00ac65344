namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Joins the ranks' inputs in device memory, in rank order, at the root.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: equally much on every rank.</param>
    /// <param name="output">
    /// At the root the result, of <see cref="Size"/> times the input's length; elsewhere it is not used and may be
    /// empty. In place: the input is the own block of it.
    /// </param>
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
    /// <remarks>NCCL's <c>ncclGather</c>.</remarks>
    public void Gather<T>(
        DeviceSpan<T> input,
        DeviceSpan<T> output,
        int root,
        nint? stream = null,
        TimeSpan? timeout = null
    )
        where T : unmanaged
    {
        Operation operation = BeginGather(ElementType.Of<T>(), input.Length, root, timeout);
        CheckGatherOutput(output.Length, input.Length, root);
        RunOnDevice(ref operation, input, output, stream);
    }

    /// <summary>
    /// Issues <see cref="Gather{T}(DeviceSpan{T}, DeviceSpan{T}, int, nint?, TimeSpan?)"/> and returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: equally much on every rank.</param>
    /// <param name="output">
    /// At the root the result, of <see cref="Size"/> times the input's length; elsewhere it is not used and may be
    /// empty. In place: the input is the own block of it.
    /// </param>
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
    public Task GatherAsync<T>(
        DeviceSpan<T> input,
        DeviceSpan<T> output,
        int root,
        nint? stream = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Operation operation = BeginGather(ElementType.Of<T>(), input.Length, root, timeout);
        CheckGatherOutput(output.Length, input.Length, root);
        return RunOnDeviceAsync(ref operation, input, output, stream, cancellationToken);
    }

    /// <summary>Joins the ranks' inputs of different lengths in device memory, in rank order, at the root.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">
    /// At the root the result, as long as all counts together; elsewhere it is not used and may be empty. In place: the
    /// input is the own block of it.
    /// </param>
    /// <param name="counts">
    /// At the root, how many elements each rank contributes; elsewhere it is not used and may be empty.
    /// </param>
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
    /// <remarks>MPI's <c>MPI_Gatherv</c>, the blocks one behind the other. Every rank must use this form.</remarks>
    public void Gather<T>(
        DeviceSpan<T> input,
        DeviceSpan<T> output,
        ReadOnlySpan<long> counts,
        int root,
        nint? stream = null,
        TimeSpan? timeout = null
    )
        where T : unmanaged
    {
        CollectiveDataType type = ElementType.Of<T>();
        using BlockCounts blocks = ReadCountsAtRoot(counts, root, type);
        Operation operation = BeginGather(type, input.Length, output.Length, blocks, root, timeout);
        RunOnDevice(ref operation, input, output, stream, receiveCounts: blocks.Values);
    }

    /// <summary>
    /// Issues <see cref="Gather{T}(DeviceSpan{T}, DeviceSpan{T}, ReadOnlySpan{long}, int, nint?, TimeSpan?)"/> and
    /// returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">
    /// At the root the result, as long as all counts together; elsewhere it is not used and may be empty. In place: the
    /// input is the own block of it.
    /// </param>
    /// <param name="counts">
    /// At the root, how many elements each rank contributes; elsewhere it is not used and may be empty. They are read
    /// before this method returns.
    /// </param>
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
    public Task GatherAsync<T>(
        DeviceSpan<T> input,
        DeviceSpan<T> output,
        ReadOnlySpan<long> counts,
        int root,
        nint? stream = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        CollectiveDataType type = ElementType.Of<T>();
        using BlockCounts blocks = ReadCountsAtRoot(counts, root, type);
        Operation operation = BeginGather(type, input.Length, output.Length, blocks, root, timeout);
        return RunOnDeviceAsync(ref operation, input, output, stream, cancellationToken, receiveCounts: blocks.Values);
    }
}
