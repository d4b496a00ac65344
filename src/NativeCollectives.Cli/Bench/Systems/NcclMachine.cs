using SystemEnvironment = System.Environment;

namespace NativeCollectives.Cli.Bench;

/// <summary>What this machine has for NCCL, and what the ranks of a group on it have to be told.</summary>
internal sealed class NcclMachine
{
    // With these, which NCCL reads itself, ranks on one device take each other for ranks on different hosts, and talk
    // through sockets on the loopback interface.
    private const string HostId = "NCCL_HOSTID";
    private static readonly IReadOnlyDictionary<string, string> _overLoopback = new Dictionary<string, string>
    {
        ["NCCL_IB_DISABLE"] = "1",
        ["NCCL_SOCKET_IFNAME"] = "lo",
    };

    // Whoever sets this wants NCCL, from 2.30 on, to allow it in its own way.
    private const string MayShare = "NCCL_MULTI_RANK_GPU_ENABLE";

    private NcclMachine(string library, string cudaLibrary, int devices)
    {
        Library = library;
        CudaLibrary = cudaLibrary;
        Devices = devices;
    }

    /// <summary>The path of NCCL's library, which all systems use.</summary>
    public string Library { get; }

    /// <summary>The path of the CUDA driver's library.</summary>
    public string CudaLibrary { get; }

    public int Devices { get; }

    /// <param name="library">The path of NCCL's library; <see langword="null"/>: it is looked for.</param>
    /// <param name="cudaLibrary">That of the CUDA driver's.</param>
    /// <exception cref="ToolException">NCCL, the driver or a device lacks.</exception>
    public static NcclMachine Find(string? library = null, string? cudaLibrary = null)
    {
        var options = new DistributedGroupOptions
        {
            Nccl = new NcclOptions { Library = library, CudaLibrary = cudaLibrary },
        };
        return DistributedGroup.IsAvailable(BackendKind.Nccl, options, out string? reason)
            ? new NcclMachine(
                Loaded(library, "NC_NCCL_LIBRARY", "libnccl.so"),
                Loaded(cudaLibrary, "NC_CUDA_LIBRARY", "libcuda.so"),
                DistributedGroup.DeviceCount(BackendKind.Nccl)
            )
            : throw new ToolException($"NCCL cannot be measured on this machine: {reason}");
    }

    public int DeviceOf(int rank) => rank % Devices;

    /// <summary>The variables that a rank gets.</summary>
    public IReadOnlyDictionary<string, string> Environment(int rank, int ranks) =>
        ranks <= Devices || IsSet(MayShare)
            ? new Dictionary<string, string>()
            : new Dictionary<string, string>(_overLoopback.Where(variable => !IsSet(variable.Key)))
            {
                [HostId] = $"native-collectives-bench-{rank}",
            };

    /// <summary>What the user should know about a number of ranks; <see langword="null"/>: nothing.</summary>
    public string? Note(int ranks)
    {
        if (ranks <= Devices)
        {
            return null;
        }

        string sharing = $"{ranks} ranks share {Devices} {(Devices == 1 ? "device" : "devices")}";
        IEnumerable<string> given = Environment(0, ranks)
            .Where(variable => variable.Key != HostId)
            .Select(variable => $", {variable.Key}={variable.Value}");
        return IsSet(MayShare)
            ? $"{sharing}, as {MayShare} is set."
            : $"{sharing}: each gets an {HostId} of its own{string.Concat(given)}, so that NCCL moves the bytes "
                + "through sockets.";
    }

    private static bool IsSet(string variable) =>
        !string.IsNullOrEmpty(SystemEnvironment.GetEnvironmentVariable(variable));

    private static string Loaded(string? option, string variable, string name) =>
        LoadedLibraries.Of(option, variable, name)
        ?? throw new ToolException($"It is unknown from where {name} was loaded; {variable} can name it.");
}
