namespace NativeCollectives.Worker;

/// <summary>The asynchronous forms on memories.</summary>
internal sealed class MemoryCaller<T>(DistributedGroup group, TimeSpan? timeout) : Caller<T>(group, timeout)
    where T : unmanaged
{
    public override bool IsAsync => true;

    public override void AllReduce(Memory<T> input, Memory<T> output, ReduceOp op) =>
        Issue(Group.AllReduceAsync<T>(input, output, op, Timeout));

    public override void AllGather(Memory<T> input, Memory<T> output) =>
        Issue(Group.AllGatherAsync<T>(input, output, Timeout));

    public override void AllGather(Memory<T> input, Memory<T> output, long[] counts) =>
        Issue(Group.AllGatherAsync<T>(input, output, counts, Timeout));

    public override void ReduceScatter(Memory<T> input, Memory<T> output, ReduceOp op) =>
        Issue(Group.ReduceScatterAsync<T>(input, output, op, Timeout));

    public override void ReduceScatter(Memory<T> input, Memory<T> output, long[] counts, ReduceOp op) =>
        Issue(Group.ReduceScatterAsync<T>(input, output, counts, op, Timeout));

    public override void Broadcast(Memory<T> buffer, int root) => Issue(Group.BroadcastAsync(buffer, root, Timeout));

    public override void Reduce(Memory<T> input, Memory<T> output, ReduceOp op, int root) =>
        Issue(Group.ReduceAsync<T>(input, output, root, op, Timeout));

    public override void Gather(Memory<T> input, Memory<T> output, int root) =>
        Issue(Group.GatherAsync<T>(input, output, root, Timeout));

    public override void Gather(Memory<T> input, Memory<T> output, long[] counts, int root) =>
        Issue(Group.GatherAsync<T>(input, output, counts, root, Timeout));

    public override void Scatter(Memory<T> input, Memory<T> output, int root) =>
        Issue(Group.ScatterAsync<T>(input, output, root, Timeout));

    public override void Scatter(Memory<T> input, Memory<T> output, long[] counts, int root) =>
        Issue(Group.ScatterAsync<T>(input, output, counts, root, Timeout));

    public override void AllToAll(Memory<T> input, Memory<T> output) =>
        Issue(Group.AllToAllAsync<T>(input, output, Timeout));

    public override void AllToAll(Memory<T> input, long[] inputCounts, Memory<T> output, long[] outputCounts) =>
        Issue(Group.AllToAllAsync<T>(input, inputCounts, output, outputCounts, Timeout));

    public override void Send(Memory<T> buffer, int destination) =>
        Issue(Group.SendAsync<T>(buffer, destination, timeout: Timeout));

    public override void Receive(Memory<T> buffer, int source) =>
        Issue(Group.ReceiveAsync(buffer, source, timeout: Timeout));
}
