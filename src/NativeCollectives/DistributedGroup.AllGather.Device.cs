namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Joins the ranks' inputs in device memory, in rank order; every rank gets the whole.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: equally much on every rank.</param>
    /// <param name="output">
    /// The result, of <see cref="Size"/> times the input's length. In place: the input is the own block of it.
    /// </param>
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
    /// <remarks>NCCL's <c>ncclAllGather</c>.</remarks>
    public void AllGather<T>(DeviceSpan<T> input, DeviceSpan<T> output, nint? stream = null, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Check.Length(nameof(output), output.Length, TimesSize(input.Length), Check.InputTimesSize);
        Operation operation = BeginAllGather(ElementType.Of<T>(), input.Length, timeout);
        RunOnDevice(ref operation, input, output, stream);
    }

    /// <summary>
    /// Issues <see cref="AllGather{T}(DeviceSpan{T}, DeviceSpan{T}, nint?, TimeSpan?)"/> and returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: equally much on every rank.</param>
    /// <param name="output">
    /// The result, of <see cref="Size"/> times the input's length. In place: the input is the own block of it.
    /// </param>
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
    public Task AllGatherAsync<T>(
        DeviceSpan<T> input,
        DeviceSpan<T> output,
        nint? stream = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Check.Length(nameof(output), output.Length, TimesSize(input.Length), Check.InputTimesSize);
        Operation operation = BeginAllGather(ElementType.Of<T>(), input.Length, timeout);
        return RunOnDeviceAsync(ref operation, input, output, stream, cancellationToken);
    }

    /// <summary>
    /// Joins the ranks' inputs of different lengths in device memory, in rank order; every rank gets the whole.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: as much as its entry in <paramref name="counts"/> says.</param>
    /// <param name="output">
    /// The result, as long as all counts together. In place: the input is the own block of it.
    /// </param>
    /// <param name="counts">How many elements each rank contributes, alike on every rank.</param>
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
    /// <remarks>MPI's <c>MPI_Allgatherv</c>, the blocks one behind the other.</remarks>
    public void AllGather<T>(
        DeviceSpan<T> input,
        DeviceSpan<T> output,
        ReadOnlySpan<long> counts,
        nint? stream = null,
        TimeSpan? timeout = null
    )
        where T : unmanaged
    {
        CollectiveDataType type = ElementType.Of<T>();
        using BlockCounts blocks = BlockCounts.Read(counts, Size, type, nameof(counts));
        Check.Length(nameof(input), input.Length, blocks[Rank], Check.OwnCount);
        Check.Length(nameof(output), output.Length, blocks.Total, Check.SumOfCounts);
        Operation operation = BeginAllGather(type, blocks, timeout);
        RunOnDevice(ref operation, input, output, stream, receiveCounts: blocks.Values);
    }

    /// <summary>
    /// Issues <see cref="AllGather{T}(DeviceSpan{T}, DeviceSpan{T}, ReadOnlySpan{long}, nint?, TimeSpan?)"/> and
    /// returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: as much as its entry in <paramref name="counts"/> says.</param>
    /// <param name="output">
    /// The result, as long as all counts together. In place: the input is the own block of it.
    /// </param>
    /// <param name="counts">
    /// How many elements each rank contributes, alike on every rank. They are read before this method returns.
    /// </param>
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
    public Task AllGatherAsync<T>(
        DeviceSpan<T> input,
        DeviceSpan<T> output,
        ReadOnlySpan<long> counts,
        nint? stream = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        CollectiveDataType type = ElementType.Of<T>();
        using BlockCounts blocks = BlockCounts.Read(counts, Size, type, nameof(counts));
        Check.Length(nameof(input), input.Length, blocks[Rank], Check.OwnCount);
        Check.Length(nameof(output), output.Length, blocks.Total, Check.SumOfCounts);
        Operation operation = BeginAllGather(type, blocks, timeout);
        return RunOnDeviceAsync(ref operation, input, output, stream, cancellationToken, receiveCounts: blocks.Values);
    }
}
