using NativeCollectives.Interop;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Hands the blocks of the root's input out to the ranks.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">
    /// At the root <see cref="Size"/> blocks of the output's length, one for each rank; elsewhere it is not used and
    /// may be empty.
    /// </param>
    /// <param name="output">The own block, equally long on every rank. In place: the own block of the input.</param>
    /// <param name="root">The rank whose input it is.</param>
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
    /// <remarks>MPI's <c>MPI_Scatter</c>.</remarks>
    public void Scatter<T>(ReadOnlySpan<T> input, Span<T> output, int root, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Operation operation = BeginScatter(ElementType.Of<T>(), output.Length, root, timeout);
        CheckScatterInput(input.Length, output.Length, root);
        Run(ref operation, input, output);
    }

    /// <summary>Hands the blocks of the root's input, of different lengths, out to the ranks.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">
    /// At the root one block for each rank, as long as all counts together; elsewhere it is not used and may be empty.
    /// </param>
    /// <param name="output">The own block. In place: the own block of the input.</param>
    /// <param name="counts">
    /// At the root, how many elements each rank gets; elsewhere it is not used and may be empty.
    /// </param>
    /// <param name="root">The rank whose input it is.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Scatter{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)" path="/exception"/>
    /// <remarks>MPI's <c>MPI_Scatterv</c>, the blocks one behind the other. Every rank must use this form.</remarks>
    public void Scatter<T>(
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
        Operation operation = BeginScatter(type, input.Length, output.Length, blocks, root, timeout);
        Run(ref operation, input, output, sendCounts: blocks.Values);
    }

    /// <summary>Hands the blocks of the root's native buffer out to the ranks.</summary>
    /// <param name="input">At the root <see cref="Size"/> blocks, one for each rank; elsewhere it is not used.</param>
    /// <param name="output">The own block. In place: the own block of <paramref name="input"/>.</param>
    /// <param name="count">Elements of each block.</param>
    /// <param name="type">The element type.</param>
    /// <param name="root">The rank whose input it is.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Scatter{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)" path="/exception"/>
    public unsafe void Scatter(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        int root,
        TimeSpan? timeout = null
    )
    {
        Operation operation = BeginScatter(input, output, count, type, root, timeout);
        Run(ref operation, input, output);
    }

    /// <summary>Hands the blocks of the root's native buffer, of different lengths, out to the ranks.</summary>
    /// <param name="input">At the root one block for each rank; elsewhere it is not used.</param>
    /// <param name="counts">
    /// At the root, how many elements each rank gets; elsewhere it is not used and may be empty.
    /// </param>
    /// <param name="output">The own block. In place: the own block of <paramref name="input"/>.</param>
    /// <param name="count">Elements of the own block.</param>
    /// <param name="type">The element type.</param>
    /// <param name="root">The rank whose input it is.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Scatter{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)" path="/exception"/>
    public unsafe void Scatter(
        void* input,
        ReadOnlySpan<long> counts,
        void* output,
        long count,
        CollectiveDataType type,
        int root,
        TimeSpan? timeout = null
    )
    {
        using BlockCounts blocks = ReadCountsAtRoot(counts, root, type);
        Operation operation = BeginScatter(input, blocks, output, count, type, root, timeout);
        Run(ref operation, input, output, sendCounts: blocks.Values);
    }

    /// <inheritdoc cref="ScatterAsync{T}(ReadOnlyMemory{T}, Memory{T}, int, TimeSpan?, CancellationToken)"/>
    public Task ScatterAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        int root,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged => ScatterAsync(input, output, root, null, cancellationToken);

    /// <summary>Issues <see cref="Scatter{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">
    /// At the root <see cref="Size"/> blocks of the output's length, one for each rank; elsewhere it is not used and
    /// may be empty.
    /// </param>
    /// <param name="output">The own block, equally long on every rank. In place: the own block of the input.</param>
    /// <param name="root">The rank whose input it is.</param>
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
    /// <inheritdoc cref="Scatter{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)" path="/exception"/>
    public Task ScatterAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        int root,
        TimeSpan? timeout,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Operation operation = BeginScatter(ElementType.Of<T>(), output.Length, root, timeout);
        CheckScatterInput(input.Length, output.Length, root);
        return RunAsync(ref operation, input, output, cancellationToken);
    }

    /// <inheritdoc
    /// cref="ScatterAsync{T}(ReadOnlyMemory{T}, Memory{T}, ReadOnlySpan{int}, int, TimeSpan?, CancellationToken)"/>
    public Task ScatterAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        ReadOnlySpan<int> counts,
        int root,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged => ScatterAsync(input, output, counts, root, null, cancellationToken);

    /// <summary>
    /// Issues <see cref="Scatter{T}(ReadOnlySpan{T}, Span{T}, ReadOnlySpan{int}, int, TimeSpan?)"/> and returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">
    /// At the root one block for each rank, as long as all counts together; elsewhere it is not used and may be empty.
    /// </param>
    /// <param name="output">The own block. In place: the own block of the input.</param>
    /// <param name="counts">
    /// At the root, how many elements each rank gets; elsewhere it is not used and may be empty. They are read before
    /// this method returns.
    /// </param>
    /// <param name="root">The rank whose input it is.</param>
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
    /// <inheritdoc cref="Scatter{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)" path="/exception"/>
    public Task ScatterAsync<T>(
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
        Operation operation = BeginScatter(type, input.Length, output.Length, blocks, root, timeout);
        return RunAsync(ref operation, input, output, cancellationToken, sendCounts: blocks.Values);
    }

    /// <summary>
    /// Issues <see cref="Scatter(void*, void*, long, CollectiveDataType, int, TimeSpan?)"/> and returns.
    /// </summary>
    /// <param name="input">At the root <see cref="Size"/> blocks, one for each rank; elsewhere it is not used.</param>
    /// <param name="output">The own block. In place: the own block of <paramref name="input"/>.</param>
    /// <param name="count">Elements of each block.</param>
    /// <param name="type">The element type.</param>
    /// <param name="root">The rank whose input it is.</param>
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
    /// <inheritdoc cref="Scatter{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)" path="/exception"/>
    public unsafe Task ScatterAsync(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        int root,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        Operation operation = BeginScatter(input, output, count, type, root, timeout);
        return RunAsync(ref operation, input, output, cancellationToken);
    }

    /// <summary>
    /// Issues <see cref="Scatter(void*, ReadOnlySpan{long}, void*, long, CollectiveDataType, int, TimeSpan?)"/> and
    /// returns.
    /// </summary>
    /// <param name="input">At the root one block for each rank; elsewhere it is not used.</param>
    /// <param name="counts">
    /// At the root, how many elements each rank gets; elsewhere it is not used and may be empty. They are read before
    /// this method returns.
    /// </param>
    /// <param name="output">The own block. In place: the own block of <paramref name="input"/>.</param>
    /// <param name="count">Elements of the own block.</param>
    /// <param name="type">The element type.</param>
    /// <param name="root">The rank whose input it is.</param>
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
    /// <inheritdoc cref="Scatter{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)" path="/exception"/>
    public unsafe Task ScatterAsync(
        void* input,
        ReadOnlySpan<long> counts,
        void* output,
        long count,
        CollectiveDataType type,
        int root,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        using BlockCounts blocks = ReadCountsAtRoot(counts, root, type);
        Operation operation = BeginScatter(input, blocks, output, count, type, root, timeout);
        return RunAsync(ref operation, input, output, cancellationToken, sendCounts: blocks.Values);
    }

    private void CheckScatterInput(long input, long output, int root)
    {
        if (Rank == root)
        {
            Check.Length(nameof(input), input, TimesSize(output), Check.OutputTimesSize);
        }
    }

    internal Operation BeginScatter(CollectiveDataType type, long count, int root, TimeSpan? timeout)
    {
        Check.Root(root, Size);
        Operation operation = Begin(nc_operation.NC_SCATTER, type, timeout);
        operation.Request.peer = root;
        operation.Request.count = (ulong)count;
        operation.ReceivedBytes = count * ElementType.SizeOf(type);
        operation.SentBytes = Rank == root ? operation.ReceivedBytes * Size : 0;
        operation.MayBeInPlace = true;
        operation.InPlaceOffset = -operation.ReceivedBytes * Rank;
        return operation;
    }

    internal Operation BeginScatter(
        CollectiveDataType type,
        long input,
        long output,
        in BlockCounts counts,
        int root,
        TimeSpan? timeout
    )
    {
        Operation operation = BeginScatter(type, output, root, timeout);
        operation.Request.flags = NativeMethods.NC_REQUEST_UNEVEN;
        if (Rank == root)
        {
            Check.Length(nameof(input), input, counts.Total, Check.SumOfCounts);
            Check.Length(nameof(output), output, counts[Rank], Check.OwnCount);
            int size = ElementType.SizeOf(type);
            operation.SentBytes = counts.Total * size;
            operation.InPlaceOffset = -counts.Before(Rank) * size;
        }

        return operation;
    }

    private unsafe Operation BeginScatter(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        int root,
        TimeSpan? timeout
    )
    {
        Check.Count(count, Size, type);
        Check.NotNull(nameof(input), input, Rank == root ? count : 0);
        Check.NotNull(nameof(output), output, count);
        return BeginScatter(type, count, root, timeout);
    }

    private unsafe Operation BeginScatter(
        void* input,
        in BlockCounts counts,
        void* output,
        long count,
        CollectiveDataType type,
        int root,
        TimeSpan? timeout
    )
    {
        Check.Count(count, 1, type);
        Check.NotNull(nameof(input), input, counts.Total);
        Check.NotNull(nameof(output), output, count);
        if (Rank == root)
        {
            Check.Length(nameof(count), count, counts[Rank], Check.OwnCount);
        }

        return BeginScatter(type, counts.Total, count, counts, root, timeout);
    }
}
