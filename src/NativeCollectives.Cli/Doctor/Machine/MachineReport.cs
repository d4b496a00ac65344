namespace NativeCollectives.Cli.Doctor.Machine;

/// <summary>A machine: what runs on it, and which backends can be used there.</summary>
internal sealed record MachineReport
{
    public required string Host { get; init; }

    public required string Os { get; init; }

    public required string Architecture { get; init; }

    public required string Rid { get; init; }

    public required string Runtime { get; init; }

    /// <summary>That of NativeCollectives.dll.</summary>
    public required string LibraryVersion { get; init; }

    public required NativeCoreReport NativeCore { get; init; }

    /// <summary>The addresses of the network interfaces that are up, loopback left out.</summary>
    public required IReadOnlyList<InterfaceAddress> Addresses { get; init; }

    /// <summary>ring, jaccl, nccl.</summary>
    public required IReadOnlyList<BackendReport> Backends { get; init; }

    public BackendReport Backend(string name) => Backends.Single(backend => backend.Name == name);
}

/// <summary>The native library native_collectives.</summary>
/// <param name="Path">The file; <see langword="null"/> if it is not loaded, or the system does not tell.</param>
/// <param name="Version">The release that it says it is.</param>
/// <param name="AbiVersion">The version of its C interface.</param>
/// <param name="NeededAbiVersion">The one that NativeCollectives.dll needs.</param>
/// <param name="Error">Why it cannot be used; <see langword="null"/> if it can.</param>
internal sealed record NativeCoreReport(
    string? Path,
    string? Version,
    int? AbiVersion,
    int NeededAbiVersion,
    string? Error
);

internal sealed record InterfaceAddress(string Interface, string Address);

/// <summary>A backend on a machine.</summary>
/// <param name="Name">ring, jaccl or nccl.</param>
/// <param name="Available">Whether it can be used; no promise that a group can be formed.</param>
/// <param name="Reason">Why not.</param>
internal sealed record BackendReport(string Name, bool Available, string? Reason)
{
    public NcclDetails? Nccl { get; init; }

    public JacclDetails? Jaccl { get; init; }
}

/// <summary>What the libraries of the nccl backend say.</summary>
/// <param name="Library">The file of NCCL that is loaded.</param>
/// <param name="Version">Its version, such as 2.30.7.</param>
/// <param name="Driver">The file of the CUDA driver that is loaded.</param>
/// <param name="CudaVersion">The newest CUDA that the driver supports, such as 12.8.</param>
/// <param name="Devices">The names of the devices, in the order of their ordinals.</param>
internal sealed record NcclDetails(
    string? Library,
    string? Version,
    string? Driver,
    string? CudaVersion,
    IReadOnlyList<string> Devices
);

/// <summary>What the library of verbs of the jaccl backend says.</summary>
/// <param name="Library">The file that is loaded.</param>
/// <param name="Devices">The RDMA devices.</param>
/// <param name="LockableBytes">
/// How much memory this process may lock (ulimit -l); <see langword="null"/>: no limit, or the system does not tell.
/// </param>
internal sealed record JacclDetails(string? Library, IReadOnlyList<RdmaDevice> Devices, long? LockableBytes);

/// <summary>An RDMA device and its first port.</summary>
/// <param name="Name">Its name.</param>
/// <param name="State">The port's state: active, down, …</param>
/// <param name="Link">ethernet, infiniband; <see langword="null"/>: the device does not tell.</param>
/// <param name="Ipv4">The IPv4 address by which queue pairs reach it.</param>
/// <param name="Problem">
/// Why no group can be formed over it; <see langword="null"/>: nothing is known against it.
/// </param>
internal sealed record RdmaDevice(string Name, string State, string? Link, string? Ipv4, string? Problem);
