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
            Issue(Group.Raw.AllReduceAsync(Pin(input), Pin(output), input.Length, _type, op, Timeout));
        }
        else
        {
            Group.Raw.AllReduce(Pin(input), Pin(output), input.Length, _type, op, Timeout);
        }
    }

    public override void AllGather(Memory<T> input, Memory<T> output)
    {
        if (isAsync)
        {
            Issue(Group.Raw.AllGatherAsync(Pin(input), Pin(output), input.Length, _type, Timeout));
        }
        else
        {
            Group.Raw.AllGather(Pin(input), Pin(output), input.Length, _type, Timeout);
        }
    }

    public override void AllGather(Memory<T> input, Memory<T> output, long[] counts)
    {
        if (isAsync)
        {
            Issue(Group.Raw.AllGatherAsync(Pin(input), Pin(output), counts, _type, Timeout));
        }
        else
        {
            Group.Raw.AllGather(Pin(input), Pin(output), counts, _type, Timeout);
        }
    }

    public override void ReduceScatter(Memory<T> input, Memory<T> output, ReduceOp op)
    {
        if (isAsync)
        {
            Issue(Group.Raw.ReduceScatterAsync(Pin(input), Pin(output), output.Length, _type, op, Timeout));
        }
        else
        {
            Group.Raw.ReduceScatter(Pin(input), Pin(output), output.Length, _type, op, Timeout);
        }
    }

    public override void ReduceScatter(Memory<T> input, Memory<T> output, long[] counts, ReduceOp op)
    {
        if (isAsync)
        {
            Issue(Group.Raw.ReduceScatterAsync(Pin(input), Pin(output), counts, _type, op, Timeout));
        }
        else
        {
            Group.Raw.ReduceScatter(Pin(input), Pin(output), counts, _type, op, Timeout);
        }
    }

    public override void Broadcast(Memory<T> buffer, int root)
    {
        if (isAsync)
        {
            Issue(Group.Raw.BroadcastAsync(Pin(buffer), buffer.Length, _type, root, Timeout));
        }
        else
        {
            Group.Raw.Broadcast(Pin(buffer), buffer.Length, _type, root, Timeout);
        }
    }

    public override void Reduce(Memory<T> input, Memory<T> output, ReduceOp op, int root)
    {
        if (isAsync)
        {
            Issue(Group.Raw.ReduceAsync(Pin(input), Pin(output), input.Length, _type, root, op, Timeout));
        }
        else
        {
            Group.Raw.Reduce(Pin(input), Pin(output), input.Length, _type, root, op, Timeout);
        }
    }

    public override void Gather(Memory<T> input, Memory<T> output, int root)
    {
        if (isAsync)
        {
            Issue(Group.Raw.GatherAsync(Pin(input), Pin(output), input.Length, _type, root, Timeout));
        }
        else
        {
            Group.Raw.Gather(Pin(input), Pin(output), input.Length, _type, root, Timeout);
        }
    }

    public override void Gather(Memory<T> input, Memory<T> output, long[] counts, int root)
    {
        if (isAsync)
        {
            Issue(Group.Raw.GatherAsync(Pin(input), input.Length, Pin(output), counts, _type, root, Timeout));
        }
        else
        {
            Group.Raw.Gather(Pin(input), input.Length, Pin(output), counts, _type, root, Timeout);
        }
    }

    public override void Scatter(Memory<T> input, Memory<T> output, int root)
    {
        if (isAsync)
        {
            Issue(Group.Raw.ScatterAsync(Pin(input), Pin(output), output.Length, _type, root, Timeout));
        }
        else
        {
            Group.Raw.Scatter(Pin(input), Pin(output), output.Length, _type, root, Timeout);
        }
    }

    public override void Scatter(Memory<T> input, Memory<T> output, long[] counts, int root)
    {
        if (isAsync)
        {
            Issue(Group.Raw.ScatterAsync(Pin(input), counts, Pin(output), output.Length, _type, root, Timeout));
        }
        else
        {
            Group.Raw.Scatter(Pin(input), counts, Pin(output), output.Length, _type, root, Timeout);
        }
    }

    public override void AllToAll(Memory<T> input, Memory<T> output)
    {
        if (isAsync)
        {
            Issue(Group.Raw.AllToAllAsync(Pin(input), Pin(output), input.Length / Group.Size, _type, Timeout));
        }
        else
        {
            Group.Raw.AllToAll(Pin(input), Pin(output), input.Length / Group.Size, _type, Timeout);
        }
    }

    public override void AllToAll(Memory<T> input, long[] inputCounts, Memory<T> output, long[] outputCounts)
    {
        if (isAsync)
        {
            Issue(Group.Raw.AllToAllAsync(Pin(input), inputCounts, Pin(output), outputCounts, _type, Timeout));
        }
        else
        {
            Group.Raw.AllToAll(Pin(input), inputCounts, Pin(output), outputCounts, _type, Timeout);
        }
    }

    public override void Send(Memory<T> buffer, int destination)
    {
        if (isAsync)
        {
            Issue(Group.Raw.SendAsync(Pin(buffer), buffer.Length, _type, destination, timeout: Timeout));
        }
        else
        {
            Group.Raw.Send(Pin(buffer), buffer.Length, _type, destination, timeout: Timeout);
        }
    }

    public override void Receive(Memory<T> buffer, int source)
    {
        if (isAsync)
        {
            Issue(Group.Raw.ReceiveAsync(Pin(buffer), buffer.Length, _type, source, timeout: Timeout));
        }
        else
        {
            Group.Raw.Receive(Pin(buffer), buffer.Length, _type, source, timeout: Timeout);
        }
    }

    protected override void Free() => _pins.ForEach(pin => pin.Dispose());

    private void* Pin(Memory<T> memory)
    {
        var pin = memory.Pin();
        _pins.Add(pin);
        return pin.Pointer;
    }
}
