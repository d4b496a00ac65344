namespace NativeCollectives.Cli.Bench;

/// <summary>The operations that can be measured.</summary>
internal enum CollectiveKind
{
    AllReduce,
    AllGather,
    ReduceScatter,
    Broadcast,
    Reduce,
    Gather,
    Scatter,
    AllToAll,
    SendReceive,
    Barrier,
}
