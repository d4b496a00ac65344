using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;

namespace NativeCollectives.Cli.Doctor.Machine;

/// <summary>
/// Asks the library of verbs for its devices and their ports. To be called once the jaccl backend has been found
/// available: it has loaded the library then. A device is judged as that backend does when it forms a group.
/// </summary>
internal static unsafe class JacclInspector
{
    private const byte FirstPort = 1;
    private const int GidBytes = 16;

    // struct ibv_port_attr, which is the same on every system; there is room for what releases to come may add.
    private const int PortAttributesRoom = 256;
    private const int StateOffset = 0;
    private const int GidTableLengthOffset = 12;
    private const int LidOffset = 34;
    private const int LinkLayerOffset = 46;
    private const int MostGids = 256;

    private static readonly string[] _states =
    [
        "unknown",
        "down",
        "initializing",
        "armed",
        "active",
        "active, deferred",
    ];

    public static JacclDetails Inspect(JacclOptions? options)
    {
        string? library = LoadedLibraries.Of(
            options?.Library,
            "NC_VERBS_LIBRARY",
            OperatingSystem.IsMacOS() ? "librdma." : "libibverbs.so"
        );
        return new JacclDetails(library, library is null ? [] : Devices(library), LockableBytes());
    }

    private static IReadOnlyList<RdmaDevice> Devices(string path)
    {
        if (!NativeLibrary.TryLoad(path, out nint library))
        {
            return [];
        }

        nint Find(string symbol) => NativeLibrary.GetExport(library, symbol);
        var getDeviceList = (delegate* unmanaged<int*, nint*>)Find("ibv_get_device_list");
        var freeDeviceList = (delegate* unmanaged<nint*, void>)Find("ibv_free_device_list");
        var getDeviceName = (delegate* unmanaged<nint, byte*>)Find("ibv_get_device_name");
        int count;
        nint* list = getDeviceList(&count);
        if (list is null)
        {
            return [];
        }

        try
        {
            List<RdmaDevice> devices = [];
            for (int i = 0; i < count; i++)
            {
                string name = Marshal.PtrToStringUTF8((nint)getDeviceName(list[i])) ?? "";
                devices.Add(Describe(library, list[i], name));
            }

            return devices;
        }
        finally
        {
            freeDeviceList(list);
        }
    }

    private static RdmaDevice Describe(nint library, nint device, string name)
    {
        var openDevice = (delegate* unmanaged<nint, nint>)NativeLibrary.GetExport(library, "ibv_open_device");
        var closeDevice = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "ibv_close_device");
        var queryPort = (delegate* unmanaged<nint, byte, byte*, int>)NativeLibrary.GetExport(library, "ibv_query_port");
        nint context = openDevice(device);
        if (context == 0)
        {
            return new RdmaDevice(
                name,
                "unknown",
                null,
                null,
                "it cannot be opened: see the rights on /dev/infiniband/uverbs*, or the container's devices"
            );
        }

        try
        {
            byte* port = stackalloc byte[PortAttributesRoom];
            new Span<byte>(port, PortAttributesRoom).Clear();
            if (queryPort(context, FirstPort, port) != 0)
            {
                return new RdmaDevice(name, "unknown", null, null, "it does not describe its port");
            }

            int state = *(int*)(port + StateOffset);
            string? link = port[LinkLayerOffset] switch
            {
                1 => "infiniband",
                2 => "ethernet",
                _ => null,
            };
            bool hasLid = link == "infiniband" && *(ushort*)(port + LidOffset) != 0;
            string? address = Ipv4(library, context, *(int*)(port + GidTableLengthOffset));
            return new RdmaDevice(
                name,
                state >= 0 && state < _states.Length ? _states[state] : state.ToString(CultureInfo.InvariantCulture),
                link,
                address,
                _states.ElementAtOrDefault(state) == "down"
                        ? "its port is down: no cable is in it, the other machine is off, or its network interface is "
                            + "down"
                    : address is null && !hasLid
                        ? "it has no IPv4 address: its network interface needs one (on a Mac: outside of the "
                            + "Thunderbolt Bridge)"
                    : null
            );
        }
        finally
        {
            _ = closeDevice(context);
        }
    }

    // The first of its addresses that is an IPv4 address: ::ffff:a.b.c.d.
    private static string? Ipv4(nint library, nint context, int gids)
    {
        var queryGid = (delegate* unmanaged<nint, byte, int, byte*, int>)
            NativeLibrary.GetExport(library, "ibv_query_gid");
        byte* gid = stackalloc byte[GidBytes];
        for (int index = 0; index < Math.Min(gids, MostGids); index++)
        {
            if (
                queryGid(context, FirstPort, index, gid) == 0
                && new IPAddress(new ReadOnlySpan<byte>(gid, GidBytes)) is { IsIPv4MappedToIPv6: true } address
            )
            {
                return address.MapToIPv4().ToString();
            }
        }

        return null;
    }

    private static long? LockableBytes()
    {
        const string limits = "/proc/self/limits";
        if (!File.Exists(limits))
        {
            return null;
        }

        // "Max locked memory         8388608              8388608              bytes": the soft limit counts
        string? line = File.ReadLines(limits)
            .FirstOrDefault(static line => line.StartsWith("Max locked memory", StringComparison.Ordinal));
        return
            line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, _, _, var soft, ..]
            && long.TryParse(soft, CultureInfo.InvariantCulture, out long bytes)
            ? bytes
            : null;
    }
}
