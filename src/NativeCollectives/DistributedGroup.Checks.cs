using NativeCollectives.Interop;

namespace NativeCollectives;

// What every operation asks of its arguments, whatever its buffers are made of. Lengths are in elements. A rank that
// does not use a buffer may give any length for it.
public sealed partial class DistributedGroup
{
    internal Operation BeginAllReduce(CollectiveDataType type, long input, long output, ReduceOp op, TimeSpan? timeout)
    {
        Check.Length(nameof(output), output, input, Check.AsManyAsInput);
        Operation operation = BeginReduction(nc_operation.NC_ALL_REDUCE, type, input, op, timeout);
        operation.SentBytes = operation.ReceivedBytes = BytesOf(operation, input);
        operation.MayBeInPlace = true;
        return operation;
    }

    internal Operation BeginReduce(
        CollectiveDataType type,
        long input,
        long output,
        int root,
        ReduceOp op,
        TimeSpan? timeout
    )
    {
        Check.Root(root, Size);
        Operation operation = BeginReduction(nc_operation.NC_REDUCE, type, input, op, timeout);
        operation.Request.peer = root;
        operation.SentBytes = BytesOf(operation, input);
        operation.MayBeInPlace = true;
        if (Rank == root)
        {
            Check.Length(nameof(output), output, input, Check.AsManyAsInput);
            operation.ReceivedBytes = operation.SentBytes;
        }

        return operation;
    }

    internal Operation BeginReduceScatter(
        CollectiveDataType type,
        long input,
        long output,
        ReduceOp op,
        TimeSpan? timeout
    )
    {
        Check.Length(nameof(input), input, TimesSize(output), Check.OutputTimesSize);
        Operation operation = BeginReduction(nc_operation.NC_REDUCE_SCATTER, type, output, op, timeout);
        operation.ReceivedBytes = BytesOf(operation, output);
        operation.SentBytes = BytesOf(operation, input);
        operation.MayBeInPlace = true;
        operation.InPlaceOffset = -operation.ReceivedBytes * Rank;
        return operation;
    }

    internal Operation BeginReduceScatter(
        CollectiveDataType type,
        long input,
        long output,
        in BlockCounts counts,
        ReduceOp op,
        TimeSpan? timeout
    )
    {
        Check.Length(nameof(input), input, counts.Total, Check.SumOfCounts);
        Check.Length(nameof(output), output, counts[Rank], Check.OwnCount);
        Operation operation = BeginReduction(nc_operation.NC_REDUCE_SCATTER, type, output, op, timeout);
        operation.Request.flags = NativeMethods.NC_REQUEST_UNEVEN;
        operation.ReceivedBytes = BytesOf(operation, output);
        operation.SentBytes = BytesOf(operation, input);
        operation.MayBeInPlace = true;
        operation.InPlaceOffset = -BytesOf(operation, counts.Before(Rank));
        return operation;
    }

    internal Operation BeginAllGather(CollectiveDataType type, long input, long output, TimeSpan? timeout)
    {
        Check.Length(nameof(output), output, TimesSize(input), Check.InputTimesSize);
        Operation operation = Begin(nc_operation.NC_ALL_GATHER, type, input, timeout);
        operation.SentBytes = BytesOf(operation, input);
        operation.ReceivedBytes = BytesOf(operation, output);
        operation.MayBeInPlace = true;
        operation.InPlaceOffset = operation.SentBytes * Rank;
        return operation;
    }

    internal Operation BeginAllGather(
        CollectiveDataType type,
        long input,
        long output,
        in BlockCounts counts,
        TimeSpan? timeout
    )
    {
        Check.Length(nameof(input), input, counts[Rank], Check.OwnCount);
        Check.Length(nameof(output), output, counts.Total, Check.SumOfCounts);
        Operation operation = Begin(nc_operation.NC_ALL_GATHER, type, input, timeout);
        operation.Request.flags = NativeMethods.NC_REQUEST_UNEVEN;
        operation.SentBytes = BytesOf(operation, input);
        operation.ReceivedBytes = BytesOf(operation, output);
        operation.MayBeInPlace = true;
        operation.InPlaceOffset = BytesOf(operation, counts.Before(Rank));
        return operation;
    }

