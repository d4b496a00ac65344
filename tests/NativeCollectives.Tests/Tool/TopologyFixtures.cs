using NativeCollectives.Cli.Topology;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests.Tool;

/// <summary>What the commands of Macs that never were printed: names and ids are invented.</summary>
internal static class TopologyFixtures
{
    /// <summary>Four hosts, each joined with every other; RDMA.</summary>
    public const string MeshOf4 = "mesh-of-4";

    /// <summary>Four hosts in a circle: east, north, west, south; no RDMA; their own network is 192.168.0.</summary>
    public const string RingOf4 = "ring-of-4";

    /// <summary>Three hosts, two cables between any two, some of them crossed; RDMA.</summary>
    public const string DoubleRingOf3 = "double-ring-of-3";

    /// <summary>
    /// desk is joined with mini, and has a dock and a stranger's Mac besides; lone has no cable, tower no port, broken
    /// a report that breaks off.
    /// </summary>
    public const string Odd = "odd";

    public static string Folder(string name) =>
        Path.Combine(
            NcclLibraries.RepositoryRoot,
            "tests",
            "NativeCollectives.Tests",
            "Tool",
            "Fixtures",
            "topology",
            name
        );

    public static string Text(string name, string file) => File.ReadAllText(Path.Combine(Folder(name), file));

    /// <summary>The Macs of a folder; without names all of them.</summary>
    public static async Task<IReadOnlyList<Mac>> MacsAsync(string name, params string[] hosts)
    {
        var folder = new CaptureFolder(Folder(name));
        Capture[] captures = await Task.WhenAll(
            (hosts.Length > 0 ? hosts : folder.Hosts()).Select(host =>
                folder.CaptureAsync(host, true, CancellationToken.None)
            )
        );
        return [.. captures.Select(Mac.Of)];
    }

    /// <summary>Hosts h0, h1, … joined by as many cables as each pair asks for.</summary>
    public static Connectivity Joined(int size, Func<int, int, int> cables)
    {
        var next = new int[size];
        return new Connectivity(
            [.. Enumerable.Range(0, size).Select(host => $"h{host}")],
            [
                .. from a in Enumerable.Range(0, size)
                from b in Enumerable.Range(a + 1, size - a - 1)
                from _ in Enumerable.Range(0, cables(a, b))
                select new Cable(new CableEnd(a, $"en{next[a]++}"), new CableEnd(b, $"en{next[b]++}")),
            ]
        );
    }
}
