using System.Globalization;
using System.Runtime.InteropServices;

namespace NativeCollectives.Cli.Bench;

/// <summary>
/// The RDMA devices that JACCL's ranks use: those of this machine that the user names, one by one or as a device
/// matrix; or those of the software library of verbs that the native tests are made with, to which each rank is a host
/// with a device for each of its cables.
/// </summary>
internal sealed class VerbsMachine
{
    private readonly IReadOnlyList<string> _devices;
    private readonly IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>>? _matrix;

    private VerbsMachine(
        string? library,
        IReadOnlyList<string> devices,
        IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>>? matrix
    )
    {
        Library = library;
        _devices = devices;
        _matrix = matrix;
    }

    /// <summary>The path of the library of verbs; <see langword="null"/>: the system's.</summary>
    public string? Library { get; }

    public bool IsSoftware => _devices.Count == 0 && _matrix is null;

    /// <summary>Devices that all ranks use: the first for the first wire, and so on.</summary>
    public static VerbsMachine OfDevices(string? library, IReadOnlyList<string> devices) => new(library, devices, null);

    /// <summary>Devices as a matrix tells them: one row per rank, with one entry per rank.</summary>
    public static VerbsMachine OfMatrix(string? library, IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> matrix) =>
        new(library, [], matrix);

    /// <summary>The devices of the software library of verbs.</summary>
    /// <exception cref="ToolException">There is no such file.</exception>
    public static VerbsMachine InSoftware(string library) =>
        File.Exists(library)
            ? new VerbsMachine(library, [], null)
            : throw new ToolException(
                $"{library} is not there: RDMA verbs in software are built on Linux only, by ./build.sh. --devices can "
                    + "name RDMA devices of this machine."
            );

    /// <summary>Whether a library is the software library of verbs, which has functions of its own for tests.</summary>
    public static bool IsSoftwareLibrary(string library)
    {
        if (!NativeLibrary.TryLoad(library, out nint handle))
        {
            return false;
        }

        bool isSoftware = NativeLibrary.TryGetExport(handle, "softverbs_reset", out _);
        NativeLibrary.Free(handle);
        return isSoftware;
    }

    /// <summary>The devices of a rank on its cables to a peer.</summary>
    public IReadOnlyList<string> Devices(int rank, int peer, int ranks, Links links)
    {
        if (_matrix is not null)
        {
            return _matrix[rank][peer];
        }

        int distance = Math.Abs(rank - peer);
        bool isNeighbour = distance == 1 || (distance > 0 && distance == ranks - 1);
        if (distance == 0 || (links.Topology == VerbsTopology.Ring && !isNeighbour))
        {
            return [];
        }

        int wires = links.Wires ?? 1;
        return
        [
            .. Enumerable
                .Range(0, wires)
                .Select(wire =>
                    IsSoftware
                        ? string.Create(CultureInfo.InvariantCulture, $"rdma_en{2 + (peer * wires) + wire}")
                        : _devices[wire % _devices.Count]
                ),
        ];
    }

    /// <summary>JACCL's device matrix.</summary>
    public IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> Matrix(int ranks, Links links) =>
        [
            .. Enumerable
                .Range(0, ranks)
                .Select(rank => Enumerable.Range(0, ranks).Select(peer => Devices(rank, peer, ranks, links)).ToList()),
        ];

    /// <summary>The variables that a rank gets.</summary>
    /// <param name="rank">Which.</param>
    /// <param name="ranks">Of how many.</param>
    /// <param name="links">How they are joined.</param>
    /// <param name="fabric">A folder for what joins the devices of the software library.</param>
    public IReadOnlyDictionary<string, string> Environment(int rank, int ranks, Links links, string fabric) =>
        IsSoftware
            ? new Dictionary<string, string>
            {
                ["NC_SOFTVERBS_FABRIC"] = fabric,
                ["NC_SOFTVERBS_HOST"] = string.Create(CultureInfo.InvariantCulture, $"host{rank}"),
                ["NC_SOFTVERBS_DEVICES"] = string.Join(
                    ',',
                    Enumerable.Range(0, ranks).SelectMany(peer => Devices(rank, peer, ranks, links))
                ),
            }
            : new Dictionary<string, string>();
}
