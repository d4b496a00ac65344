namespace NativeCollectives.Cli.Bench;

/// <summary>Buffers in host memory.</summary>
internal sealed unsafe class HostBuffers(BenchmarkCase one, DistributedGroup group, RankMemory memory)
    : RankBuffers(one, group, memory)
{
    private readonly CollectiveKind _kind = one.Operation.Kind;
    private readonly CollectiveDataType _type = one.Type;
    private readonly ReduceOp _op = one.ReduceOp ?? ReduceOp.Sum;
    private readonly int _root = one.Root;
    private long _count;

    public override void Use(long count)
    {
        base.Use(count);
        _count = count;
    }

    public override void Run()
    {
        switch (_kind)
        {
            case CollectiveKind.AllReduce:
                Group.AllReduce(Input, Output, _count, _type, _op);
                break;
            case CollectiveKind.AllGather:
                Group.AllGather(Input, Output, _count, _type);
                break;
            case CollectiveKind.ReduceScatter:
                Group.ReduceScatter(Input, Output, _count, _type, _op);
                break;
            case CollectiveKind.Broadcast:
                Group.Broadcast(Output, _count, _type, _root);
                break;
            case CollectiveKind.Reduce:
                Group.Reduce(Input, Output, _count, _type, _op, _root);
                break;
            case CollectiveKind.Gather:
                Group.Gather(Input, Output, _count, _type, _root);
                break;
            case CollectiveKind.Scatter:
                Group.Scatter(Input, Output, _count, _type, _root);
                break;
            case CollectiveKind.AllToAll:
                Group.AllToAll(Input, Output, _count, _type);
                break;
            case CollectiveKind.SendReceive when ReceivesFirst:
                Group.Receive(Output, _count, _type, Left);
                Group.Send(Input, _count, _type, Right);
                break;
            case CollectiveKind.SendReceive:
                Group.Send(Input, _count, _type, Right);
                Group.Receive(Output, _count, _type, Left);
                break;
            default:
                Group.Barrier();
                break;
        }
    }
}
