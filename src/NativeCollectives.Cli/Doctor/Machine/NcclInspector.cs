using System.Globalization;
using System.Runtime.InteropServices;

namespace NativeCollectives.Cli.Doctor.Machine;

/// <summary>
/// Asks NCCL and the CUDA driver who they are. To be called once the nccl backend has been found available: it has
/// loaded both then.
/// </summary>
internal static unsafe class NcclInspector
{
    private const int Success = 0;

    public static NcclDetails Inspect(NcclOptions? options)
    {
        string? nccl = LoadedLibraries.Of(options?.Library, "NC_NCCL_LIBRARY", "libnccl.so");
        string? driver = LoadedLibraries.Of(options?.CudaLibrary, "NC_CUDA_LIBRARY", "libcuda.so");
        return new NcclDetails(nccl, NcclVersion(nccl), driver, CudaVersion(driver), Devices(driver));
    }

    private static string? NcclVersion(string? library)
    {
        int version;
        // 23007 is 2.30.7
        return
            TryFind(library, "ncclGetVersion", out nint function)
            && ((delegate* unmanaged<int*, int>)function)(&version) == Success
            ? string.Create(CultureInfo.InvariantCulture, $"{version / 10000}.{version / 100 % 100}.{version % 100}")
            : null;
    }

    private static string? CudaVersion(string? library)
    {
        int version;
        // 12080 is 12.8
        return
            TryFind(library, "cuDriverGetVersion", out nint function)
            && ((delegate* unmanaged<int*, int>)function)(&version) == Success
            ? string.Create(CultureInfo.InvariantCulture, $"{version / 1000}.{version / 10 % 100}")
            : null;
    }

    private static IReadOnlyList<string> Devices(string? library)
    {
        int count;
        if (
            !TryFind(library, "cuInit", out nint init)
            || !TryFind(library, "cuDeviceGetCount", out nint getCount)
            || !TryFind(library, "cuDeviceGet", out nint get)
            || !TryFind(library, "cuDeviceGetName", out nint getName)
            || ((delegate* unmanaged<uint, int>)init)(0) != Success
            || ((delegate* unmanaged<int*, int>)getCount)(&count) != Success
        )
        {
            return [];
        }

        List<string> names = [];
        const int room = 256;
        byte* name = stackalloc byte[room];
        for (int ordinal = 0; ordinal < count; ordinal++)
        {
            int device;
            bool known =
                ((delegate* unmanaged<int*, int, int>)get)(&device, ordinal) == Success
                && ((delegate* unmanaged<byte*, int, int, int>)getName)(name, room, device) == Success;
            names.Add(known ? Marshal.PtrToStringUTF8((nint)name) ?? "" : "(the driver does not tell its name)");
        }

        return names;
    }

    private static bool TryFind(string? library, string symbol, out nint function)
    {
        function = 0;
        return library is not null
            && NativeLibrary.TryLoad(library, out nint handle)
            && NativeLibrary.TryGetExport(handle, symbol, out function);
    }
}
