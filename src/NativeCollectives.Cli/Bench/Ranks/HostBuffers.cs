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
                Group.Raw.AllReduce(Input, Output, _count, _type, _op);
                break;
            case CollectiveKind.AllGather:
                Group.Raw.AllGather(Input, Output, _count, _type);
                break;
            case CollectiveKind.ReduceScatter:
                Group.Raw.ReduceScatter(Input, Output, _count, _type, _op);
                break;
            case CollectiveKind.Broadcast:
                Group.Raw.Broadcast(Output, _count, _type, _root);
                break;
            case CollectiveKind.Reduce:
                Group.Raw.Reduce(Input, Output, _count, _type, _root, _op);
                break;
            case CollectiveKind.Gather:
                Group.Raw.Gather(Input, Output, _count, _type, _root);
                break;
            case CollectiveKind.Scatter:
                Group.Raw.Scatter(Input, Output, _count, _type, _root);
                break;
            case CollectiveKind.AllToAll:
                Group.Raw.AllToAll(Input, Output, _count, _type);
                break;
            case CollectiveKind.SendReceive when ReceivesFirst:
                Group.Raw.Receive(Output, _count, _type, Left);
                Group.Raw.Send(Input, _count, _type, Right);
                break;
            case CollectiveKind.SendReceive:
                Group.Raw.Send(Input, _count, _type, Right);
                Group.Raw.Receive(Output, _count, _type, Left);
                break;
            default:
                Group.Barrier();
                break;
        }
    }
}
