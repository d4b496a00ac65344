using NativeCollectives.Interop;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Joins the ranks' inputs, in rank order; every rank gets the whole.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: equally much on every rank.</param>
    /// <param name="output">
    /// The result, of <see cref="Size"/> times the input's length. In place: the input is the own block of it.
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
    /// <remarks>MPI's <c>MPI_Allgather</c>, NCCL's <c>ncclAllGather</c>, MLX's <c>all_gather</c>.</remarks>
    public void AllGather<T>(ReadOnlySpan<T> input, Span<T> output, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Check.Length(nameof(output), output.Length, (long)Size * input.Length, Check.InputTimesSize);
        Operation operation = BeginAllGather(ElementType.Of<T>(), input.Length, timeout);
        Run(ref operation, input, output);
    }

    /// <summary>Joins the ranks' inputs, in rank order; every rank gets the whole.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: equally much on every rank.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <returns>The result, of <see cref="Size"/> times the input's length.</returns>
    /// <inheritdoc cref="AllGather{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)" path="/exception"/>
    public T[] AllGather<T>(ReadOnlySpan<T> input, TimeSpan? timeout = null)
        where T : unmanaged
    {
        T[] output = NewArray<T>(nameof(input), (long)Size * input.Length);
        AllGather(input, output, timeout);
        return output;
    }

    /// <summary>Joins the ranks' inputs of different lengths, in rank order; every rank gets the whole.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: as much as its entry in <paramref name="counts"/> says.</param>
    /// <param name="output">
    /// The result, as long as all counts together. In place: the input is the own block of it.
    /// </param>
    /// <param name="counts">How many elements each rank contributes, alike on every rank.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllGather{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)" path="/exception"/>
    /// <remarks>MPI's <c>MPI_Allgatherv</c>, the blocks one behind the other.</remarks>
    public void AllGather<T>(ReadOnlySpan<T> input, Span<T> output, ReadOnlySpan<int> counts, TimeSpan? timeout = null)
        where T : unmanaged
    {
        CollectiveDataType type = ElementType.Of<T>();
        using BlockCounts blocks = BlockCounts.Read(counts, Size, type, nameof(counts));
        Check.Length(nameof(input), input.Length, blocks[Rank], Check.OwnCount);
        Check.Length(nameof(output), output.Length, blocks.Total, Check.SumOfCounts);
        Operation operation = BeginAllGather(type, blocks, timeout);
        Run(ref operation, input, output, receiveCounts: blocks.Values);
    }

    /// <summary>Joins native buffers, in rank order; every rank gets the whole.</summary>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">
    /// The result, of <see cref="Size"/> times as many elements. In place: <paramref name="input"/> is the own block of
    /// it.
    /// </param>
    /// <param name="count">Elements of each rank's input.</param>
    /// <param name="type">The element type.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllGather{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)" path="/exception"/>
    public unsafe void AllGather(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        TimeSpan? timeout = null
    )
    {
        Operation operation = BeginAllGather(input, output, count, type, timeout);
        Run(ref operation, input, output);
    }

    /// <summary>Joins native buffers of different lengths, in rank order; every rank gets the whole.</summary>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">
    /// The result, of as many elements as all counts together. In place: <paramref name="input"/> is the own block of
    /// it.
    /// </param>
    /// <param name="counts">How many elements each rank contributes, alike on every rank.</param>
    /// <param name="type">The element type.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllGather{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)" path="/exception"/>
    public unsafe void AllGather(
        void* input,
        void* output,
        ReadOnlySpan<long> counts,
        CollectiveDataType type,
        TimeSpan? timeout = null
    )
    {
        using BlockCounts blocks = BlockCounts.Read(counts, Size, type, nameof(counts));
        Operation operation = BeginAllGather(input, output, blocks, type, timeout);
        Run(ref operation, input, output, receiveCounts: blocks.Values);
    }

    /// <inheritdoc cref="AllGatherAsync{T}(ReadOnlyMemory{T}, Memory{T}, TimeSpan?, CancellationToken)"/>
    public Task AllGatherAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged => AllGatherAsync(input, output, timeout: null, cancellationToken);

    /// <summary>Issues <see cref="AllGather{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: equally much on every rank.</param>
    /// <param name="output">
    /// The result, of <see cref="Size"/> times the input's length. In place: the input is the own block of it.
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
    /// <inheritdoc cref="AllGather{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)" path="/exception"/>
    public Task AllGatherAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        TimeSpan? timeout,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Check.Length(nameof(output), output.Length, (long)Size * input.Length, Check.InputTimesSize);
        Operation operation = BeginAllGather(ElementType.Of<T>(), input.Length, timeout);
        return RunAsync(ref operation, input, output, cancellationToken);
    }

    /// <inheritdoc cref="AllGatherAsync{T}(ReadOnlyMemory{T}, TimeSpan?, CancellationToken)"/>
    public Task<T[]> AllGatherAsync<T>(ReadOnlyMemory<T> input, CancellationToken cancellationToken = default)
        where T : unmanaged => AllGatherAsync(input, timeout: null, cancellationToken);

    /// <summary>Issues <see cref="AllGather{T}(ReadOnlySpan{T}, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: equally much on every rank.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>
    /// The result, of <see cref="Size"/> times the input's length, once the operation has ended on this rank.
    /// </returns>
    /// <inheritdoc cref="AllGather{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)" path="/exception"/>
    public Task<T[]> AllGatherAsync<T>(
        ReadOnlyMemory<T> input,
        TimeSpan? timeout,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        T[] output = NewArray<T>(nameof(input), (long)Size * input.Length);
        return Returning(AllGatherAsync(input, output, timeout, cancellationToken), output);
    }

    /// <inheritdoc
    /// cref="AllGatherAsync{T}(ReadOnlyMemory{T}, Memory{T}, ReadOnlySpan{int}, TimeSpan?, CancellationToken)"/>
    public Task AllGatherAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        ReadOnlySpan<int> counts,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged => AllGatherAsync(input, output, counts, null, cancellationToken);

    /// <summary>
    /// Issues <see cref="AllGather{T}(ReadOnlySpan{T}, Span{T}, ReadOnlySpan{int}, TimeSpan?)"/> and returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: as much as its entry in <paramref name="counts"/> says.</param>
    /// <param name="output">
    /// The result, as long as all counts together. In place: the input is the own block of it.
    /// </param>
    /// <param name="counts">
    /// How many elements each rank contributes, alike on every rank. They are read before this method returns.
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
    /// <inheritdoc cref="AllGather{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)" path="/exception"/>
    public Task AllGatherAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        ReadOnlySpan<int> counts,
        TimeSpan? timeout,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        CollectiveDataType type = ElementType.Of<T>();
        using BlockCounts blocks = BlockCounts.Read(counts, Size, type, nameof(counts));
        Check.Length(nameof(input), input.Length, blocks[Rank], Check.OwnCount);
        Check.Length(nameof(output), output.Length, blocks.Total, Check.SumOfCounts);
        Operation operation = BeginAllGather(type, blocks, timeout);
        return RunAsync(ref operation, input, output, cancellationToken, receiveCounts: blocks.Values);
    }

    /// <summary>
    /// Issues <see cref="AllGather(void*, void*, long, CollectiveDataType, TimeSpan?)"/> and returns.
    /// </summary>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">
    /// The result, of <see cref="Size"/> times as many elements. In place: <paramref name="input"/> is the own block of
    /// it.
    /// </param>
    /// <param name="count">Elements of each rank's input.</param>
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
    /// <inheritdoc cref="AllGather{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)" path="/exception"/>
    public unsafe Task AllGatherAsync(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        Operation operation = BeginAllGather(input, output, count, type, timeout);
        return RunAsync(ref operation, input, output, cancellationToken);
    }

    /// <summary>
    /// Issues <see cref="AllGather(void*, void*, ReadOnlySpan{long}, CollectiveDataType, TimeSpan?)"/> and returns.
    /// </summary>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">
    /// The result, of as many elements as all counts together. In place: <paramref name="input"/> is the own block of
    /// it.
    /// </param>
    /// <param name="counts">
    /// How many elements each rank contributes, alike on every rank. They are read before this method returns.
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
    /// <inheritdoc cref="AllGather{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)" path="/exception"/>
    public unsafe Task AllGatherAsync(
        void* input,
        void* output,
        ReadOnlySpan<long> counts,
        CollectiveDataType type,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        using BlockCounts blocks = BlockCounts.Read(counts, Size, type, nameof(counts));
        Operation operation = BeginAllGather(input, output, blocks, type, timeout);
        return RunAsync(ref operation, input, output, cancellationToken, receiveCounts: blocks.Values);
    }

    internal Operation BeginAllGather(CollectiveDataType type, long count, TimeSpan? timeout)
    {
        Operation operation = Begin(nc_operation.NC_ALL_GATHER, type, timeout);
        operation.Request.count = (ulong)count;
        operation.SentBytes = count * ElementType.SizeOf(type);
        operation.ReceivedBytes = operation.SentBytes * Size;
        operation.MayBeInPlace = true;
        operation.InPlaceOffset = operation.SentBytes * Rank;
        return operation;
    }

    internal Operation BeginAllGather(CollectiveDataType type, in BlockCounts counts, TimeSpan? timeout)
    {
        int size = ElementType.SizeOf(type);
        Operation operation = BeginAllGather(type, counts[Rank], timeout);
        operation.Request.flags = NativeMethods.NC_REQUEST_UNEVEN;
        operation.ReceivedBytes = counts.Total * size;
        operation.InPlaceOffset = counts.Before(Rank) * size;
        return operation;
    }

    private unsafe Operation BeginAllGather(
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
        return BeginAllGather(type, count, timeout);
    }

    private unsafe Operation BeginAllGather(
        void* input,
        void* output,
        in BlockCounts counts,
        CollectiveDataType type,
        TimeSpan? timeout
    )
    {
        Check.NotNull(nameof(input), input, counts[Rank]);
        Check.NotNull(nameof(output), output, counts.Total);
        return BeginAllGather(type, counts, timeout);
    }
}
