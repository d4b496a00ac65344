namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>
    /// Every rank sends a block in device memory to each rank: block s of rank r's output is block r of rank s's input.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input"><see cref="Size"/> blocks, one for each rank, equally long on every rank.</param>
    /// <param name="output">
    /// <see cref="Size"/> blocks, one from each rank: as long as the input. There is no in-place form.
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
    /// <remarks>NCCL's <c>ncclAlltoAll</c>.</remarks>
    public void AllToAll<T>(DeviceSpan<T> input, DeviceSpan<T> output, nint? stream = null, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Check.Length(nameof(output), output.Length, input.Length, Check.AsManyAsInput);
        Operation operation = BeginAllToAll(
            ElementType.Of<T>(),
            Check.Divide(nameof(input), input.Length, Size),
            timeout
        );
        RunOnDevice(ref operation, input, output, stream);
    }

    /// <summary>Issues <see cref="AllToAll{T}(DeviceSpan{T}, DeviceSpan{T}, nint?, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input"><see cref="Size"/> blocks, one for each rank, equally long on every rank.</param>
    /// <param name="output">
    /// <see cref="Size"/> blocks, one from each rank: as long as the input. There is no in-place form.
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
    public Task AllToAllAsync<T>(
        DeviceSpan<T> input,
        DeviceSpan<T> output,
        nint? stream = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Check.Length(nameof(output), output.Length, input.Length, Check.AsManyAsInput);
        Operation operation = BeginAllToAll(
            ElementType.Of<T>(),
            Check.Divide(nameof(input), input.Length, Size),
            timeout
        );
        return RunOnDeviceAsync(ref operation, input, output, stream, cancellationToken);
    }

    /// <summary>
    /// Every rank sends a block in device memory to each rank, blocks being of different lengths: block s of rank r's
    /// output is block r of rank s's input.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">One block for each rank, as long as all input counts together.</param>
    /// <param name="inputCounts">How many elements go to each rank.</param>
    /// <param name="output">
    /// One block from each rank, as long as all output counts together. There is no in-place form.
    /// </param>
    /// <param name="outputCounts">How many elements come from each rank: what that rank's input counts say.</param>
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
    /// <remarks>MPI's <c>MPI_Alltoallv</c>, the blocks one behind the other.</remarks>
    public void AllToAll<T>(
        DeviceSpan<T> input,
        ReadOnlySpan<long> inputCounts,
        DeviceSpan<T> output,
        ReadOnlySpan<long> outputCounts,
        nint? stream = null,
        TimeSpan? timeout = null
    )
        where T : unmanaged
    {
        CollectiveDataType type = ElementType.Of<T>();
        using BlockCounts sent = BlockCounts.Read(inputCounts, Size, type, nameof(inputCounts));
        using BlockCounts received = BlockCounts.Read(outputCounts, Size, type, nameof(outputCounts));
        Check.Length(nameof(input), input.Length, sent.Total, Check.SumOfCounts);
        Check.Length(nameof(output), output.Length, received.Total, Check.SumOfCounts);
        Operation operation = BeginAllToAll(type, sent, received, timeout);
        RunOnDevice(ref operation, input, output, stream, sent.Values, received.Values);
    }

    /// <summary>
    /// Issues
    /// <see
    /// cref="AllToAll{T}(DeviceSpan{T}, ReadOnlySpan{long}, DeviceSpan{T}, ReadOnlySpan{long}, nint?, TimeSpan?)"/>
    /// and returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">One block for each rank, as long as all input counts together.</param>
    /// <param name="inputCounts">How many elements go to each rank. They are read before this method returns.</param>
    /// <param name="output">
    /// One block from each rank, as long as all output counts together. There is no in-place form.
    /// </param>
    /// <param name="outputCounts">
    /// How many elements come from each rank: what that rank's input counts say. They are read before this method
    /// returns.
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
    public Task AllToAllAsync<T>(
        DeviceSpan<T> input,
        ReadOnlySpan<long> inputCounts,
        DeviceSpan<T> output,
        ReadOnlySpan<long> outputCounts,
        nint? stream = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        CollectiveDataType type = ElementType.Of<T>();
        using BlockCounts sent = BlockCounts.Read(inputCounts, Size, type, nameof(inputCounts));
        using BlockCounts received = BlockCounts.Read(outputCounts, Size, type, nameof(outputCounts));
        Check.Length(nameof(input), input.Length, sent.Total, Check.SumOfCounts);
        Check.Length(nameof(output), output.Length, received.Total, Check.SumOfCounts);
        Operation operation = BeginAllToAll(type, sent, received, timeout);
        return RunOnDeviceAsync(ref operation, input, output, stream, cancellationToken, sent.Values, received.Values);
    }
}
