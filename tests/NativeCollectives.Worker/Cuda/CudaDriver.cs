using System.Runtime.InteropServices;

namespace NativeCollectives.Worker;

/// <summary>
/// The functions of the CUDA driver's that a program with streams of its own would use, in the library that the backend
/// uses too.
/// </summary>
internal static unsafe class CudaDriver
{
    private static readonly nint _library = NativeLibrary.Load(
        Environment.GetEnvironmentVariable("NC_CUDA_LIBRARY") is { Length: > 0 } path ? path : "libcuda.so.1"
    );
    private static readonly delegate* unmanaged<uint, int> _init = (delegate* unmanaged<uint, int>)Find("cuInit");
    private static readonly delegate* unmanaged<int*, int, int> _deviceGet = (delegate* unmanaged<int*, int, int>)Find(
        "cuDeviceGet"
    );
    private static readonly delegate* unmanaged<nint*, int, int> _retain = (delegate* unmanaged<nint*, int, int>)Find(
        "cuDevicePrimaryCtxRetain"
    );
    private static readonly delegate* unmanaged<nint, int> _setCurrent = (delegate* unmanaged<nint, int>)Find(
        "cuCtxSetCurrent"
    );
    private static readonly delegate* unmanaged<nint*, uint, int> _streamCreate = (delegate* unmanaged<
        nint*,
        uint,
        int>)Find("cuStreamCreate");
    private static readonly delegate* unmanaged<nint, int> _streamDestroy = (delegate* unmanaged<nint, int>)Find(
        "cuStreamDestroy_v2"
    );
    private static readonly delegate* unmanaged<nint, int> _streamSynchronize = (delegate* unmanaged<nint, int>)Find(
        "cuStreamSynchronize"
    );
    private static readonly delegate* unmanaged<nint, int> _streamQuery = (delegate* unmanaged<nint, int>)Find(
        "cuStreamQuery"
    );
    private static readonly delegate* unmanaged<ulong, void*, nuint, nint, int> _toDevice = (delegate* unmanaged<
        ulong,
        void*,
        nuint,
        nint,
        int>)Find("cuMemcpyHtoDAsync_v2");
    private static readonly delegate* unmanaged<void*, ulong, nuint, nint, int> _toHost = (delegate* unmanaged<
        void*,
        ulong,
        nuint,
        nint,
        int>)Find("cuMemcpyDtoHAsync_v2");
    private static readonly delegate* unmanaged<ulong, ulong, nuint, nint, int> _within = (delegate* unmanaged<
        ulong,
        ulong,
        nuint,
        nint,
        int>)Find("cuMemcpyDtoDAsync_v2");

    // Retained once and kept, as CUDA's runtime does.
    private static readonly Dictionary<int, nint> _contexts = [];

    /// <summary>Makes a device's primary context current on this thread.</summary>
    public static void Use(int device)
    {
        nint context;
        lock (_contexts)
        {
            if (!_contexts.TryGetValue(device, out context))
            {
                int handle;
                Check(_init(0), "cuInit");
                Check(_deviceGet(&handle, device), "cuDeviceGet");
                Check(_retain(&context, handle), "cuDevicePrimaryCtxRetain");
                _contexts.Add(device, context);
            }
        }
        Check(_setCurrent(context), "cuCtxSetCurrent");
    }

    public static nint CreateStream()
    {
        nint stream;
        // CU_STREAM_NON_BLOCKING: nothing but the library keeps it in step with other streams.
        Check(_streamCreate(&stream, 1), "cuStreamCreate");
        return stream;
    }

    public static void DestroyStream(nint stream) => Check(_streamDestroy(stream), "cuStreamDestroy");

    public static void Synchronize(nint stream) => Check(_streamSynchronize(stream), "cuStreamSynchronize");

    /// <summary>Whether everything on the stream has been done.</summary>
    public static bool IsDone(nint stream)
    {
        const int NotReady = 600;
        var result = _streamQuery(stream);
        if (result != NotReady)
        {
            Check(result, "cuStreamQuery");
        }
        return result != NotReady;
    }

    public static void CopyToDevice(nint device, void* host, long bytes, nint stream)
    {
        if (bytes > 0)
        {
            Check(_toDevice((ulong)device, host, (nuint)bytes, stream), "cuMemcpyHtoDAsync");
        }
    }

    public static void CopyToHost(void* host, nint device, long bytes, nint stream)
    {
        if (bytes > 0)
        {
            Check(_toHost(host, (ulong)device, (nuint)bytes, stream), "cuMemcpyDtoHAsync");
        }
    }

    public static void CopyWithin(nint to, nint from, long bytes, nint stream)
    {
        if (bytes > 0)
        {
            Check(_within((ulong)to, (ulong)from, (nuint)bytes, stream), "cuMemcpyDtoDAsync");
        }
    }

    private static nint Find(string name) => NativeLibrary.GetExport(_library, name);

    private static void Check(int result, string call)
    {
        if (result != 0)
        {
            throw new InvalidOperationException($"{call}: error {result}");
        }
    }
}
