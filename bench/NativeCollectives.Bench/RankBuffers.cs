namespace NativeCollectives.Bench;

/// <summary>A rank's input and output, and the operation on them.</summary>
internal abstract unsafe class RankBuffers
{
    private readonly BenchmarkOperation _operation;
    private readonly int _ranks;

    protected RankBuffers(BenchmarkOperation operation, DistributedGroup group, bool inPlace, long largest)
    {
        _operation = operation;
        _ranks = group.Size;
        InPlace = inPlace;
        Output = (float*)Pages.Allocate(operation.OutputElements(_ranks, largest) * sizeof(float));
        Input = inPlace ? Output : (float*)Pages.Allocate(operation.InputElements(_ranks, largest) * sizeof(float));
    }

    public static RankBuffers Allocate(RankJob job, BenchmarkOperation operation, DistributedGroup group)
    {
        var inPlace = job.InPlace || operation.AlwaysInPlace;
        var largest = job.Counts.Max();
        if (job.Memory == BufferMemory.Host)
        {
            return new HostBuffers(operation, group, inPlace, largest);
        }
        var stream = job.Pace.Batch > 1 ? new CudaStream(job.Place.Nccl!.CudaLibrary, group.Device!.Value) : null;
        return new DeviceBuffers(operation, group, inPlace, largest, stream);
    }

    /// <summary>Input and output are one buffer.</summary>
    public bool InPlace { get; }

    /// <summary>The input, or what <see cref="Upload"/> makes the input.</summary>
    public float* Input { get; }

    /// <summary>The output, or what <see cref="Upload"/> makes the output and <see cref="Download"/> makes of it.</summary>
    public float* Output { get; }

    /// <summary>The elements of the input for the count in use.</summary>
    public long Inputs { get; private set; }

    /// <summary>The elements of the output for the count in use.</summary>
    public long Outputs { get; private set; }

    /// <summary>From now on blocks have that many elements.</summary>
    public virtual void Use(long count)
    {
        Inputs = _operation.InputElements(_ranks, count);
        Outputs = _operation.MovesData ? _operation.OutputElements(_ranks, count) : 0;
    }

    /// <summary>What was written to <see cref="Input"/> and <see cref="Output"/> is what the operation sees.</summary>
    public virtual void Upload()
    {
    }

    /// <summary>What the operation wrote can be read from <see cref="Output"/>.</summary>
    public virtual void Download()
    {
    }

    /// <summary>Runs the operation, or puts it on a stream.</summary>
    public abstract void Run();

    /// <summary>Waits for what is on the stream.</summary>
    public virtual void Finish()
    {
    }
}
