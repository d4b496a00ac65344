namespace NativeCollectives.Worker;

/// <summary>The blocking forms on spans. In place, the named reductions.</summary>
internal sealed class SpanCaller<T>(DistributedGroup group, TimeSpan? timeout) : Caller<T>(group, timeout)
    where T : unmanaged
{
    public override bool IsAsync => false;

    public override void AllReduce(Memory<T> input, Memory<T> output, ReduceOp op)
    {
        var inPlace = input.Equals(output);
        switch (op)
        {
            case ReduceOp.Sum when inPlace:
                Group.AllSum(output.Span, Timeout);
                break;
            case ReduceOp.Max when inPlace:
                Group.AllMax(output.Span, Timeout);
                break;
            case ReduceOp.Min when inPlace:
                Group.AllMin(output.Span, Timeout);
                break;
            default:
                if (inPlace)
                {
                    Group.AllReduce(output.Span, op, Timeout);
                }
                else
                {
                    Group.AllReduce(input.Span, output.Span, op, Timeout);
                }
                break;
        }
    }

    public override void AllGather(Memory<T> input, Memory<T> output) =>
        Group.AllGather<T>(input.Span, output.Span, Timeout);

    public override void AllGather(Memory<T> input, Memory<T> output, long[] counts) =>
        Group.AllGather<T>(input.Span, output.Span, counts, Timeout);

    public override void ReduceScatter(Memory<T> input, Memory<T> output, ReduceOp op) =>
        Group.ReduceScatter<T>(input.Span, output.Span, op, Timeout);

    public override void ReduceScatter(Memory<T> input, Memory<T> output, long[] counts, ReduceOp op) =>
        Group.ReduceScatter<T>(input.Span, output.Span, counts, op, Timeout);

    public override void Broadcast(Memory<T> buffer, int root) => Group.Broadcast(buffer.Span, root, Timeout);

    public override void Reduce(Memory<T> input, Memory<T> output, ReduceOp op, int root) =>
        Group.Reduce<T>(input.Span, output.Span, root, op, Timeout);

    public override void Gather(Memory<T> input, Memory<T> output, int root) =>
        Group.Gather<T>(input.Span, output.Span, root, Timeout);

    public override void Gather(Memory<T> input, Memory<T> output, long[] counts, int root) =>
        Group.Gather<T>(input.Span, output.Span, counts, root, Timeout);

    public override void Scatter(Memory<T> input, Memory<T> output, int root) =>
        Group.Scatter<T>(input.Span, output.Span, root, Timeout);

    public override void Scatter(Memory<T> input, Memory<T> output, long[] counts, int root) =>
        Group.Scatter<T>(input.Span, output.Span, counts, root, Timeout);

    public override void AllToAll(Memory<T> input, Memory<T> output) =>
        Group.AllToAll<T>(input.Span, output.Span, Timeout);

    public override void AllToAll(Memory<T> input, long[] inputCounts, Memory<T> output, long[] outputCounts) =>
        Group.AllToAll<T>(input.Span, inputCounts, output.Span, outputCounts, Timeout);

    public override void Send(Memory<T> buffer, int destination) =>
        Group.Send<T>(buffer.Span, destination, timeout: Timeout);

    public override void Receive(Memory<T> buffer, int source) => Group.Receive(buffer.Span, source, timeout: Timeout);
}
