using System.Globalization;
using System.Reflection;
using System.Text.Json;
using NativeCollectives.Cli.Hosts;

namespace NativeCollectives.Demo;

/// <summary>
/// A mesh or a ring over RDMA verbs, without RDMA hardware: the library of verbs is the software one that the native
/// tests are made with. To it each rank is a host of its own, which has a device for the cable to each other rank.
/// </summary>
internal sealed class RdmaLaunch : ILaunch
{
    private readonly int _ranks;
    private readonly bool _isRing;
    private readonly string _coordinator = FreePorts.OfLoopback(1)[0];
    private readonly DirectoryInfo _folder;

    public RdmaLaunch(int ranks, bool isRing)
    {
        if (!File.Exists(Library))
        {
            throw new LaunchException(
                $"{Library} is not there: RDMA verbs in software are built on Linux only, by ./build.sh. With RDMA "
                    + "devices, docs/jaccl.md tells how to start ranks on them."
            );
        }
        _ranks = ranks;
        _isRing = isRing;
        _folder = Directory.CreateTempSubdirectory("native-collectives-demo-");
        File.WriteAllText(
            DeviceFile,
            JsonSerializer.Serialize(
                Enumerable.Range(0, ranks).Select(rank => Enumerable.Range(0, ranks).Select(peer => Device(rank, peer)))
            )
        );
        Directory.CreateDirectory(Fabric);
    }

    private static string Library { get; } =
        typeof(RdmaLaunch)
            .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(attribute => attribute.Key == "SoftwareVerbs")
            .Value!;

    private string DeviceFile => Path.Combine(_folder.FullName, "devices.json");

    // Where the processes' devices find each other.
    private string Fabric => Path.Combine(_folder.FullName, "fabric");

    public IReadOnlyDictionary<string, string> Variables(int rank)
    {
        var variables = new Dictionary<string, string>
        {
            ["JACCL_RANK"] = Text(rank),
            ["JACCL_IBV_DEVICES"] = DeviceFile,
            ["JACCL_COORDINATOR"] = _coordinator,
            ["NC_VERBS_LIBRARY"] = Library,
            ["NC_SOFTVERBS_FABRIC"] = Fabric,
            ["NC_SOFTVERBS_HOST"] = $"host{rank}",
            ["NC_SOFTVERBS_DEVICES"] = string.Join(
                ',',
                Enumerable.Range(0, _ranks).Select(peer => Device(rank, peer)).OfType<string>()
            ),
        };
        if (_isRing)
        {
            variables["JACCL_RING"] = "1";
        }
        return variables;
    }

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>The device of a rank on its cable to a peer, if there is one.</summary>
    private string? Device(int rank, int peer)
    {
        var distance = Math.Abs(rank - peer);
        var isJoined = _isRing ? distance == 1 || distance == _ranks - 1 : distance > 0;
        return isJoined ? $"rdma_en{peer + 2}" : null;
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
