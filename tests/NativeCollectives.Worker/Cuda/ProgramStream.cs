namespace NativeCollectives.Worker;

/// <summary>A stream of the program's own.</summary>
internal sealed unsafe class ProgramStream : IDisposable
{
    [ThreadStatic]
    private static Dictionary<int, ProgramStream>? _ofThread;

    private readonly int _device;

    public ProgramStream(int device)
    {
        _device = device;
        CudaDriver.Use(device);
        Handle = CudaDriver.CreateStream();
    }

    /// <summary>What CUDA calls a CUstream, and its runtime a cudaStream_t.</summary>
    public nint Handle { get; }

    /// <summary>One that this thread keeps for the device.</summary>
    public static ProgramStream Of(int device)
    {
        var streams = _ofThread ??= [];
        if (!streams.TryGetValue(device, out var stream))
        {
            streams.Add(device, stream = new ProgramStream(device));
        }
        CudaDriver.Use(device);
        return stream;
    }

    /// <summary>Gives those back that this thread keeps.</summary>
    public static void DisposeAll()
    {
        foreach (var stream in _ofThread?.Values ?? Enumerable.Empty<ProgramStream>())
        {
            stream.Dispose();
        }
        _ofThread = null;
    }

    public void CopyTo(nint device, void* host, long bytes) => CudaDriver.CopyToDevice(device, host, bytes, Handle);

    public void CopyFrom(nint device, void* host, long bytes) => CudaDriver.CopyToHost(host, device, bytes, Handle);

    public void CopyWithin(nint to, nint from, long bytes) => CudaDriver.CopyWithin(to, from, bytes, Handle);

    public void Synchronize() => CudaDriver.Synchronize(Handle);

    public bool IsDone => CudaDriver.IsDone(Handle);

    public void Dispose()
    {
        CudaDriver.Use(_device);
        CudaDriver.DestroyStream(Handle);
    }
}
