using System.Globalization;
using System.Reflection;

namespace NativeCollectives.Bench;

/// <summary>
/// The RDMA devices that JACCL's ranks use: those of this machine that the user names; or, if he names none, those of the software library of verbs that the
/// native tests are made with, to which each rank is a host with a device for each of its cables.
/// </summary>
internal sealed class VerbsMachine
{
    private readonly IReadOnlyList<string> _devices;

    private VerbsMachine(string? library, IReadOnlyList<string> devices)
    {
        Library = library;
        _devices = devices;
    }

    /// <summary>The path of the library of verbs; <see langword="null"/>: the system's.</summary>
    public string? Library { get; }

    public bool IsSoftware => _devices.Count == 0;

    /// <exception cref="BenchmarkException">The library lacks.</exception>
    public static VerbsMachine Find(BenchmarkOptions options)
    {
        if (options.RdmaDevices.Count > 0)
        {
            return new VerbsMachine(options.VerbsLibrary?.FullName, options.RdmaDevices);
        }
        if (options.VerbsLibrary is not null)
        {
            throw new BenchmarkException("--verbs-library is for --devices, which names RDMA devices of this machine.");
        }
        var path = typeof(VerbsMachine).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(attribute => attribute.Key == "SoftwareVerbs").Value!;
        return File.Exists(path)
            ? new VerbsMachine(path, [])
            : throw new BenchmarkException(
                $"{path} is not there: RDMA verbs in software are built on Linux only, by ./build.sh. RDMA devices of this machine can be named with --devices.");
    }

    /// <summary>The devices of a rank on its cables to a peer.</summary>
    public IReadOnlyList<string> Devices(int rank, int peer, int ranks, Links links)
    {
        var distance = Math.Abs(rank - peer);
        var isNeighbour = distance == 1 || (distance > 0 && distance == ranks - 1);
        if (distance == 0 || (links.Topology == VerbsTopology.Ring && !isNeighbour))
        {
            return [];
        }
        var wires = links.Wires ?? 1;
        return [.. Enumerable.Range(0, wires).Select(wire => IsSoftware
            ? string.Create(CultureInfo.InvariantCulture, $"rdma_en{2 + (peer * wires) + wire}")
            : _devices[wire % _devices.Count])];
    }

    /// <summary>JACCL's device matrix.</summary>
    public IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> Matrix(int ranks, Links links) =>
        [.. Enumerable.Range(0, ranks).Select(rank => Enumerable.Range(0, ranks).Select(peer => Devices(rank, peer, ranks, links)).ToList())];

    /// <summary>The variables that a rank gets.</summary>
    /// <param name="rank">Which.</param>
    /// <param name="ranks">Of how many.</param>
    /// <param name="links">How they are joined.</param>
    /// <param name="fabric">A folder for what joins the devices of the software library.</param>
    public IReadOnlyDictionary<string, string> Environment(int rank, int ranks, Links links, string fabric) => IsSoftware
        ? new Dictionary<string, string>
        {
            ["NC_SOFTVERBS_FABRIC"] = fabric,
            ["NC_SOFTVERBS_HOST"] = string.Create(CultureInfo.InvariantCulture, $"host{rank}"),
            ["NC_SOFTVERBS_DEVICES"] = string.Join(',', Enumerable.Range(0, ranks).SelectMany(peer => Devices(rank, peer, ranks, links))),
        }
        : new Dictionary<string, string>();
}
