namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Divides the root's input in device memory into blocks; every rank gets its own.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">
    /// At the root, <see cref="Size"/> blocks of the output's length, one for each rank; elsewhere it is not used and
    /// may be empty.
    /// </param>
    /// <param name="output">The own block: equally long on every rank. In place: the own block of the input.</param>
    /// <param name="root">The rank whose input it is.</param>
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
    /// <remarks>NCCL's <c>ncclScatter</c>.</remarks>
    public void Scatter<T>(
        DeviceSpan<T> input,
        DeviceSpan<T> output,
        int root,
        nint? stream = null,
        TimeSpan? timeout = null
    )
        where T : unmanaged
    {
        Operation operation = BeginScatter(ElementType.Of<T>(), output.Length, root, timeout);
        CheckScatterInput(input.Length, output.Length, root);
        RunOnDevice(ref operation, input, output, stream);
    }

    /// <summary>
    /// Issues <see cref="Scatter{T}(DeviceSpan{T}, DeviceSpan{T}, int, nint?, TimeSpan?)"/> and returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">
    /// At the root, <see cref="Size"/> blocks of the output's length, one for each rank; elsewhere it is not used and
    /// may be empty.
    /// </param>
    /// <param name="output">The own block: equally long on every rank. In place: the own block of the input.</param>
    /// <param name="root">The rank whose input it is.</param>
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
    public Task ScatterAsync<T>(
        DeviceSpan<T> input,
        DeviceSpan<T> output,
        int root,
        nint? stream = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Operation operation = BeginScatter(ElementType.Of<T>(), output.Length, root, timeout);
        CheckScatterInput(input.Length, output.Length, root);
        return RunOnDeviceAsync(ref operation, input, output, stream, cancellationToken);
    }

    /// <summary>
    /// Divides the root's input in device memory into blocks of different lengths; every rank gets its own.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">
    /// At the root, one block for each rank, as long as all counts together; elsewhere it is not used and may be empty.
    /// </param>
    /// <param name="output">The own block. In place: the own block of the input.</param>
    /// <param name="counts">
    /// At the root, how many elements each rank gets; elsewhere it is not used and may be empty.
    /// </param>
    /// <param name="root">The rank whose input it is.</param>
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
    /// <remarks>MPI's <c>MPI_Scatterv</c>, the blocks one behind the other. Every rank must use this form.</remarks>
    public void Scatter<T>(
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
        Operation operation = BeginScatter(type, input.Length, output.Length, blocks, root, timeout);
        RunOnDevice(ref operation, input, output, stream, sendCounts: blocks.Values);
    }

    /// <summary>
    /// Issues <see cref="Scatter{T}(DeviceSpan{T}, DeviceSpan{T}, ReadOnlySpan{long}, int, nint?, TimeSpan?)"/> and
    /// returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">
    /// At the root, one block for each rank, as long as all counts together; elsewhere it is not used and may be empty.
    /// </param>
    /// <param name="output">The own block. In place: the own block of the input.</param>
    /// <param name="counts">
    /// At the root, how many elements each rank gets; elsewhere it is not used and may be empty. They are read before
    /// this method returns.
    /// </param>
    /// <param name="root">The rank whose input it is.</param>
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
    public Task ScatterAsync<T>(
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
        Operation operation = BeginScatter(type, input.Length, output.Length, blocks, root, timeout);
        return RunOnDeviceAsync(ref operation, input, output, stream, cancellationToken, sendCounts: blocks.Values);
    }
}
