using NativeCollectives.Interop;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Joins the ranks' inputs, in rank order, at the root.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: equally much on every rank.</param>
    /// <param name="output">
    /// At the root the result, of <see cref="Size"/> times the input's length; elsewhere it is not used and may be
    /// empty. In place: the input is the own block of it.
    /// </param>
    /// <param name="root">The rank that gets the result.</param>
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
    /// <remarks>MPI's <c>MPI_Gather</c>.</remarks>
    public void Gather<T>(ReadOnlySpan<T> input, Span<T> output, int root, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Operation operation = BeginGather(ElementType.Of<T>(), input.Length, root, timeout);
        CheckGatherOutput(output.Length, input.Length, root);
        Run(ref operation, input, output);
    }

    /// <summary>Joins the ranks' inputs of different lengths, in rank order, at the root.</summary>
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
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Gather{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)" path="/exception"/>
    /// <remarks>MPI's <c>MPI_Gatherv</c>, the blocks one behind the other. Every rank must use this form.</remarks>
    public void Gather<T>(
        ReadOnlySpan<T> input,
        Span<T> output,
        ReadOnlySpan<int> counts,
        int root,
        TimeSpan? timeout = null
    )
        where T : unmanaged
    {
        CollectiveDataType type = ElementType.Of<T>();
        using BlockCounts blocks = ReadCountsAtRoot(counts, root, type);
        Operation operation = BeginGather(type, input.Length, output.Length, blocks, root, timeout);
        Run(ref operation, input, output, receiveCounts: blocks.Values);
    }

    /// <summary>Joins native buffers, in rank order, at the root.</summary>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">
    /// At the root the result, of <see cref="Size"/> times as many elements; elsewhere it is not used. In place:
    /// <paramref name="input"/> is the own block of it.
    /// </param>
    /// <param name="count">Elements of each rank's input.</param>
    /// <param name="type">The element type.</param>
    /// <param name="root">The rank that gets the result.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Gather{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)" path="/exception"/>
    public unsafe void Gather(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        int root,
        TimeSpan? timeout = null
    )
    {
        Operation operation = BeginGather(input, output, count, type, root, timeout);
        Run(ref operation, input, output);
    }

    /// <summary>Joins native buffers of different lengths, in rank order, at the root.</summary>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="count">Elements of this rank's input.</param>
    /// <param name="output">
    /// At the root the result, of as many elements as all counts together; elsewhere it is not used. In place:
    /// <paramref name="input"/> is the own block of it.
    /// </param>
    /// <param name="counts">
    /// At the root, how many elements each rank contributes; elsewhere it is not used and may be empty.
    /// </param>
    /// <param name="type">The element type.</param>
    /// <param name="root">The rank that gets the result.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Gather{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)" path="/exception"/>
    public unsafe void Gather(
        void* input,
        long count,
        void* output,
        ReadOnlySpan<long> counts,
        CollectiveDataType type,
        int root,
        TimeSpan? timeout = null
    )
    {
        using BlockCounts blocks = ReadCountsAtRoot(counts, root, type);
        Operation operation = BeginGather(input, count, output, blocks, type, root, timeout);
        Run(ref operation, input, output, receiveCounts: blocks.Values);
    }

    /// <inheritdoc cref="GatherAsync{T}(ReadOnlyMemory{T}, Memory{T}, int, TimeSpan?, CancellationToken)"/>
    public Task GatherAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        int root,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged => GatherAsync(input, output, root, null, cancellationToken);

    /// <summary>Issues <see cref="Gather{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: equally much on every rank.</param>
    /// <param name="output">
    /// At the root the result, of <see cref="Size"/> times the input's length; elsewhere it is not used and may be
    /// empty. In place: the input is the own block of it.
    /// </param>
    /// <param name="root">The rank that gets the result.</param>
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
    /// <inheritdoc cref="Gather{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)" path="/exception"/>
    public Task GatherAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        int root,
        TimeSpan? timeout,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Operation operation = BeginGather(ElementType.Of<T>(), input.Length, root, timeout);
        CheckGatherOutput(output.Length, input.Length, root);
        return RunAsync(ref operation, input, output, cancellationToken);
    }

    /// <inheritdoc
    /// cref="GatherAsync{T}(ReadOnlyMemory{T}, Memory{T}, ReadOnlySpan{int}, int, TimeSpan?, CancellationToken)"/>
    public Task GatherAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        ReadOnlySpan<int> counts,
        int root,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged => GatherAsync(input, output, counts, root, null, cancellationToken);

    /// <summary>
    /// Issues <see cref="Gather{T}(ReadOnlySpan{T}, Span{T}, ReadOnlySpan{int}, int, TimeSpan?)"/> and returns.
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
    /// <inheritdoc cref="Gather{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)" path="/exception"/>
    public Task GatherAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        ReadOnlySpan<int> counts,
        int root,
        TimeSpan? timeout,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        CollectiveDataType type = ElementType.Of<T>();
        using BlockCounts blocks = ReadCountsAtRoot(counts, root, type);
        Operation operation = BeginGather(type, input.Length, output.Length, blocks, root, timeout);
        return RunAsync(ref operation, input, output, cancellationToken, receiveCounts: blocks.Values);
    }

    /// <summary>
    /// Issues <see cref="Gather(void*, void*, long, CollectiveDataType, int, TimeSpan?)"/> and returns.
    /// </summary>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">
    /// At the root the result, of <see cref="Size"/> times as many elements; elsewhere it is not used. In place:
    /// <paramref name="input"/> is the own block of it.
    /// </param>
    /// <param name="count">Elements of each rank's input.</param>
    /// <param name="type">The element type.</param>
    /// <param name="root">The rank that gets the result.</param>
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
    /// <inheritdoc cref="Gather{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)" path="/exception"/>
    public unsafe Task GatherAsync(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        int root,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        Operation operation = BeginGather(input, output, count, type, root, timeout);
        return RunAsync(ref operation, input, output, cancellationToken);
    }

    /// <summary>
    /// Issues <see cref="Gather(void*, long, void*, ReadOnlySpan{long}, CollectiveDataType, int, TimeSpan?)"/> and
    /// returns.
    /// </summary>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="count">Elements of this rank's input.</param>
    /// <param name="output">
    /// At the root the result, of as many elements as all counts together; elsewhere it is not used. In place:
    /// <paramref name="input"/> is the own block of it.
    /// </param>
    /// <param name="counts">
    /// At the root, how many elements each rank contributes; elsewhere it is not used and may be empty. They are read
    /// before this method returns.
    /// </param>
    /// <param name="type">The element type.</param>
    /// <param name="root">The rank that gets the result.</param>
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
    /// <inheritdoc cref="Gather{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)" path="/exception"/>
    public unsafe Task GatherAsync(
        void* input,
        long count,
        void* output,
        ReadOnlySpan<long> counts,
        CollectiveDataType type,
        int root,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        using BlockCounts blocks = ReadCountsAtRoot(counts, root, type);
        Operation operation = BeginGather(input, count, output, blocks, type, root, timeout);
        return RunAsync(ref operation, input, output, cancellationToken, receiveCounts: blocks.Values);
    }

    private void CheckGatherOutput(long output, long input, int root)
    {
        if (Rank == root)
        {
            Check.Length(nameof(output), output, TimesSize(input), Check.InputTimesSize);
        }
    }

    internal Operation BeginGather(CollectiveDataType type, long count, int root, TimeSpan? timeout)
    {
        Check.Root(root, Size);
        Operation operation = Begin(nc_operation.NC_GATHER, type, timeout);
        operation.Request.peer = root;
        operation.Request.count = (ulong)count;
        operation.SentBytes = count * ElementType.SizeOf(type);
        operation.ReceivedBytes = Rank == root ? operation.SentBytes * Size : 0;
        operation.MayBeInPlace = true;
        operation.InPlaceOffset = operation.SentBytes * Rank;
        return operation;
    }

    internal Operation BeginGather(
        CollectiveDataType type,
        long input,
        long output,
        in BlockCounts counts,
        int root,
        TimeSpan? timeout
    )
    {
        Operation operation = BeginGather(type, input, root, timeout);
        operation.Request.flags = NativeMethods.NC_REQUEST_UNEVEN;
        if (Rank == root)
        {
            Check.Length(nameof(input), input, counts[Rank], Check.OwnCount);
            Check.Length(nameof(output), output, counts.Total, Check.SumOfCounts);
            int size = ElementType.SizeOf(type);
            operation.ReceivedBytes = counts.Total * size;
            operation.InPlaceOffset = counts.Before(Rank) * size;
        }

        return operation;
    }

    private unsafe Operation BeginGather(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        int root,
        TimeSpan? timeout
    )
    {
        Check.Count(count, Size, type);
        Check.NotNull(nameof(input), input, count);
        Check.NotNull(nameof(output), output, Rank == root ? count : 0);
        return BeginGather(type, count, root, timeout);
    }

    private unsafe Operation BeginGather(
        void* input,
        long count,
        void* output,
        in BlockCounts counts,
        CollectiveDataType type,
        int root,
        TimeSpan? timeout
    )
    {
        Check.Count(count, 1, type);
        Check.NotNull(nameof(input), input, count);
        Check.NotNull(nameof(output), output, counts.Total);
        if (Rank == root)
        {
            Check.Length(nameof(count), count, counts[Rank], Check.OwnCount);
        }

        return BeginGather(type, count, counts.Total, counts, root, timeout);
    }
}
