using NativeCollectives.Interop;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>
    /// Combines, element by element, what this rank and those before it contribute: rank r gets the combination of
    /// ranks 0 to r, in that order.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">The result, of the input's length. In place: the input's memory.</param>
    /// <param name="op">How elements are combined; not <see cref="ReduceOp.Average"/>.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    /// <remarks>MPI's <c>MPI_Scan</c>.</remarks>
    public void Scan<T>(ReadOnlySpan<T> input, Span<T> output, ReduceOp op, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Operation operation = BeginScan<T>(nc_operation.NC_SCAN, input.Length, output.Length, op, timeout);
        Run(ref operation, input, output);
    }

    /// <summary>
    /// The same without this rank's own contribution: rank r gets the combination of ranks 0 to r - 1. Rank 0's output
    /// stays as it is.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">The result, of the input's length. In place: the input's memory.</param>
    /// <param name="op">How elements are combined; not <see cref="ReduceOp.Average"/>.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    /// <remarks>MPI's <c>MPI_Exscan</c>.</remarks>
    public void ExclusiveScan<T>(ReadOnlySpan<T> input, Span<T> output, ReduceOp op, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Operation operation = BeginScan<T>(nc_operation.NC_EXCLUSIVE_SCAN, input.Length, output.Length, op, timeout);
        Run(ref operation, input, output);
    }

    /// <summary>Issues <see cref="Scan{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">The result, of the input's length. In place: the input's memory.</param>
    /// <param name="op">How elements are combined; not <see cref="ReduceOp.Average"/>.</param>
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
    public Task ScanAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        ReduceOp op,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Operation operation = BeginScan<T>(nc_operation.NC_SCAN, input.Length, output.Length, op, timeout);
        return RunAsync(ref operation, input, output, cancellationToken);
    }

    /// <summary>
    /// Issues <see cref="ExclusiveScan{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)"/> and returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">The result, of the input's length. In place: the input's memory.</param>
    /// <param name="op">How elements are combined; not <see cref="ReduceOp.Average"/>.</param>
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
    public Task ExclusiveScanAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        ReduceOp op,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Operation operation = BeginScan<T>(nc_operation.NC_EXCLUSIVE_SCAN, input.Length, output.Length, op, timeout);
        return RunAsync(ref operation, input, output, cancellationToken);
    }

    /// <summary>
    /// <see cref="Scan{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)"/> by an operator of the program's own.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">The result, of the input's length. In place: the input's memory.</param>
    /// <param name="function">How elements are combined.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public void Scan<T>(ReadOnlySpan<T> input, Span<T> output, ReduceFunction<T> function, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Operation operation = BeginScan<T>(nc_operation.NC_SCAN, input.Length, output.Length, ReduceOp.Sum, timeout);
        RunWith(function, ref operation, input, output);
    }

    /// <summary>
    /// <see cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)"/> by an operator of the program's own.
    /// The ranks' elements are combined in the order of ranks, and all ranks get the same bits if the function gives
    /// the same everywhere.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">The result, of the input's length. In place: the input's memory.</param>
    /// <param name="function">How elements are combined.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    /// <remarks>MPI's <c>MPI_Op_create</c> with <c>MPI_Allreduce</c>.</remarks>
    public void AllReduce<T>(
        ReadOnlySpan<T> input,
        Span<T> output,
        ReduceFunction<T> function,
        TimeSpan? timeout = null
    )
        where T : unmanaged
    {
        Check.Length(nameof(output), output.Length, input.Length, Check.AsManyAsInput);
        Operation operation = BeginAllReduce(ElementType.Of<T>(), input.Length, ReduceOp.Sum, timeout);
        RunWith(function, ref operation, input, output);
    }

    /// <summary>
    /// Issues <see cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceFunction{T}, TimeSpan?)"/> and returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">The result, of the input's length. In place: the input's memory.</param>
    /// <param name="function">How elements are combined; called on a thread of the library.</param>
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
        ReduceFunction<T> function,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Check.Length(nameof(output), output.Length, input.Length, Check.AsManyAsInput);
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled(cancellationToken);
        }

        Operation operation = BeginAllReduce(ElementType.Of<T>(), input.Length, ReduceOp.Sum, timeout);
        var combiner = new Combiner<T>(function);
        combiner.Place(ref operation);
        try
        {
            return RunAsync(ref operation, input, output, cancellationToken, combiner: combiner);
        }
        catch
        {
            // It was not issued.
            combiner.Dispose();
            throw;
        }
    }

    /// <summary>
    /// <see cref="Reduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, int, TimeSpan?)"/> by an operator of the program's own,
    /// in the order of ranks.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">At the root the result, of the input's length; elsewhere it is not used.</param>
    /// <param name="function">How elements are combined.</param>
    /// <param name="root">The rank that gets the result.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public void Reduce<T>(
        ReadOnlySpan<T> input,
        Span<T> output,
        ReduceFunction<T> function,
        int root,
        TimeSpan? timeout = null
    )
        where T : unmanaged
    {
        Operation operation = BeginReduce(ElementType.Of<T>(), input.Length, ReduceOp.Sum, root, timeout);
        if (Rank == root)
        {
            Check.Length(nameof(output), output.Length, input.Length, Check.AsManyAsInput);
        }

        RunWith(function, ref operation, input, output);
    }

    /// <summary>
    /// <see cref="ReduceScatter{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)"/> by an operator of the program's
    /// own, in the order of ranks.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: a block for each rank, of the output's length.</param>
    /// <param name="output">The own block of the result.</param>
    /// <param name="function">How elements are combined.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public void ReduceScatter<T>(
        ReadOnlySpan<T> input,
        Span<T> output,
        ReduceFunction<T> function,
        TimeSpan? timeout = null
    )
        where T : unmanaged
    {
        Check.Length(nameof(input), input.Length, TimesSize(output.Length), Check.OutputTimesSize);
        Operation operation = BeginReduceScatter(ElementType.Of<T>(), output.Length, ReduceOp.Sum, timeout);
        RunWith(function, ref operation, input, output);
    }

    private void RunWith<T>(ReduceFunction<T> function, ref Operation operation, ReadOnlySpan<T> send, Span<T> receive)
        where T : unmanaged
    {
        using var combiner = new Combiner<T>(function);
        combiner.Place(ref operation);
        try
        {
            Run(ref operation, send, receive);
        }
        catch (CollectiveException failure) when (combiner.Failure is not null && failure.InnerException is null)
        {
            throw new CollectiveException(failure.Message, combiner.Failure, FailureDetails.Of(failure));
        }
    }

    private Operation BeginScan<T>(
        nc_operation kind,
        long inputLength,
        long outputLength,
        ReduceOp op,
        TimeSpan? timeout
    )
        where T : unmanaged
    {
        CollectiveDataType type = ElementType.Of<T>();
        Check.Length("output", outputLength, inputLength, Check.AsManyAsInput);
        Check.Operator(op, type);
        if (op == ReduceOp.Average)
        {
            throw new ArgumentException("A scan has no averages.", nameof(op));
        }

        Operation operation = Begin(kind, type, timeout);
        operation.Request.reduce_op = (nc_reduce_op)op;
        operation.Request.count = (ulong)inputLength;
        operation.SentBytes = operation.ReceivedBytes = inputLength * ElementType.SizeOf(type);
        operation.MayBeInPlace = true;
        return operation;
    }
}
