namespace NativeCollectives.Bench;

/// <summary>Buffers in the memory of the group's device. Without a stream each operation has ended when it returns.</summary>
internal sealed unsafe class DeviceBuffers : RankBuffers
{
    private readonly DeviceOperationRunner _run;
    private readonly DistributedGroup _group;
    private readonly CudaStream? _stream;
    private readonly nint? _streamHandle;
    private readonly DeviceBuffer<float> _inputBuffer;
    private readonly DeviceBuffer<float> _outputBuffer;
    private DeviceSpan<float> _input;
    private DeviceSpan<float> _output;

    public DeviceBuffers(BenchmarkOperation operation, DistributedGroup group, bool inPlace, long largest, CudaStream? stream)
        : base(operation, group, inPlace, largest)
    {
        _run = operation.RunOnDevice;
        _group = group;
        _stream = stream;
        _streamHandle = stream?.Handle;
        _outputBuffer = group.AllocateDevice<float>(operation.OutputElements(group.Size, largest));
        _inputBuffer = inPlace ? _outputBuffer : group.AllocateDevice<float>(operation.InputElements(group.Size, largest));
    }

    public override void Use(long count)
    {
        base.Use(count);
        _input = _inputBuffer.Span.Slice(0, Inputs);
        _output = _outputBuffer.Span.Slice(0, Outputs);
    }

    public override void Upload()
    {
        _outputBuffer.CopyFrom(new ReadOnlySpan<float>(Output, checked((int)Outputs)));
        if (!InPlace)
        {
            _inputBuffer.CopyFrom(new ReadOnlySpan<float>(Input, checked((int)Inputs)));
        }
    }

    public override void Download() => _outputBuffer.CopyTo(new Span<float>(Output, checked((int)Outputs)));

    public override void Run() => _run(_group, _input, _output, _streamHandle);

    public override void Finish() => _stream?.Synchronize();
}
