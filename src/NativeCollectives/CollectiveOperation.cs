namespace NativeCollectives;

/// <summary>The operations of a group, for <see cref="DistributedGroup.Supports"/>.</summary>
public enum CollectiveOperation
{
    /// <summary><see cref="DistributedGroup.AllReduce{T}(Span{T}, ReduceOp, TimeSpan?)"/>.</summary>
    AllReduce = 1,

    /// <summary><see cref="DistributedGroup.AllGather{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)"/>.</summary>
    AllGather,

    /// <summary>
    /// <see cref="DistributedGroup.ReduceScatter{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)"/>.
    /// </summary>
    ReduceScatter,

    /// <summary><see cref="DistributedGroup.Broadcast{T}(Span{T}, int, TimeSpan?)"/>.</summary>
    Broadcast,

    /// <summary><see cref="DistributedGroup.Reduce{T}(ReadOnlySpan{T}, Span{T}, int, ReduceOp, TimeSpan?)"/>.</summary>
    Reduce,

    /// <summary><see cref="DistributedGroup.Gather{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)"/>.</summary>
    Gather,

    /// <summary><see cref="DistributedGroup.Scatter{T}(ReadOnlySpan{T}, Span{T}, int, TimeSpan?)"/>.</summary>
    Scatter,

    /// <summary><see cref="DistributedGroup.AllToAll{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)"/>.</summary>
    AllToAll,

    /// <summary><see cref="DistributedGroup.Barrier"/>.</summary>
    Barrier,

    /// <summary><see cref="DistributedGroup.Send{T}(ReadOnlySpan{T}, int, int, TimeSpan?)"/>.</summary>
    Send,

    /// <summary><see cref="DistributedGroup.Receive{T}(Span{T}, int, int, TimeSpan?)"/>.</summary>
    Receive,

    /// <summary><see cref="DistributedGroup.Split"/>.</summary>
    Split,

    /// <summary><see cref="DistributedGroup.Scan{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)"/>.</summary>
    Scan,

    /// <summary>
    /// <see cref="DistributedGroup.ExclusiveScan{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)"/>.
    /// </summary>
    ExclusiveScan,
}
