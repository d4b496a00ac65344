using NativeCollectives.Interop;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>
    /// Combines the ranks' inputs element by element; every rank gets the whole result, bit for bit the same.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">The result, of the input's length. In place: the input's memory.</param>
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
    /// MPI's <c>MPI_Allreduce</c>, NCCL's <c>ncclAllReduce</c>; sum, maximum and minimum are MLX's <c>all_sum</c>,
    /// <c>all_max</c> and <c>all_min</c>.
    /// </remarks>
    public void AllReduce<T>(ReadOnlySpan<T> input, Span<T> output, ReduceOp op, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Check.Length(nameof(output), output.Length, input.Length, Check.AsManyAsInput);
        Operation operation = BeginAllReduce(ElementType.Of<T>(), input.Length, op, timeout);
        Run(ref operation, input, output);
    }

    /// <summary>
    /// Combines the ranks' buffers element by element in place; every rank gets the whole result, bit for bit the same.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">What this rank contributes, and then the result.</param>
    /// <param name="op">How elements are combined.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public void AllReduce<T>(Span<T> buffer, ReduceOp op, TimeSpan? timeout = null)
        where T : unmanaged => AllReduce(buffer, buffer, op, timeout);

    /// <summary>Combines native buffers element by element; every rank gets the whole result.</summary>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">The result. In place: <paramref name="input"/>.</param>
    /// <param name="count">Elements of each buffer.</param>
    /// <param name="type">The element type.</param>
    /// <param name="op">How elements are combined.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public unsafe void AllReduce(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        ReduceOp op,
        TimeSpan? timeout = null
    )
    {
        Operation operation = BeginAllReduce(input, output, count, type, op, timeout);
        Run(ref operation, input, output);
    }

    /// <inheritdoc cref="AllReduceAsync{T}(ReadOnlyMemory{T}, Memory{T}, ReduceOp, TimeSpan?, CancellationToken)"/>
    public Task AllReduceAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        ReduceOp op,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged => AllReduceAsync(input, output, op, null, cancellationToken);

    /// <summary>Issues <see cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">The result, of the input's length. In place: the input's memory.</param>
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
    /// <inheritdoc cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public Task AllReduceAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        ReduceOp op,
        TimeSpan? timeout,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Check.Length(nameof(output), output.Length, input.Length, Check.AsManyAsInput);
        Operation operation = BeginAllReduce(ElementType.Of<T>(), input.Length, op, timeout);
        return RunAsync(ref operation, input, output, cancellationToken);
    }

    /// <inheritdoc cref="AllReduceAsync{T}(Memory{T}, ReduceOp, TimeSpan?, CancellationToken)"/>
    public Task AllReduceAsync<T>(Memory<T> buffer, ReduceOp op, CancellationToken cancellationToken = default)
        where T : unmanaged => AllReduceAsync(buffer, buffer, op, null, cancellationToken);

    /// <summary>Issues <see cref="AllReduce{T}(Span{T}, ReduceOp, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">What this rank contributes, and then the result.</param>
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
    /// <inheritdoc cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public Task AllReduceAsync<T>(
        Memory<T> buffer,
        ReduceOp op,
        TimeSpan? timeout,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged => AllReduceAsync(buffer, buffer, op, timeout, cancellationToken);

    /// <summary>
    /// Issues <see cref="AllReduce(void*, void*, long, CollectiveDataType, ReduceOp, TimeSpan?)"/> and returns.
    /// </summary>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">The result. In place: <paramref name="input"/>.</param>
    /// <param name="count">Elements of each buffer.</param>
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
    /// <inheritdoc cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public unsafe Task AllReduceAsync(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        ReduceOp op,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        Operation operation = BeginAllReduce(input, output, count, type, op, timeout);
        return RunAsync(ref operation, input, output, cancellationToken);
    }

    internal Operation BeginAllReduce(CollectiveDataType type, long count, ReduceOp op, TimeSpan? timeout)
    {
        Check.Operator(op, type);
        Operation operation = Begin(nc_operation.NC_ALL_REDUCE, type, timeout);
        operation.Request.reduce_op = (nc_reduce_op)op;
        operation.Request.count = (ulong)count;
        operation.SentBytes = operation.ReceivedBytes = count * ElementType.SizeOf(type);
        operation.MayBeInPlace = true;
        return operation;
    }

    private unsafe Operation BeginAllReduce(
        void* input,
        void* output,
        long count,
        CollectiveDataType type,
        ReduceOp op,
        TimeSpan? timeout
    )
    {
        Check.Count(count, 1, type);
        Check.NotNull(nameof(input), input, count);
        Check.NotNull(nameof(output), output, count);
        return BeginAllReduce(type, count, op, timeout);
    }
}
