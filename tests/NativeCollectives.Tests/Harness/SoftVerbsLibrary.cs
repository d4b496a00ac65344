using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Harness;

/// <summary>
/// Which library of RDMA verbs the workers use: the software verbs from native/tests/softverbs, or with
/// <c>NC_TEST_VERBS=real</c> in the environment that of this machine, as tests/rdma/run.sh has it.
/// </summary>
internal static class SoftVerbsLibrary
{
    /// <summary>Whether this machine's own library and devices are to be tested.</summary>
    public static bool IsReal => Environment.GetEnvironmentVariable("NC_TEST_VERBS") == "real";

    /// <summary>
    /// The devices of this machine that are to be tested: <c>NC_TEST_RDMA_DEVICES</c>, with commas between them.
    /// </summary>
    public static string[] RealDevices =>
        (Environment.GetEnvironmentVariable("NC_TEST_RDMA_DEVICES") ?? "").Split(
            ',',
            StringSplitOptions.RemoveEmptyEntries
        );

    /// <summary>Leaves a test out that real devices cannot play.</summary>
    public static void Require(string what)
    {
        if (IsReal)
        {
            Assert.Ignore($"only the software verbs have {what}");
        }
    }

    /// <summary>What the build has left.</summary>
    public static string Path
    {
        get
        {
            var path = Environment.GetEnvironmentVariable("NC_TEST_SOFTVERBS") is { Length: > 0 } given
                ? given
                : System.IO.Path.Combine(
                    System.IO.Path.GetDirectoryName(NcclLibraries.Folder)!,
                    "softverbs",
                    "libibverbs.so.1"
                );
            Assert.That(
                File.Exists(path),
                Is.True,
                $"{path} is not there: ./build.sh native builds the software verbs"
            );
            return path;
        }
    }

    /// <summary>
    /// The device of a rank on cable number <paramref name="wire"/> to a peer. In a mesh there is one for each peer; in
    /// a ring each rank has devices for the previous and for the next rank, which are the same if there are two ranks;
    /// rings of different sizes have different devices.
    /// </summary>
    public static string Device(JacclShape shape, int rank, int peer, int wire)
    {
        if (IsReal)
        {
            return RealDevices[wire % RealDevices.Length];
        }
        return !shape.IsRing ? $"rdma_m{peer}"
            : shape.Size == 2 ? $"rdma_x{wire}"
            : peer == (rank + 1) % shape.Size ? $"rdma_r{wire}of{shape.Size}"
            : $"rdma_l{wire}of{shape.Size}";
    }

    /// <summary>The device matrix of a shape.</summary>
    public static string[][][] Matrix(JacclShape shape) =>
        [
            .. Enumerable
                .Range(0, shape.Size)
                .Select(rank => Enumerable.Range(0, shape.Size).Select(peer => Names(shape, rank, peer)).ToArray()),
        ];

    /// <summary>
    /// The variables of a rank of a machine room in which up to 8 ranks are cabled for meshes, and up to 5 for rings with
    /// up to 4 wires.
    /// </summary>
    public static Dictionary<string, string> Variables(int rank, string fabric)
    {
        if (IsReal)
        {
            return Environment.GetEnvironmentVariable("NC_VERBS_LIBRARY") is { Length: > 0 } library
                ? new() { ["NC_VERBS_LIBRARY"] = library }
                : [];
        }
        return new()
        {
            ["NC_VERBS_LIBRARY"] = Path,
            ["NC_SOFTVERBS_FABRIC"] = fabric,
            ["NC_SOFTVERBS_HOST"] = $"{rank}",
            ["NC_SOFTVERBS_DEVICES"] = string.Join(',', Devices(rank)),
            ["NC_SOFTVERBS_CABLES"] = string.Join(',', _room.SelectMany(Cables).Distinct()),
        };
    }

    // What the machine room is cabled for. A smaller mesh is a part of it.
    private static readonly JacclShape[] _room =
    [
        JacclShape.Mesh(8),
        .. Enumerable.Range(2, 4).Select(size => JacclShape.Ring(size, 4)),
    ];

    private static IEnumerable<string> Devices(int rank) =>
        _room
            .Where(shape => rank < shape.Size)
            .SelectMany(shape => Enumerable.Range(0, shape.Size).SelectMany(peer => Names(shape, rank, peer)))
            .Distinct();

    private static string[] Names(JacclShape shape, int rank, int peer)
    {
        var isNeighbour = peer == (rank + 1) % shape.Size || rank == (peer + 1) % shape.Size;
        return rank == peer || (shape.IsRing && !isNeighbour)
            ? []
            : [.. Enumerable.Range(0, shape.Wires).Select(wire => Device(shape, rank, peer, wire))];
    }

    private static IEnumerable<string> Cables(JacclShape shape)
    {
        for (var rank = 0; rank < shape.Size; rank++)
        {
            foreach (
                var peer in shape.IsRing ? [(rank + 1) % shape.Size] : Enumerable.Range(rank + 1, shape.Size - rank - 1)
            )
            {
                for (var wire = 0; wire < shape.Wires; wire++)
                {
                    // In a ring of two each cable is met from both sides.
                    if (!shape.IsRing || shape.Size > 2 || rank < peer)
                    {
                        yield return $"{rank}:{Device(shape, rank, peer, wire)}"
                            + $"-{peer}:{Device(shape, peer, rank, wire)}";
                    }
                }
            }
        }
    }
}
