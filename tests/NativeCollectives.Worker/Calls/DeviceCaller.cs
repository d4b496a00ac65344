using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NativeCollectives.Worker;

/// <summary>
/// The forms on device memory: each array has its image there. Without a stream, the images are made and read by the
/// library's own copies; with one, by copies that the caller puts on that stream around the operations, so that the
/// results tell whether those took their place among them.
/// </summary>
internal sealed unsafe class DeviceCaller<T> : Caller<T>
    where T : unmanaged
{
    private readonly bool _isAsync;
    private readonly ProgramStream? _stream;
    private readonly Dictionary<T[], DeviceBuffer<T>> _images = [];
    private readonly List<MemoryHandle> _pins = [];

    public DeviceCaller(DistributedGroup group, TimeSpan? timeout, bool isAsync, bool isOnStream)
        : base(group, timeout)
    {
        _isAsync = isAsync;
        _stream = isOnStream ? ProgramStream.Of(Device) : null;
    }

    public override bool IsAsync => _isAsync;

    private int Device => Group.Device ?? throw new NotSupportedException($"{Group} works on host memory only");

    private CudaStream Stream => _stream is null ? CudaStream.None : new CudaStream(_stream.Handle);

    public override void AllReduce(Memory<T> input, Memory<T> output, ReduceOp op)
    {
        var inPlace = input.Equals(output);
        var (from, to) = (Image(input), Image(output));
        switch (inPlace)
        {
            case true when _isAsync:
                Issue(Group.AllReduceAsync(to, op, Stream, Timeout));
                break;
            case true:
                Group.AllReduce(to, op, Stream, Timeout);
                break;
            case false when _isAsync:
                Issue(Group.AllReduceAsync(from, to, op, Stream, Timeout));
                break;
            default:
                Group.AllReduce(from, to, op, Stream, Timeout);
                break;
        }
    }

    public override void AllGather(Memory<T> input, Memory<T> output)
    {
        if (_isAsync)
        {
            Issue(Group.AllGatherAsync(Image(input), Image(output), Stream, Timeout));
        }
        else
        {
            Group.AllGather(Image(input), Image(output), Stream, Timeout);
        }
    }

    public override void AllGather(Memory<T> input, Memory<T> output, long[] counts)
    {
        if (_isAsync)
        {
            Issue(Group.AllGatherAsync(Image(input), Image(output), counts, Stream, Timeout));
        }
        else
        {
            Group.AllGather(Image(input), Image(output), counts, Stream, Timeout);
        }
    }

    public override void ReduceScatter(Memory<T> input, Memory<T> output, ReduceOp op)
    {
        if (_isAsync)
        {
            Issue(Group.ReduceScatterAsync(Image(input), Image(output), op, Stream, Timeout));
        }
        else
        {
            Group.ReduceScatter(Image(input), Image(output), op, Stream, Timeout);
        }
    }

    public override void ReduceScatter(Memory<T> input, Memory<T> output, long[] counts, ReduceOp op)
    {
        if (_isAsync)
        {
            Issue(Group.ReduceScatterAsync(Image(input), Image(output), counts, op, Stream, Timeout));
        }
        else
        {
            Group.ReduceScatter(Image(input), Image(output), counts, op, Stream, Timeout);
        }
    }

    public override void Broadcast(Memory<T> buffer, int root)
    {
        if (_isAsync)
        {
            Issue(Group.BroadcastAsync(Image(buffer), root, Stream, Timeout));
        }
        else
        {
            Group.Broadcast(Image(buffer), root, Stream, Timeout);
        }
    }

    public override void Reduce(Memory<T> input, Memory<T> output, ReduceOp op, int root)
    {
        if (_isAsync)
        {
            Issue(Group.ReduceAsync(Image(input), Image(output), root, op, Stream, Timeout));
        }
        else
        {
            Group.Reduce(Image(input), Image(output), root, op, Stream, Timeout);
        }
    }

    public override void Gather(Memory<T> input, Memory<T> output, int root)
    {
        if (_isAsync)
        {
            Issue(Group.GatherAsync(Image(input), Image(output), root, Stream, Timeout));
        }
        else
        {
            Group.Gather(Image(input), Image(output), root, Stream, Timeout);
        }
    }

    public override void Gather(Memory<T> input, Memory<T> output, long[] counts, int root)
    {
        if (_isAsync)
        {
            Issue(Group.GatherAsync(Image(input), Image(output), counts, root, Stream, Timeout));
        }
        else
        {
            Group.Gather(Image(input), Image(output), counts, root, Stream, Timeout);
        }
    }

    public override void Scatter(Memory<T> input, Memory<T> output, int root)
    {
        if (_isAsync)
        {
            Issue(Group.ScatterAsync(Image(input), Image(output), root, Stream, Timeout));
        }
        else
        {
            Group.Scatter(Image(input), Image(output), root, Stream, Timeout);
        }
    }

    public override void Scatter(Memory<T> input, Memory<T> output, long[] counts, int root)
    {
        if (_isAsync)
        {
            Issue(Group.ScatterAsync(Image(input), Image(output), counts, root, Stream, Timeout));
        }
        else
        {
            Group.Scatter(Image(input), Image(output), counts, root, Stream, Timeout);
        }
    }

    public override void AllToAll(Memory<T> input, Memory<T> output)
    {
        if (_isAsync)
        {
            Issue(Group.AllToAllAsync(Image(input), Image(output), Stream, Timeout));
        }
        else
        {
            Group.AllToAll(Image(input), Image(output), Stream, Timeout);
        }
    }

    public override void AllToAll(Memory<T> input, long[] inputCounts, Memory<T> output, long[] outputCounts)
    {
        if (_isAsync)
        {
            Issue(Group.AllToAllAsync(Image(input), inputCounts, Image(output), outputCounts, Stream, Timeout));
        }
        else
        {
            Group.AllToAll(Image(input), inputCounts, Image(output), outputCounts, Stream, Timeout);
        }
    }

    public override void Send(Memory<T> buffer, int destination)
    {
        if (_isAsync)
        {
            Issue(Group.SendAsync(Image(buffer), destination, 0, Stream, Timeout));
        }
        else
        {
            Group.Send(Image(buffer), destination, 0, Stream, Timeout);
        }
    }

    public override void Receive(Memory<T> buffer, int source)
    {
        if (_isAsync)
        {
            Issue(Group.ReceiveAsync(Image(buffer), source, 0, Stream, Timeout));
        }
        else
        {
            Group.Receive(Image(buffer), source, 0, Stream, Timeout);
        }
    }

    protected override void Bring()
    {
        foreach (var (array, image) in _images)
        {
            if (_stream is null)
            {
                image.CopyTo(array);
            }
            else
            {
                _stream.CopyFrom(image.Address, Pointer(array), Bytes(array));
            }
        }
        _stream?.Synchronize();
    }

    protected override void Free()
    {
        // After a failure there may still be copies.
        _stream?.Synchronize();
        foreach (var image in _images.Values)
        {
            image.Dispose();
        }
        _pins.ForEach(pin => pin.Dispose());
    }

    private static long Bytes(T[] array) => (long)array.Length * Unsafe.SizeOf<T>();

    private static void* Pointer(T[] array) => Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(array));

    // The part of the device's memory that is this one's image.
    private DeviceSpan<T> Image(Memory<T> memory)
    {
        if (!MemoryMarshal.TryGetArray<T>(memory, out var part) || part.Array is not { Length: > 0 } array)
        {
            return default;
        }
        if (!_images.TryGetValue(array, out var image))
        {
            _images.Add(array, image = new DeviceBuffer<T>(array.Length, Device));
            if (_stream is null)
            {
                image.CopyFrom(array);
            }
            else
            {
                _pins.Add(array.AsMemory().Pin());
                _stream.CopyTo(image.Address, Pointer(array), Bytes(array));
            }
        }
        return image.Span.Slice(part.Offset, part.Count);
    }
}
