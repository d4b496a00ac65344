using NativeCollectives.Interop;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Combines the ranks' inputs element by element; the root gets the result.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: equally much on every rank.</param>
    /// <param name="output">
    /// At the root the result, of the input's length; elsewhere it is not used and may be empty. In place: the input's
    /// memory.
    /// </param>
    /// <param name="op">How elements are combined.</param>
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
    /// <remarks>MPI's <c>MPI_Reduce</c>, NCCL's <c>ncclReduce</c>.</remarks>
    public void Reduce<T>(ReadOnlySpan<T> input, Span<T> output, ReduceOp op, int root, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Operation operation = BeginReduce(ElementType.Of<T>(), input.Length, op, root, timeout);
        CheckReduceOutput(output.Length, input.Length, root);
        Run(ref operation, input, output);
    }

    /// <summary>Combines native buffers element by element; the root gets the result.</summary>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">
    /// At the root the result; elsewhere it is not used. In place: <paramref name="input"/>.
    /// </param>
    /// <param name="count">Elements of each buffer.</param>
    /// <param name="type">The element type.</param>
    /// <param name="op">How elements are combined.</param>
    /// <param name="root">The rank that gets the result.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Reduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, int, TimeSpan?)" path="/exception"/>
    public unsafe void Reduce(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        ReduceOp op,
        int root,
        TimeSpan? timeout = null
    )
    {
        Operation operation = BeginReduce(input, output, count, type, op, root, timeout);
        Run(ref operation, input, output);
    }

    /// <inheritdoc cref="ReduceAsync{T}(ReadOnlyMemory{T}, Memory{T}, ReduceOp, int, TimeSpan?, CancellationToken)"/>
    public Task ReduceAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        ReduceOp op,
        int root,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged => ReduceAsync(input, output, op, root, null, cancellationToken);

    /// <summary>
    /// Issues <see cref="Reduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, int, TimeSpan?)"/> and returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: equally much on every rank.</param>
    /// <param name="output">
    /// At the root the result, of the input's length; elsewhere it is not used and may be empty. In place: the input's
    /// memory.
    /// </param>
    /// <param name="op">How elements are combined.</param>
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
    /// <inheritdoc cref="Reduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, int, TimeSpan?)" path="/exception"/>
    public Task ReduceAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        ReduceOp op,
        int root,
        TimeSpan? timeout,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Operation operation = BeginReduce(ElementType.Of<T>(), input.Length, op, root, timeout);
        CheckReduceOutput(output.Length, input.Length, root);
        return RunAsync(ref operation, input, output, cancellationToken);
    }

    /// <summary>
    /// Issues <see cref="Reduce(void*, void*, long, CollectiveDataType, ReduceOp, int, TimeSpan?)"/> and returns.
    /// </summary>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">
    /// At the root the result; elsewhere it is not used. In place: <paramref name="input"/>.
    /// </param>
    /// <param name="count">Elements of each buffer.</param>
    /// <param name="type">The element type.</param>
    /// <param name="op">How elements are combined.</param>
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
    /// <inheritdoc cref="Reduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, int, TimeSpan?)" path="/exception"/>
    public unsafe Task ReduceAsync(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        ReduceOp op,
        int root,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        Operation operation = BeginReduce(input, output, count, type, op, root, timeout);
        return RunAsync(ref operation, input, output, cancellationToken);
    }

    private void CheckReduceOutput(long output, long input, int root)
    {
        if (Rank == root)
        {
            Check.Length(nameof(output), output, input, Check.AsManyAsInput);
        }
    }

    internal Operation BeginReduce(CollectiveDataType type, long count, ReduceOp op, int root, TimeSpan? timeout)
    {
        Check.Operator(op, type);
        Check.Root(root, Size);
        Operation operation = Begin(nc_operation.NC_REDUCE, type, timeout);
        operation.Request.reduce_op = (nc_reduce_op)op;
        operation.Request.peer = root;
        operation.Request.count = (ulong)count;
        operation.SentBytes = count * ElementType.SizeOf(type);
        operation.ReceivedBytes = Rank == root ? operation.SentBytes : 0;
        operation.MayBeInPlace = true;
        return operation;
    }

    private unsafe Operation BeginReduce(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        ReduceOp op,
        int root,
        TimeSpan? timeout
    )
    {
        Check.Count(count, 1, type);
        Check.NotNull(nameof(input), input, count);
        Check.NotNull(nameof(output), output, Rank == root ? count : 0);
        return BeginReduce(type, count, op, root, timeout);
    }
}