    internal Operation BeginGather(CollectiveDataType type, long input, long output, int root, TimeSpan? timeout)
    {
        Check.Root(root, Size);
        Operation operation = Begin(nc_operation.NC_GATHER, type, input, timeout);
        operation.Request.peer = root;
        operation.SentBytes = BytesOf(operation, input);
        operation.MayBeInPlace = true;
        if (Rank == root)
        {
            Check.Length(nameof(output), output, TimesSize(input), Check.InputTimesSize);
            operation.ReceivedBytes = BytesOf(operation, output);
            operation.InPlaceOffset = operation.SentBytes * Rank;
        }

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
        Check.Root(root, Size);
        Operation operation = Begin(nc_operation.NC_GATHER, type, input, timeout);
        operation.Request.peer = root;
        operation.Request.flags = NativeMethods.NC_REQUEST_UNEVEN;
        operation.SentBytes = BytesOf(operation, input);
        operation.MayBeInPlace = true;
        if (Rank == root)
        {
            Check.Length(nameof(input), input, counts[Rank], Check.OwnCount);
            Check.Length(nameof(output), output, counts.Total, Check.SumOfCounts);
            operation.ReceivedBytes = BytesOf(operation, output);
            operation.InPlaceOffset = BytesOf(operation, counts.Before(Rank));
        }

        return operation;
    }

    internal Operation BeginScatter(CollectiveDataType type, long input, long output, int root, TimeSpan? timeout)
    {
        Check.Root(root, Size);
        Operation operation = Begin(nc_operation.NC_SCATTER, type, output, timeout);
        operation.Request.peer = root;
        operation.ReceivedBytes = BytesOf(operation, output);
        operation.MayBeInPlace = true;
        if (Rank == root)
        {
            Check.Length(nameof(input), input, TimesSize(output), Check.OutputTimesSize);
            operation.SentBytes = BytesOf(operation, input);
            operation.InPlaceOffset = -operation.ReceivedBytes * Rank;
        }

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
        Check.Root(root, Size);
        Operation operation = Begin(nc_operation.NC_SCATTER, type, output, timeout);
        operation.Request.peer = root;
        operation.Request.flags = NativeMethods.NC_REQUEST_UNEVEN;
        operation.ReceivedBytes = BytesOf(operation, output);
        operation.MayBeInPlace = true;
        if (Rank == root)
        {
            Check.Length(nameof(input), input, counts.Total, Check.SumOfCounts);
            Check.Length(nameof(output), output, counts[Rank], Check.OwnCount);
            operation.SentBytes = BytesOf(operation, input);
            operation.InPlaceOffset = -BytesOf(operation, counts.Before(Rank));
        }

        return operation;
    }

    internal Operation BeginAllToAll(CollectiveDataType type, long input, long output, TimeSpan? timeout)
    {
        Check.Length(nameof(output), output, input, Check.AsManyAsInput);
        long count = Check.Divide(nameof(input), input, Size);
        Operation operation = Begin(nc_operation.NC_ALL_TO_ALL, type, count, timeout);
        operation.SentBytes = operation.ReceivedBytes = BytesOf(operation, input);
        return operation;
    }

    internal Operation BeginAllToAll(
        CollectiveDataType type,
        long input,
        long output,
        in BlockCounts sent,
        in BlockCounts received,
        TimeSpan? timeout
    )
    {
        Check.Length(nameof(input), input, sent.Total, Check.SumOfCounts);
        Check.Length(nameof(output), output, received.Total, Check.SumOfCounts);
        if (sent[Rank] != received[Rank])
        {
            throw new ArgumentException(
                $"The own block has {sent[Rank]} elements in the input, but {received[Rank]} in the output.",
                "outputCounts"
            );
        }

        Operation operation = Begin(nc_operation.NC_ALL_TO_ALL, type, 0, timeout);
        operation.Request.flags = NativeMethods.NC_REQUEST_UNEVEN;
        operation.SentBytes = BytesOf(operation, input);
        operation.ReceivedBytes = BytesOf(operation, output);
        return operation;
    }

