using System.Runtime.InteropServices;

namespace NativeCollectives.Cli.Bench;

/// <summary>
/// A CUDA stream of the program's own, as one has that puts its kernels there. It lives as long as the process.
/// </summary>
internal sealed partial class BenchmarkStream
{
    private const string Driver = "cuda";
    private const uint NonBlocking = 1; // no implicit order with the default stream

    /// <summary>Makes the device's primary context the calling thread's, and a stream in it.</summary>
    /// <param name="library">The path of the driver's library.</param>
    /// <param name="device">The device's ordinal.</param>
    public BenchmarkStream(string library, int device)
    {
        NativeLibrary.SetDllImportResolver(
            typeof(BenchmarkStream).Assembly,
            (name, _, _) => name == Driver ? NativeLibrary.Load(library) : 0
        );
        Check(Init(0), "cuInit");
        Check(GetDevice(out int handle, device), "cuDeviceGet");
        Check(RetainPrimaryContext(out nint context, handle), "cuDevicePrimaryCtxRetain");
        Check(SetCurrentContext(context), "cuCtxSetCurrent");
        Check(CreateStream(out nint stream, NonBlocking), "cuStreamCreate");
        Handle = stream;
    }

    /// <summary>The driver's <c>CUstream</c>.</summary>
    public nint Handle { get; }

    /// <summary>Waits until the device has done what is on the stream.</summary>
    public void Synchronize() => Check(SynchronizeStream(Handle), "cuStreamSynchronize");

    private static void Check(int result, string function)
    {
        if (result != 0)
        {
            throw new ToolException($"{function} failed: CUDA error {result}.");
        }
    }

    [LibraryImport(Driver, EntryPoint = "cuInit")]
    private static partial int Init(uint flags);

    [LibraryImport(Driver, EntryPoint = "cuDeviceGet")]
    private static partial int GetDevice(out int device, int ordinal);

    [LibraryImport(Driver, EntryPoint = "cuDevicePrimaryCtxRetain")]
    private static partial int RetainPrimaryContext(out nint context, int device);

    [LibraryImport(Driver, EntryPoint = "cuCtxSetCurrent")]
    private static partial int SetCurrentContext(nint context);

    [LibraryImport(Driver, EntryPoint = "cuStreamCreate")]
    private static partial int CreateStream(out nint stream, uint flags);

    [LibraryImport(Driver, EntryPoint = "cuStreamSynchronize")]
    private static partial int SynchronizeStream(nint stream);
}
