using System.Runtime.InteropServices;

namespace NativeCollectives.Cli.Bench;

/// <summary>A rank's input and output for one case, and the operation on them.</summary>
internal abstract unsafe class RankBuffers : IDisposable
{
    protected RankBuffers(BenchmarkCase one, DistributedGroup group, RankMemory memory)
    {
        Case = one;
        Group = group;
        (long input, long output) = one.BufferBytes(group.Size);
        InputMemory = memory.Input.Reserve(input);
        OutputMemory = one.InPlace ? InputMemory : memory.Output.Reserve(output);
    }

    /// <summary>The buffers of a case, in host memory or in that of the group's device.</summary>
    /// <param name="one">The case.</param>
    /// <param name="group">The group.</param>
    /// <param name="memory">The memory that cases share.</param>
    /// <param name="place">Where the operation's buffers are to be.</param>
    /// <param name="stream">
    /// The stream for operations on device memory; <see langword="null"/>: each is waited for.
    /// </param>
    public static RankBuffers Allocate(
        BenchmarkCase one,
        DistributedGroup group,
        RankMemory memory,
        BufferMemory place,
        BenchmarkStream? stream
    ) =>
        (place, one.Type) switch
        {
            (BufferMemory.Host, _) => new HostBuffers(one, group, memory),
            (_, CollectiveDataType.Boolean) => new DeviceBuffers<bool>(one, group, memory, stream),
            (_, CollectiveDataType.Int8) => new DeviceBuffers<sbyte>(one, group, memory, stream),
            (_, CollectiveDataType.Int16) => new DeviceBuffers<short>(one, group, memory, stream),
            (_, CollectiveDataType.Int32) => new DeviceBuffers<int>(one, group, memory, stream),
            (_, CollectiveDataType.Int64) => new DeviceBuffers<long>(one, group, memory, stream),
            (_, CollectiveDataType.UInt8) => new DeviceBuffers<byte>(one, group, memory, stream),
            (_, CollectiveDataType.UInt16) => new DeviceBuffers<ushort>(one, group, memory, stream),
            (_, CollectiveDataType.UInt32) => new DeviceBuffers<uint>(one, group, memory, stream),
            (_, CollectiveDataType.UInt64) => new DeviceBuffers<ulong>(one, group, memory, stream),
            (_, CollectiveDataType.Float16) => new DeviceBuffers<Half>(one, group, memory, stream),
            (_, CollectiveDataType.BFloat16) => new DeviceBuffers<BFloat16>(one, group, memory, stream),
            (_, CollectiveDataType.Float32) => new DeviceBuffers<float>(one, group, memory, stream),
            (_, CollectiveDataType.Float64) => new DeviceBuffers<double>(one, group, memory, stream),
            (_, CollectiveDataType.Complex64) => new DeviceBuffers<Complex64>(one, group, memory, stream),
            _ => throw new ArgumentOutOfRangeException(nameof(one), one.Type, "This is not an element type."),
        };

    /// <summary>The input, or what <see cref="Upload"/> makes the input.</summary>
    public byte* Input { get; private set; }

    /// <summary>
    /// The output, or what <see cref="Upload"/> makes the output and <see cref="Download"/> makes of it.
    /// </summary>
    public byte* Output { get; private set; }

    /// <summary>The elements of the input for the count in use.</summary>
    public long Inputs { get; private set; }

    /// <summary>The elements of the output for the count in use.</summary>
    public long Outputs { get; private set; }

    /// <summary>
    /// The elements of the input that lie before <see cref="Input"/> in the memory that it shares with the output.
    /// </summary>
    protected long InputOffset { get; private set; }

    /// <summary>
    /// The elements that lie before <see cref="Output"/> in the memory that it shares with the input.
    /// </summary>
    protected long OutputOffset { get; private set; }

    /// <summary>The elements of the input's memory that are in use; in place that is the output's too.</summary>
    protected long InputExtent => Case.InPlace ? Math.Max(Inputs, Outputs) : Inputs;

    /// <summary>The first byte of the input's memory, in place also of the output's.</summary>
    protected byte* InputMemory { get; }

    /// <summary>The first byte of the output's memory.</summary>
    protected byte* OutputMemory { get; }

    protected BenchmarkCase Case { get; }

    protected DistributedGroup Group { get; }

    protected int Left => (Group.Rank + Group.Size - 1) % Group.Size;

    protected int Right => (Group.Rank + 1) % Group.Size;

    /// <summary>
    /// Every other rank, since a device, be it a GPU or one for RDMA, may keep a sender until its receiver is there.
    /// </summary>
    protected bool ReceivesFirst => Group.Backend != BackendKind.Ring && Group.Rank % 2 == 1;

    /// <summary>From now on blocks have that many elements.</summary>
    public virtual void Use(long count)
    {
        BenchmarkOperation operation = Case.Operation;
        Inputs = operation.MovesData ? operation.InputElements(Group.Size, count) : 0;
        Outputs = operation.MovesData ? operation.OutputElements(Group.Size, count) : 0;
        InputOffset = Case.InPlace && operation.InPlace == InPlaceForm.InputInOutput ? Group.Rank * count : 0;
        OutputOffset = Case.InPlace && operation.InPlace == InPlaceForm.OutputInInput ? Group.Rank * count : 0;
        Input = InputMemory + (InputOffset * Case.ElementSize);
        Output = OutputMemory + (OutputOffset * Case.ElementSize);
    }

    /// <summary>Sets everything to 0, which sums, products and averages leave as it is, however often.</summary>
    public void Clear()
    {
        NativeMemory.Clear(InputMemory, (nuint)(InputExtent * Case.ElementSize));
        if (!Case.InPlace)
        {
            NativeMemory.Clear(OutputMemory, (nuint)(Outputs * Case.ElementSize));
        }
    }

    /// <summary>What was written to <see cref="Input"/> and <see cref="Output"/> is what the operation sees.</summary>
    public virtual void Upload() { }

    /// <summary>What the operation wrote can be read from <see cref="Output"/>.</summary>
    public virtual void Download() { }

    /// <summary>Where a part of some elements begins, and how many elements it has.</summary>
    protected static (long Start, long Count) Part(long count, int part)
    {
        long start = count * part / BenchmarkOperation.Parts;
        return (start, (count * (part + 1) / BenchmarkOperation.Parts) - start);
    }

    /// <summary>Runs the operation, or puts it on a stream.</summary>
    public abstract void Run();

    /// <summary>Waits for what is on the stream.</summary>
    public virtual void Finish() { }

    public virtual void Dispose() { }
}
