namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>
    /// Combines the ranks' inputs in device memory element by element; every rank gets its own block of the result.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">
    /// What this rank contributes: <see cref="Size"/> blocks of the output's length, one for each rank.
    /// </param>
    /// <param name="output">The own block of the result. In place: the own block of the input.</param>
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
    /// <remarks>NCCL's <c>ncclReduceScatter</c>.</remarks>
    public void ReduceScatter<T>(
        DeviceSpan<T> input,
        DeviceSpan<T> output,
        ReduceOp op,
        nint? stream = null,
        TimeSpan? timeout = null
    )
        where T : unmanaged
    {
        Check.Length(nameof(input), input.Length, TimesSize(output.Length), Check.OutputTimesSize);
        Operation operation = BeginReduceScatter(ElementType.Of<T>(), output.Length, op, timeout);
        RunOnDevice(ref operation, input, output, stream);
    }

    /// <summary>
    /// Issues <see cref="ReduceScatter{T}(DeviceSpan{T}, DeviceSpan{T}, ReduceOp, nint?, TimeSpan?)"/> and returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">
    /// What this rank contributes: <see cref="Size"/> blocks of the output's length, one for each rank.
    /// </param>
    /// <param name="output">The own block of the result. In place: the own block of the input.</param>
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
    public Task ReduceScatterAsync<T>(
        DeviceSpan<T> input,
        DeviceSpan<T> output,
        ReduceOp op,
        nint? stream = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Check.Length(nameof(input), input.Length, TimesSize(output.Length), Check.OutputTimesSize);
        Operation operation = BeginReduceScatter(ElementType.Of<T>(), output.Length, op, timeout);
        return RunOnDeviceAsync(ref operation, input, output, stream, cancellationToken);
    }

    /// <summary>
    /// Combines the ranks' inputs in device memory element by element; every rank gets its own block of the result,
    /// blocks being of different lengths.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: one block for each rank, as long as all counts together.</param>
    /// <param name="output">The own block of the result. In place: the own block of the input.</param>
    /// <param name="counts">How many elements each rank gets, alike on every rank.</param>
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
    /// <remarks>MPI's <c>MPI_Reduce_scatter</c>.</remarks>
    public void ReduceScatter<T>(
        DeviceSpan<T> input,
        DeviceSpan<T> output,
        ReadOnlySpan<long> counts,
        ReduceOp op,
        nint? stream = null,
        TimeSpan? timeout = null
    )
        where T : unmanaged
    {
        CollectiveDataType type = ElementType.Of<T>();
        using BlockCounts blocks = BlockCounts.Read(counts, Size, type, nameof(counts));
        Check.Length(nameof(input), input.Length, blocks.Total, Check.SumOfCounts);
        Check.Length(nameof(output), output.Length, blocks[Rank], Check.OwnCount);
        Operation operation = BeginReduceScatter(type, blocks, op, timeout);
        RunOnDevice(ref operation, input, output, stream, sendCounts: blocks.Values);
    }

    /// <summary>
    /// Issues
    /// <see cref="ReduceScatter{T}(DeviceSpan{T}, DeviceSpan{T}, ReadOnlySpan{long}, ReduceOp, nint?, TimeSpan?)"/> and
    /// returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: one block for each rank, as long as all counts together.</param>
    /// <param name="output">The own block of the result. In place: the own block of the input.</param>
    /// <param name="counts">
    /// How many elements each rank gets, alike on every rank. They are read before this method returns.
    /// </param>
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
    public Task ReduceScatterAsync<T>(
        DeviceSpan<T> input,
        DeviceSpan<T> output,
        ReadOnlySpan<long> counts,
        ReduceOp op,
        nint? stream = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        CollectiveDataType type = ElementType.Of<T>();
        using BlockCounts blocks = BlockCounts.Read(counts, Size, type, nameof(counts));
        Check.Length(nameof(input), input.Length, blocks.Total, Check.SumOfCounts);
        Check.Length(nameof(output), output.Length, blocks[Rank], Check.OwnCount);
        Operation operation = BeginReduceScatter(type, blocks, op, timeout);
        return RunOnDeviceAsync(ref operation, input, output, stream, cancellationToken, sendCounts: blocks.Values);
    }
}
