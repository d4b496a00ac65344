using System.Net.NetworkInformation;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using NativeCollectives.Interop;

namespace NativeCollectives.Cli.Doctor.Machine;

/// <summary>Looks at the machine that this process runs on.</summary>
internal static class MachineInspector
{
    /// <param name="options">
    /// The options that a program would use, of which the libraries' paths count; <see langword="null"/>: none.
    /// </param>
    public static MachineReport Inspect(DistributedGroupOptions? options = null)
    {
        options ??= new DistributedGroupOptions();
        return new MachineReport
        {
            Host = Environment.MachineName,
            Os = RuntimeInformation.OSDescription,
            Architecture =
                RuntimeInformation.OSArchitecture == RuntimeInformation.ProcessArchitecture
                    ? Lower(RuntimeInformation.OSArchitecture)
                    : $"{Lower(RuntimeInformation.OSArchitecture)} (this process: "
                        + $"{Lower(RuntimeInformation.ProcessArchitecture)})",
            Rid = RuntimeInformation.RuntimeIdentifier,
            Runtime = RuntimeInformation.FrameworkDescription,
            LibraryVersion =
                typeof(DistributedGroup)
                    .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()
                    ?.InformationalVersion
                ?? "unknown",
            NativeCore = InspectCore(),
            Addresses = Addresses(),
            Backends =
            [
                Inspect(BackendKind.Ring, options),
                Inspect(BackendKind.Jaccl, options),
                Inspect(BackendKind.Nccl, options),
            ],
        };
    }

    private static BackendReport Inspect(BackendKind backend, DistributedGroupOptions options)
    {
        bool available = DistributedGroup.IsAvailable(backend, options, out string? reason);
        var report = new BackendReport(BackendNames.Of(backend), available, reason);
        return (available, backend) switch
        {
            (true, BackendKind.Nccl) => report with { Nccl = NcclInspector.Inspect(options.Nccl) },
            (true, BackendKind.Jaccl) => report with { Jaccl = JacclInspector.Inspect(options.Jaccl) },
            _ => report,
        };
    }

    private static unsafe NativeCoreReport InspectCore()
    {
        bool usable = NativeCore.CanLoad(out string? reason, out Exception? cause);
        // One that lacks a function, or is for another machine, may have been loaded all the same; but it cannot be
        // asked.
        if (cause is not null)
        {
            return new NativeCoreReport(null, null, null, NativeMethods.NC_ABI_VERSION, reason);
        }

        return new NativeCoreReport(
            LoadedLibraries.PathOf("libnative_collectives."),
            Utf8StringMarshaller.ConvertToManaged(NativeMethods.nc_version()),
            (int)NativeMethods.nc_abi_version(),
            NativeMethods.NC_ABI_VERSION,
            usable ? null : reason
        );
    }

    private static IReadOnlyList<InterfaceAddress> Addresses() =>
        [
            .. NetworkInterface
                .GetAllNetworkInterfaces()
                .Where(static network =>
                    network.OperationalStatus == OperationalStatus.Up
                    && network.NetworkInterfaceType != NetworkInterfaceType.Loopback
                )
                .SelectMany(static network =>
                    network
                        .GetIPProperties()
                        .UnicastAddresses.Select(address => new InterfaceAddress(
                            network.Name,
                            address.Address.ToString()
                        ))
                ),
        ];

    private static string Lower(Architecture architecture) => architecture.ToString().ToLowerInvariant();
}
