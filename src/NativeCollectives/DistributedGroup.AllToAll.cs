using NativeCollectives.Interop;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>
    /// Every rank sends a block to each rank: block s of rank r's output is block r of rank s's input.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input"><see cref="Size"/> blocks, one for each rank, equally long on every rank.</param>
    /// <param name="output">
    /// <see cref="Size"/> blocks, one from each rank: as long as the input. There is no in-place form.
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
    /// <exception cref="NotSupportedException">The group's backend cannot do this. The group stays usable.</exception>
    /// <exception cref="ObjectDisposedException">The group has been disposed, before or meanwhile.</exception>
    /// <exception cref="CollectiveException">
    /// The operation failed and ended the group, or an earlier one had: the derived type tells how.
    /// </exception>
    /// <remarks>MPI's <c>MPI_Alltoall</c>.</remarks>
    public void AllToAll<T>(ReadOnlySpan<T> input, Span<T> output, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Check.Length(nameof(output), output.Length, input.Length, Check.AsManyAsInput);
        Operation operation = BeginAllToAll(
            ElementType.Of<T>(),
            Check.Divide(nameof(input), input.Length, Size),
            timeout
        );
        Run(ref operation, input, output);
    }

    /// <summary>
    /// Every rank sends a block to each rank, blocks being of different lengths: block s of rank r's output is block r
    /// of rank s's input.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">One block for each rank, as long as all input counts together.</param>
    /// <param name="inputCounts">How many elements go to each rank.</param>
    /// <param name="output">
    /// One block from each rank, as long as all output counts together. There is no in-place form.
    /// </param>
    /// <param name="outputCounts">How many elements come from each rank: what that rank's input counts say.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllToAll{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)" path="/exception"/>
    /// <remarks>MPI's <c>MPI_Alltoallv</c>, the blocks one behind the other.</remarks>
    public void AllToAll<T>(
        ReadOnlySpan<T> input,
        ReadOnlySpan<int> inputCounts,
        Span<T> output,
        ReadOnlySpan<int> outputCounts,
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
        Run(ref operation, input, output, sent.Values, received.Values);
    }

    /// <summary>
    /// Every rank sends a block of a native buffer to each rank: block s of rank r's output is block r of rank s's
    /// input.
    /// </summary>
    /// <param name="input"><see cref="Size"/> blocks, one for each rank.</param>
    /// <param name="output"><see cref="Size"/> blocks, one from each rank. There is no in-place form.</param>
    /// <param name="count">Elements of each block.</param>
    /// <param name="type">The element type.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllToAll{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)" path="/exception"/>
    public unsafe void AllToAll(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        TimeSpan? timeout = null
    )
    {
        Operation operation = BeginAllToAll(input, output, count, type, timeout);
        Run(ref operation, input, output);
    }

    /// <summary>
    /// Every rank sends a block of a native buffer to each rank, blocks being of different lengths: block s of rank r's
    /// output is block r of rank s's input.
    /// </summary>
    /// <param name="input">One block for each rank.</param>
    /// <param name="inputCounts">How many elements go to each rank.</param>
    /// <param name="output">One block from each rank. There is no in-place form.</param>
    /// <param name="outputCounts">How many elements come from each rank: what that rank's input counts say.</param>
    /// <param name="type">The element type.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllToAll{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)" path="/exception"/>
    public unsafe void AllToAll(
        void* input,
        ReadOnlySpan<long> inputCounts,
        void* output,
        ReadOnlySpan<long> outputCounts,
        CollectiveDataType type,
        TimeSpan? timeout = null
    )
    {
        using BlockCounts sent = BlockCounts.Read(inputCounts, Size, type, nameof(inputCounts));
        using BlockCounts received = BlockCounts.Read(outputCounts, Size, type, nameof(outputCounts));
        Operation operation = BeginAllToAll(input, sent, output, received, type, timeout);
        Run(ref operation, input, output, sent.Values, received.Values);
    }

    /// <inheritdoc cref="AllToAllAsync{T}(ReadOnlyMemory{T}, Memory{T}, TimeSpan?, CancellationToken)"/>
    public Task AllToAllAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged => AllToAllAsync(input, output, timeout: null, cancellationToken);

    /// <summary>Issues <see cref="AllToAll{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input"><see cref="Size"/> blocks, one for each rank, equally long on every rank.</param>
    /// <param name="output">
    /// <see cref="Size"/> blocks, one from each rank: as long as the input. There is no in-place form.
    /// </param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>
    /// A task that completes when the operation has ended on this rank; until then the buffers must not be touched.
    /// </returns>
    /// <inheritdoc cref="AllToAll{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)" path="/exception"/>
    public Task AllToAllAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        TimeSpan? timeout,
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
        return RunAsync(ref operation, input, output, cancellationToken);
    }

    /// <inheritdoc
    /// cref="AllToAllAsync{T}(ReadOnlyMemory{T}, ReadOnlySpan{int}, Memory{T}, ReadOnlySpan{int},
    /// TimeSpan?, CancellationToken)"/>
    public Task AllToAllAsync<T>(
        ReadOnlyMemory<T> input,
        ReadOnlySpan<int> inputCounts,
        Memory<T> output,
        ReadOnlySpan<int> outputCounts,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged => AllToAllAsync(input, inputCounts, output, outputCounts, null, cancellationToken);

    /// <summary>
    /// Issues <see cref="AllToAll{T}(ReadOnlySpan{T}, ReadOnlySpan{int}, Span{T}, ReadOnlySpan{int}, TimeSpan?)"/> and
    /// returns.
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
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>
    /// A task that completes when the operation has ended on this rank; until then the buffers must not be touched.
    /// </returns>
    /// <inheritdoc cref="AllToAll{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)" path="/exception"/>
    public Task AllToAllAsync<T>(
        ReadOnlyMemory<T> input,
        ReadOnlySpan<int> inputCounts,
        Memory<T> output,
        ReadOnlySpan<int> outputCounts,
        TimeSpan? timeout,
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
        return RunAsync(ref operation, input, output, cancellationToken, sent.Values, received.Values);
    }

    /// <summary>Issues <see cref="AllToAll(void*, void*, long, CollectiveDataType, TimeSpan?)"/> and returns.</summary>
    /// <param name="input"><see cref="Size"/> blocks, one for each rank.</param>
    /// <param name="output"><see cref="Size"/> blocks, one from each rank. There is no in-place form.</param>
    /// <param name="count">Elements of each block.</param>
    /// <param name="type">The element type.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>
    /// A task that completes when the operation has ended on this rank; until then the buffers must not be touched.
    /// </returns>
    /// <inheritdoc cref="AllToAll{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)" path="/exception"/>
    public unsafe Task AllToAllAsync(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        Operation operation = BeginAllToAll(input, output, count, type, timeout);
        return RunAsync(ref operation, input, output, cancellationToken);
    }

    /// <summary>
    /// Issues
    /// <see cref="AllToAll(void*, ReadOnlySpan{long}, void*, ReadOnlySpan{long}, CollectiveDataType, TimeSpan?)"/> and
    /// returns.
    /// </summary>
    /// <param name="input">One block for each rank.</param>
    /// <param name="inputCounts">How many elements go to each rank. They are read before this method returns.</param>
    /// <param name="output">One block from each rank. There is no in-place form.</param>
    /// <param name="outputCounts">
    /// How many elements come from each rank: what that rank's input counts say. They are read before this method
    /// returns.
    /// </param>
    /// <param name="type">The element type.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>
    /// A task that completes when the operation has ended on this rank; until then the buffers must not be touched.
    /// </returns>
    /// <inheritdoc cref="AllToAll{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)" path="/exception"/>
    public unsafe Task AllToAllAsync(
        void* input,
        ReadOnlySpan<long> inputCounts,
        void* output,
        ReadOnlySpan<long> outputCounts,
        CollectiveDataType type,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        using BlockCounts sent = BlockCounts.Read(inputCounts, Size, type, nameof(inputCounts));
        using BlockCounts received = BlockCounts.Read(outputCounts, Size, type, nameof(outputCounts));
        Operation operation = BeginAllToAll(input, sent, output, received, type, timeout);
        return RunAsync(ref operation, input, output, cancellationToken, sent.Values, received.Values);
    }

    internal Operation BeginAllToAll(CollectiveDataType type, long count, TimeSpan? timeout)
    {
        Operation operation = Begin(nc_operation.NC_ALL_TO_ALL, type, timeout);
        operation.Request.count = (ulong)count;
        operation.SentBytes = operation.ReceivedBytes = count * Size * ElementType.SizeOf(type);
        return operation;
    }

    internal Operation BeginAllToAll(
        CollectiveDataType type,
        in BlockCounts sent,
        in BlockCounts received,
        TimeSpan? timeout
    )
    {
        if (sent[Rank] != received[Rank])
        {
            throw new ArgumentException(
                $"The own block has {sent[Rank]} elements in the input, but {received[Rank]} in the output.",
                "outputCounts"
            );
        }

        int size = ElementType.SizeOf(type);
        Operation operation = Begin(nc_operation.NC_ALL_TO_ALL, type, timeout);
        operation.Request.flags = NativeMethods.NC_REQUEST_UNEVEN;
        operation.SentBytes = sent.Total * size;
        operation.ReceivedBytes = received.Total * size;
        return operation;
    }

    private unsafe Operation BeginAllToAll(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        TimeSpan? timeout
    )
    {
        Check.Count(count, Size, type);
        Check.NotNull(nameof(input), input, count);
        Check.NotNull(nameof(output), output, count);
        return BeginAllToAll(type, count, timeout);
    }

    private unsafe Operation BeginAllToAll(
        void* input,
        in BlockCounts sent,
        void* output,
        in BlockCounts received,
        CollectiveDataType type,
        TimeSpan? timeout
    )
    {
        Check.NotNull(nameof(input), input, sent.Total);
        Check.NotNull(nameof(output), output, received.Total);
        return BeginAllToAll(type, sent, received, timeout);
    }
}
