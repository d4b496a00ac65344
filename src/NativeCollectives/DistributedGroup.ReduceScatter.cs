using NativeCollectives.Interop;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Combines the ranks' inputs element by element; every rank gets its own block of the result.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">
    /// What this rank contributes: <see cref="Size"/> blocks of the output's length, one for each rank.
    /// </param>
    /// <param name="output">The own block of the result. In place: the own block of the input.</param>
    /// <param name="op">How elements are combined.</param>
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
    /// <remarks>
    /// MPI's <c>MPI_Reduce_scatter_block</c>, NCCL's <c>ncclReduceScatter</c>; of a sum, MLX's <c>sum_scatter</c>.
    /// </remarks>
    public void ReduceScatter<T>(ReadOnlySpan<T> input, Span<T> output, ReduceOp op, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Check.Length(nameof(input), input.Length, (long)Size * output.Length, Check.OutputTimesSize);
        Operation operation = BeginReduceScatter(ElementType.Of<T>(), output.Length, op, timeout);
        Run(ref operation, input, output);
    }

    /// <summary>
    /// Combines the ranks' inputs element by element; every rank gets its own block of the result, blocks being of
    /// different lengths.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: one block for each rank, as long as all counts together.</param>
    /// <param name="output">The own block of the result. In place: the own block of the input.</param>
    /// <param name="counts">How many elements each rank gets, alike on every rank.</param>
    /// <param name="op">How elements are combined.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="ReduceScatter{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    /// <remarks>MPI's <c>MPI_Reduce_scatter</c>.</remarks>
    public void ReduceScatter<T>(
        ReadOnlySpan<T> input,
        Span<T> output,
        ReadOnlySpan<int> counts,
        ReduceOp op,
        TimeSpan? timeout = null
    )
        where T : unmanaged
    {
        CollectiveDataType type = ElementType.Of<T>();
        using BlockCounts blocks = BlockCounts.Read(counts, Size, type, nameof(counts));
        Check.Length(nameof(input), input.Length, blocks.Total, Check.SumOfCounts);
        Check.Length(nameof(output), output.Length, blocks[Rank], Check.OwnCount);
        Operation operation = BeginReduceScatter(type, blocks, op, timeout);
        Run(ref operation, input, output, sendCounts: blocks.Values);
    }

    /// <summary>Combines native buffers element by element; every rank gets its own block of the result.</summary>
    /// <param name="input">What this rank contributes: <see cref="Size"/> blocks, one for each rank.</param>
    /// <param name="output">The own block of the result. In place: the own block of <paramref name="input"/>.</param>
    /// <param name="count">Elements of each block.</param>
    /// <param name="type">The element type.</param>
    /// <param name="op">How elements are combined.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="ReduceScatter{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public unsafe void ReduceScatter(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        ReduceOp op,
        TimeSpan? timeout = null
    )
    {
        Operation operation = BeginReduceScatter(input, output, count, type, op, timeout);
        Run(ref operation, input, output);
    }

    /// <summary>
    /// Combines native buffers element by element; every rank gets its own block of the result, blocks being of
    /// different lengths.
    /// </summary>
    /// <param name="input">What this rank contributes: one block for each rank.</param>
    /// <param name="output">The own block of the result. In place: the own block of <paramref name="input"/>.</param>
    /// <param name="counts">How many elements each rank gets, alike on every rank.</param>
    /// <param name="type">The element type.</param>
    /// <param name="op">How elements are combined.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="ReduceScatter{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public unsafe void ReduceScatter(
        void* input,
        void* output,
        ReadOnlySpan<long> counts,
        CollectiveDataType type,
        ReduceOp op,
        TimeSpan? timeout = null
    )
    {
        using BlockCounts blocks = BlockCounts.Read(counts, Size, type, nameof(counts));
        Operation operation = BeginReduceScatter(input, output, blocks, type, op, timeout);
        Run(ref operation, input, output, sendCounts: blocks.Values);
    }

    /// <inheritdoc cref="ReduceScatterAsync{T}(ReadOnlyMemory{T}, Memory{T}, ReduceOp, TimeSpan?, CancellationToken)"/>
    public Task ReduceScatterAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        ReduceOp op,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged => ReduceScatterAsync(input, output, op, null, cancellationToken);

    /// <summary>
    /// Issues <see cref="ReduceScatter{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)"/> and returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">
    /// What this rank contributes: <see cref="Size"/> blocks of the output's length, one for each rank.
    /// </param>
    /// <param name="output">The own block of the result. In place: the own block of the input.</param>
    /// <param name="op">How elements are combined.</param>
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
    /// <inheritdoc cref="ReduceScatter{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public Task ReduceScatterAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        ReduceOp op,
        TimeSpan? timeout,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Check.Length(nameof(input), input.Length, (long)Size * output.Length, Check.OutputTimesSize);
        Operation operation = BeginReduceScatter(ElementType.Of<T>(), output.Length, op, timeout);
        return RunAsync(ref operation, input, output, cancellationToken);
    }

    /// <inheritdoc
    /// cref="ReduceScatterAsync{T}(ReadOnlyMemory{T}, Memory{T}, ReadOnlySpan{int}, ReduceOp,
    /// TimeSpan?, CancellationToken)"/>
    public Task ReduceScatterAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        ReadOnlySpan<int> counts,
        ReduceOp op,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged => ReduceScatterAsync(input, output, counts, op, null, cancellationToken);

    /// <summary>
    /// Issues <see cref="ReduceScatter{T}(ReadOnlySpan{T}, Span{T}, ReadOnlySpan{int}, ReduceOp, TimeSpan?)"/> and
    /// returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: one block for each rank, as long as all counts together.</param>
    /// <param name="output">The own block of the result. In place: the own block of the input.</param>
    /// <param name="counts">
    /// How many elements each rank gets, alike on every rank. They are read before this method returns.
    /// </param>
    /// <param name="op">How elements are combined.</param>
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
    /// <inheritdoc cref="ReduceScatter{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public Task ReduceScatterAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        ReadOnlySpan<int> counts,
        ReduceOp op,
        TimeSpan? timeout,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        CollectiveDataType type = ElementType.Of<T>();
        using BlockCounts blocks = BlockCounts.Read(counts, Size, type, nameof(counts));
        Check.Length(nameof(input), input.Length, blocks.Total, Check.SumOfCounts);
        Check.Length(nameof(output), output.Length, blocks[Rank], Check.OwnCount);
        Operation operation = BeginReduceScatter(type, blocks, op, timeout);
        return RunAsync(ref operation, input, output, cancellationToken, sendCounts: blocks.Values);
    }

    /// <summary>
    /// Issues <see cref="ReduceScatter(void*, void*, long, CollectiveDataType, ReduceOp, TimeSpan?)"/> and returns.
    /// </summary>
    /// <param name="input">What this rank contributes: <see cref="Size"/> blocks, one for each rank.</param>
    /// <param name="output">The own block of the result. In place: the own block of <paramref name="input"/>.</param>
    /// <param name="count">Elements of each block.</param>
    /// <param name="type">The element type.</param>
    /// <param name="op">How elements are combined.</param>
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
    /// <inheritdoc cref="ReduceScatter{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public unsafe Task ReduceScatterAsync(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        ReduceOp op,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        Operation operation = BeginReduceScatter(input, output, count, type, op, timeout);
        return RunAsync(ref operation, input, output, cancellationToken);
    }

    /// <summary>
    /// Issues <see cref="ReduceScatter(void*, void*, ReadOnlySpan{long}, CollectiveDataType, ReduceOp, TimeSpan?)"/>
    /// and returns.
    /// </summary>
    /// <param name="input">What this rank contributes: one block for each rank.</param>
    /// <param name="output">The own block of the result. In place: the own block of <paramref name="input"/>.</param>
    /// <param name="counts">
    /// How many elements each rank gets, alike on every rank. They are read before this method returns.
    /// </param>
    /// <param name="type">The element type.</param>
    /// <param name="op">How elements are combined.</param>
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
    /// <inheritdoc cref="ReduceScatter{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public unsafe Task ReduceScatterAsync(
        void* input,
        void* output,
        ReadOnlySpan<long> counts,
        CollectiveDataType type,
        ReduceOp op,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        using BlockCounts blocks = BlockCounts.Read(counts, Size, type, nameof(counts));
        Operation operation = BeginReduceScatter(input, output, blocks, type, op, timeout);
        return RunAsync(ref operation, input, output, cancellationToken, sendCounts: blocks.Values);
    }

    internal Operation BeginReduceScatter(CollectiveDataType type, long count, ReduceOp op, TimeSpan? timeout)
    {
        Check.Operator(op, type);
        Operation operation = Begin(nc_operation.NC_REDUCE_SCATTER, type, timeout);
        operation.Request.reduce_op = (nc_reduce_op)op;
        operation.Request.count = (ulong)count;
        operation.ReceivedBytes = count * ElementType.SizeOf(type);
        operation.SentBytes = operation.ReceivedBytes * Size;
        operation.MayBeInPlace = true;
        operation.InPlaceOffset = -operation.ReceivedBytes * Rank;
        return operation;
    }

    internal Operation BeginReduceScatter(
        CollectiveDataType type,
        in BlockCounts counts,
        ReduceOp op,
        TimeSpan? timeout
    )
    {
        int size = ElementType.SizeOf(type);
        Operation operation = BeginReduceScatter(type, counts[Rank], op, timeout);
        operation.Request.flags = NativeMethods.NC_REQUEST_UNEVEN;
        operation.SentBytes = counts.Total * size;
        operation.InPlaceOffset = -counts.Before(Rank) * size;
        return operation;
    }

    private unsafe Operation BeginReduceScatter(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        ReduceOp op,
        TimeSpan? timeout
    )
    {
        Check.Count(count, Size, type);
        Check.NotNull(nameof(input), input, count);
        Check.NotNull(nameof(output), output, count);
        return BeginReduceScatter(type, count, op, timeout);
    }

    private unsafe Operation BeginReduceScatter(
        void* input,
        void* output,
        in BlockCounts counts,
        CollectiveDataType type,
        ReduceOp op,
        TimeSpan? timeout
    )
    {
        Check.NotNull(nameof(input), input, counts.Total);
        Check.NotNull(nameof(output), output, counts[Rank]);
        return BeginReduceScatter(type, counts, op, timeout);
    }
}
