using System.Buffers;

namespace NativeCollectives.Cli.Bench;

/// <summary>Buffers in host memory.</summary>
internal sealed unsafe class HostBuffers(BenchmarkCase one, DistributedGroup group, RankMemory memory)
    : RankBuffers(one, group, memory)
{
    private readonly CollectiveBatch _batch = group.Batch();
    private readonly CollectiveKind _kind = one.Operation.Kind;
    private readonly CollectiveDataType _type = one.Type;
    private readonly ReduceOp _op = one.ReduceOp ?? ReduceOp.Sum;
    private readonly int _root = one.Root;
    private long _count;

    public override void Use(long count)
    {
        base.Use(count);
        _count = count;
        _batch.Clear();
        for (int part = 0; _kind == CollectiveKind.AllReduceBatch && part < BenchmarkOperation.Parts; part++)
        {
            (long start, long length) = Part(count, part);
            nint input = (nint)(Input + (start * Case.ElementSize));
            nint output = (nint)(Output + (start * Case.ElementSize));
            _batch.Add(
                Group.BeginAllReduce(_type, length, length, _op, null),
                () => new MemoryHandle((void*)input),
                () => new MemoryHandle((void*)output)
            );
        }
    }

    public override void Run()
    {
        switch (_kind)
        {
            case CollectiveKind.AllReduce:
                Group.Raw.AllReduce(Input, Output, _count, _type, _op);
                break;
            case CollectiveKind.AllReduces:
                for (int part = 0; part < BenchmarkOperation.Parts; part++)
                {
                    (long start, long count) = Part(_count, part);
                    long offset = start * Case.ElementSize;
                    Group.Raw.AllReduce(Input + offset, Output + offset, count, _type, _op);
                }

                break;
            case CollectiveKind.AllReduceBatch:
                _batch.Execute();
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
