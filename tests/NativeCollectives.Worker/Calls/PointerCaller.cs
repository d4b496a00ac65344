using System.Buffers;

namespace NativeCollectives.Worker;

/// <summary>
/// The forms on native memory, blocking or asynchronous: pointers into the arrays, which stay where they are meanwhile.
/// </summary>
internal sealed unsafe class PointerCaller<T>(DistributedGroup group, TimeSpan? timeout, bool isAsync)
    : Caller<T>(group, timeout)
    where T : unmanaged
{
    private static readonly CollectiveDataType _type = OperationPlan.DataTypeOf<T>();

    private readonly List<MemoryHandle> _pins = [];

    public override bool IsAsync => isAsync;

    public override void AllReduce(Memory<T> input, Memory<T> output, ReduceOp op)
    {
        if (isAsync)
        {
            Issue(Group.AllReduceAsync(Pin(input), Pin(output), input.Length, _type, op, Timeout));
        }
        else
        {
            Group.AllReduce(Pin(input), Pin(output), input.Length, _type, op, Timeout);
        }
    }

    public override void AllGather(Memory<T> input, Memory<T> output)
    {
        if (isAsync)
        {
            Issue(Group.AllGatherAsync(Pin(input), Pin(output), input.Length, _type, Timeout));
        }
        else
        {
            Group.AllGather(Pin(input), Pin(output), input.Length, _type, Timeout);
        }
    }

    public override void AllGather(Memory<T> input, Memory<T> output, int[] counts)
    {
        if (isAsync)
        {
            Issue(Group.AllGatherAsync(Pin(input), Pin(output), Long(counts), _type, Timeout));
        }
        else
        {
            Group.AllGather(Pin(input), Pin(output), Long(counts), _type, Timeout);
        }
    }

    public override void ReduceScatter(Memory<T> input, Memory<T> output, ReduceOp op)
    {
        if (isAsync)
        {
            Issue(Group.ReduceScatterAsync(Pin(input), Pin(output), output.Length, _type, op, Timeout));
        }
        else
        {
            Group.ReduceScatter(Pin(input), Pin(output), output.Length, _type, op, Timeout);
        }
    }

    public override void ReduceScatter(Memory<T> input, Memory<T> output, int[] counts, ReduceOp op)
    {
        if (isAsync)
        {
            Issue(Group.ReduceScatterAsync(Pin(input), Pin(output), Long(counts), _type, op, Timeout));
        }
        else
        {
            Group.ReduceScatter(Pin(input), Pin(output), Long(counts), _type, op, Timeout);
        }
    }

    public override void Broadcast(Memory<T> buffer, int root)
    {
        if (isAsync)
        {
            Issue(Group.BroadcastAsync(Pin(buffer), buffer.Length, _type, root, Timeout));
        }
        else
        {
            Group.Broadcast(Pin(buffer), buffer.Length, _type, root, Timeout);
        }
    }

    public override void Reduce(Memory<T> input, Memory<T> output, ReduceOp op, int root)
    {
        if (isAsync)
        {
            Issue(Group.ReduceAsync(Pin(input), Pin(output), input.Length, _type, op, root, Timeout));
        }
        else
        {
            Group.Reduce(Pin(input), Pin(output), input.Length, _type, op, root, Timeout);
        }
    }

    public override void Gather(Memory<T> input, Memory<T> output, int root)
    {
        if (isAsync)
        {
            Issue(Group.GatherAsync(Pin(input), Pin(output), input.Length, _type, root, Timeout));
        }
        else
        {
            Group.Gather(Pin(input), Pin(output), input.Length, _type, root, Timeout);
        }
    }

    public override void Gather(Memory<T> input, Memory<T> output, int[] counts, int root)
    {
        if (isAsync)
        {
            Issue(Group.GatherAsync(Pin(input), input.Length, Pin(output), Long(counts), _type, root, Timeout));
        }
        else
        {
            Group.Gather(Pin(input), input.Length, Pin(output), Long(counts), _type, root, Timeout);
        }
    }

    public override void Scatter(Memory<T> input, Memory<T> output, int root)
    {
        if (isAsync)
        {
            Issue(Group.ScatterAsync(Pin(input), Pin(output), output.Length, _type, root, Timeout));
        }
        else
        {
            Group.Scatter(Pin(input), Pin(output), output.Length, _type, root, Timeout);
        }
    }

    public override void Scatter(Memory<T> input, Memory<T> output, int[] counts, int root)
    {
        if (isAsync)
        {
            Issue(Group.ScatterAsync(Pin(input), Long(counts), Pin(output), output.Length, _type, root, Timeout));
        }
        else
        {
            Group.Scatter(Pin(input), Long(counts), Pin(output), output.Length, _type, root, Timeout);
        }
    }

    public override void AllToAll(Memory<T> input, Memory<T> output)
    {
        if (isAsync)
        {
            Issue(Group.AllToAllAsync(Pin(input), Pin(output), input.Length / Group.Size, _type, Timeout));
        }
        else
        {
            Group.AllToAll(Pin(input), Pin(output), input.Length / Group.Size, _type, Timeout);
        }
    }

    public override void AllToAll(Memory<T> input, int[] inputCounts, Memory<T> output, int[] outputCounts)
    {
        if (isAsync)
        {
            Issue(Group.AllToAllAsync(Pin(input), Long(inputCounts), Pin(output), Long(outputCounts), _type, Timeout));
        }
        else
        {
            Group.AllToAll(Pin(input), Long(inputCounts), Pin(output), Long(outputCounts), _type, Timeout);
        }
    }

    public override void Send(Memory<T> buffer, int destination)
    {
        if (isAsync)
        {
            Issue(Group.SendAsync(Pin(buffer), buffer.Length, _type, destination, Timeout));
        }
        else
        {
            Group.Send(Pin(buffer), buffer.Length, _type, destination, Timeout);
        }
    }

    public override void Receive(Memory<T> buffer, int source)
    {
        if (isAsync)
        {
            Issue(Group.ReceiveAsync(Pin(buffer), buffer.Length, _type, source, Timeout));
        }
        else
        {
            Group.Receive(Pin(buffer), buffer.Length, _type, source, Timeout);
        }
    }

    protected override void Free() => _pins.ForEach(pin => pin.Dispose());

    internal static long[] Long(int[] counts) => [.. counts.Select(count => (long)count)];

    private void* Pin(Memory<T> memory)
    {
        var pin = memory.Pin();
        _pins.Add(pin);
        return pin.Pointer;
    }
}
