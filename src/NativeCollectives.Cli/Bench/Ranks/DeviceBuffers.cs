namespace NativeCollectives.Cli.Bench;

/// <summary>
/// Buffers in the memory of the group's device, of which those in host memory are images. Without a stream each
/// operation has ended when it returns.
/// </summary>
internal sealed unsafe class DeviceBuffers<T> : RankBuffers
    where T : unmanaged
{
    // A span's length is an int.
    private const int MostAtOnce = 1 << 28;

    private readonly CollectiveKind _kind;
    private readonly ReduceOp _op;
    private readonly int _root;
    private readonly BenchmarkStream? _stream;
    private readonly CudaStream _onStream;
    private readonly CollectiveBatch _batch;
    private readonly DeviceBuffer<T> _inputBuffer;
    private readonly DeviceBuffer<T> _outputBuffer;
    private DeviceSpan<T> _input;
    private DeviceSpan<T> _output;

    public DeviceBuffers(BenchmarkCase one, DistributedGroup group, RankMemory memory, BenchmarkStream? stream)
        : base(one, group, memory)
    {
        _kind = one.Operation.Kind;
        _op = one.ReduceOp ?? ReduceOp.Sum;
        _root = one.Root;
        _stream = stream;
        _onStream = stream is null ? CudaStream.None : new CudaStream(stream.Handle);
        _batch = group.Batch(_onStream);
        (long input, long output) = one.BufferBytes(group.Size);
        _inputBuffer = group.AllocateDevice<T>(input / sizeof(T));
        _outputBuffer = one.InPlace ? _inputBuffer : group.AllocateDevice<T>(output / sizeof(T));
    }

    public override void Use(long count)
    {
        base.Use(count);
        _input = _inputBuffer.Span.Slice(InputOffset, Inputs);
        _output = _outputBuffer.Span.Slice(OutputOffset, Outputs);
        _batch.Clear();
        for (int part = 0; _kind == CollectiveKind.AllReduceBatch && part < BenchmarkOperation.Parts; part++)
        {
            (long start, long length) = Part(count, part);
            _batch.AllReduce(_input.Slice(start, length), _output.Slice(start, length), _op);
        }
    }

    public override void Upload()
    {
        CopyToDevice(InputMemory, _inputBuffer, InputExtent);
        if (!Case.InPlace)
        {
            CopyToDevice(OutputMemory, _outputBuffer, Outputs);
        }
    }

    public override void Download()
    {
        var image = (T*)Output;
        for (long done = 0; done < Outputs; done += MostAtOnce)
        {
            _outputBuffer.CopyTo(
                new Span<T>(image + done, (int)Math.Min(MostAtOnce, Outputs - done)),
                OutputOffset + done
            );
        }
    }

    public override void Run()
    {
        switch (_kind)
        {
            case CollectiveKind.AllReduce:
                Group.AllReduce(_input, _output, _op, _onStream);
                break;
            case CollectiveKind.AllReduces:
                for (int part = 0; part < BenchmarkOperation.Parts; part++)
                {
                    (long start, long count) = Part(Outputs, part);
                    Group.AllReduce(_input.Slice(start, count), _output.Slice(start, count), _op, _onStream);
                }

                break;
            case CollectiveKind.AllReduceBatch:
                _batch.Execute();
                break;
            case CollectiveKind.AllGather:
                Group.AllGather(_input, _output, _onStream);
                break;
            case CollectiveKind.ReduceScatter:
                Group.ReduceScatter(_input, _output, _op, _onStream);
                break;
            case CollectiveKind.Broadcast:
                Group.Broadcast(_output, _root, _onStream);
                break;
            case CollectiveKind.Reduce:
                Group.Reduce(_input, _output, _root, _op, _onStream);
                break;
            case CollectiveKind.Gather:
                Group.Gather(_input, _output, _root, _onStream);
                break;
            case CollectiveKind.Scatter:
                Group.Scatter(_input, _output, _root, _onStream);
                break;
            case CollectiveKind.AllToAll:
                Group.AllToAll(_input, _output, _onStream);
                break;
            case CollectiveKind.SendReceive when ReceivesFirst:
                Group.Receive(_output, Left, stream: _onStream);
                Group.Send(_input, Right, stream: _onStream);
                break;
            case CollectiveKind.SendReceive:
                Group.Send(_input, Right, stream: _onStream);
                Group.Receive(_output, Left, stream: _onStream);
                break;
            default:
                Group.Barrier();
                break;
        }
    }

    public override void Finish() => _stream?.Synchronize();

    public override void Dispose()
    {
        _inputBuffer.Dispose();
        _outputBuffer.Dispose();
    }

    private static void CopyToDevice(byte* image, DeviceBuffer<T> buffer, long elements)
    {
        for (long done = 0; done < elements; done += MostAtOnce)
        {
            buffer.CopyFrom(new ReadOnlySpan<T>((T*)image + done, (int)Math.Min(MostAtOnce, elements - done)), done);
        }
    }
}