    internal Operation BeginBroadcast(CollectiveDataType type, long length, int root, TimeSpan? timeout)
    {
        Check.Root(root, Size);
        Operation operation = Begin(nc_operation.NC_BROADCAST, type, length, timeout);
        operation.Request.peer = root;
        long bytes = BytesOf(operation, length);
        operation.SentBytes = Rank == root ? bytes : 0;
        operation.ReceivedBytes = Rank == root ? 0 : bytes;
        return operation;
    }

    internal Operation BeginScan(CollectiveDataType type, long input, long output, ReduceOp op, TimeSpan? timeout) =>
        BeginScan(nc_operation.NC_SCAN, type, input, output, op, timeout);

    internal Operation BeginExclusiveScan(
        CollectiveDataType type,
        long input,
        long output,
        ReduceOp op,
        TimeSpan? timeout
    ) => BeginScan(nc_operation.NC_EXCLUSIVE_SCAN, type, input, output, op, timeout);

    internal Operation BeginSend(CollectiveDataType type, long length, int destination, int tag, TimeSpan? timeout)
    {
        Check.Peer(nameof(destination), destination, Rank, Size);
        Operation operation = Begin(nc_operation.NC_SEND, type, length, timeout);
        operation.Request.peer = destination;
        operation.Request.tag = tag;
        operation.SentBytes = BytesOf(operation, length);
        return operation;
    }

    internal Operation BeginReceive(CollectiveDataType type, long length, int source, int tag, TimeSpan? timeout)
    {
        Check.Peer(nameof(source), source, Rank, Size);
        Operation operation = Begin(nc_operation.NC_RECEIVE, type, length, timeout);
        operation.Request.peer = source;
        operation.Request.tag = tag;
        operation.ReceivedBytes = BytesOf(operation, length);
        return operation;
    }

    /// <summary>The beginning of every operation.</summary>
    internal unsafe Operation Begin(nc_operation operation, CollectiveDataType type, long count, TimeSpan? timeout)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        return new Operation
        {
            Request = new nc_request
            {
                size = (uint)sizeof(nc_request),
                operation = operation,
                data_type = (nc_data_type)type,
                count = (ulong)count,
                timeout_ms = Timeouts.Of(timeout),
            },
        };
    }

    /// <summary>
    /// Elements of as many blocks as there are ranks; so many that no buffer has them, if there is no such number.
    /// </summary>
    internal long TimesSize(long length) => length > long.MaxValue / Size ? long.MaxValue : length * Size;

    /// <summary>The counts that every rank gives, each for so many elements.</summary>
    internal BlockCounts ReadCounts(
        ReadOnlySpan<long> counts,
        CollectiveDataType type,
        string parameterName,
        long elements = 1
    ) => BlockCounts.Read(counts, Size, type, parameterName, elements);

    /// <summary>The counts that only the root gives.</summary>
    internal BlockCounts ReadCountsAtRoot(
        ReadOnlySpan<long> counts,
        int root,
        CollectiveDataType type,
        long elements = 1
    )
    {
        Check.Root(root, Size);
        return Rank == root ? ReadCounts(counts, type, nameof(counts), elements) : BlockCounts.None;
    }

    private Operation BeginScan(
        nc_operation kind,
        CollectiveDataType type,
        long input,
        long output,
        ReduceOp op,
        TimeSpan? timeout
    )
    {
        Check.Length(nameof(output), output, input, Check.AsManyAsInput);
        if (op == ReduceOp.Average)
        {
            throw new ArgumentException("A scan has no averages.", nameof(op));
        }

        Operation operation = BeginReduction(kind, type, input, op, timeout);
        operation.SentBytes = operation.ReceivedBytes = BytesOf(operation, input);
        operation.MayBeInPlace = true;
        return operation;
    }

    private Operation BeginReduction(
        nc_operation kind,
        CollectiveDataType type,
        long count,
        ReduceOp op,
        TimeSpan? timeout
    )
    {
        Check.Operator(op, type);
        Operation operation = Begin(kind, type, count, timeout);
        operation.Request.reduce_op = (nc_reduce_op)op;
        return operation;
    }

    private static long BytesOf(in Operation operation, long length) =>
        length * ElementType.SizeOf((CollectiveDataType)operation.Request.data_type);
}
