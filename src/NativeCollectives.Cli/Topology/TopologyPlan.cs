using NativeCollectives.Cli.Hosts;

namespace NativeCollectives.Cli.Topology;

/// <summary>Which backend joins the hosts, and its hostfile.</summary>
/// <param name="HostFile">The hosts in the order of the ranks.</param>
/// <param name="Summary">What was chosen, in words.</param>
internal sealed record TopologyPlan(HostFile HostFile, string Summary)
{
    public const string RingBackend = "ring";
    public const string JacclBackend = "jaccl";
    public const string JacclRingBackend = "jaccl-ring";

    private const int MaximumMesh = 8;
    private const int MaximumWires = 4;

    /// <summary>The backends that can be planned.</summary>
    public static IReadOnlyList<string> Backends { get; } = [RingBackend, JacclBackend, JacclRingBackend];

    /// <summary>
    /// Plans for a backend; without one, for the first that is possible of jaccl (a mesh with RDMA), jaccl-ring (a ring
    /// with RDMA) and ring.
    /// </summary>
    /// <exception cref="ToolException">
    /// The cables, or the hosts' RDMA devices, do not allow it; the message says what is missing.
    /// </exception>
    public static TopologyPlan Make(
        IReadOnlyList<Mac> macs,
        Connectivity connectivity,
        AddressPlan addresses,
        string? backend
    )
    {
        if (connectivity.Size < 2)
        {
            throw new ToolException(
                $"there is only one host, {connectivity.Hosts[0]}; a ring or a mesh has at least two",
                ExitCodes.Unhealthy
            );
        }

        switch (backend)
        {
            case JacclBackend:
                Require("the mesh is incomplete", MissingForMesh(connectivity));
                return Checked(Mesh(macs, connectivity), macs);
            case JacclRingBackend:
                return Checked(JacclRing(macs, connectivity, RequiredRing(connectivity)), macs);
            case RingBackend:
                return TcpRing(macs, connectivity, RequiredRing(connectivity), addresses);
            default:
                return Best(macs, connectivity, addresses);
        }
    }

    private static TopologyPlan Best(IReadOnlyList<Mac> macs, Connectivity connectivity, AddressPlan addresses)
    {
        HostRing? ring = RingSearch.Largest(connectivity);
        IReadOnlyList<string> noMesh = MissingForMesh(connectivity);
        IReadOnlyList<string> noRing = MissingForRing(connectivity, ring);
        if (noRing.Count > 0)
        {
            // Whatever is a mesh has a ring through all hosts.
            throw new ToolException(
                $"the cables make neither a mesh nor a ring of all {connectivity.Size} hosts. No mesh: {List(noMesh)}. "
                    + $"No ring: {List(noRing)}",
                ExitCodes.Unhealthy
            );
        }

        TopologyPlan rdma = noMesh.Count == 0 ? Mesh(macs, connectivity) : JacclRing(macs, connectivity, ring!);
        IReadOnlyList<string> noRdma = MissingDevices(rdma.HostFile, macs);
        if (noRdma.Count == 0)
        {
            return Checked(rdma, macs);
        }

        TopologyPlan plan = TcpRing(macs, connectivity, ring!, addresses);
        return plan with { Summary = $"{plan.Summary}, without RDMA: {List(noRdma)}" };
    }

    /// <summary>A host is listed with its addresses on the cables to its left neighbour: there it listens.</summary>
    private static TopologyPlan TcpRing(
        IReadOnlyList<Mac> macs,
        Connectivity connectivity,
        HostRing ring,
        AddressPlan addresses
    )
    {
        var hosts = ring.Hosts.Select(
            (host, rank) =>
                new Host(macs[host].Name)
                {
                    Ips =
                    [
                        .. connectivity
                            .Between(host, ring.Left(rank))
                            .Take(ring.Multiplicity)
                            .Select(cable => addresses[cable.A]),
                    ],
                }
        );
        return new TopologyPlan(
            new HostFile([.. hosts]) { Backend = RingBackend },
            Words("a ring over TCP", macs, ring)
        );
    }

    private static TopologyPlan Mesh(IReadOnlyList<Mac> macs, Connectivity connectivity)
    {
        var hosts = macs.Select(
            (mac, host) =>
                Reached(mac) with
                {
                    Rdma =
                    [
                        .. Enumerable.Range(0, macs.Count).Select(peer => Devices(connectivity.Between(host, peer), 1)),
                    ],
                }
        );
        return new TopologyPlan(
            new HostFile([.. hosts]) { Backend = JacclBackend },
            $"a mesh of {string.Join(", ", macs.Select(mac => mac.Name))} over RDMA"
        );
    }

    /// <summary>
    /// Only neighbours have entries. The devices of an entry are in the order of the cables, which is the same from
    /// either end.
    /// </summary>
    private static TopologyPlan JacclRing(IReadOnlyList<Mac> macs, Connectivity connectivity, HostRing ring)
    {
        ring = ring with { Multiplicity = Math.Min(ring.Multiplicity, MaximumWires) };
        var hosts = ring.Hosts.Select(
            (host, rank) =>
                Reached(macs[host]) with
                {
                    Rdma =
                    [
                        .. ring.Hosts.Select(peer =>
                            peer == ring.Left(rank) || peer == ring.Right(rank)
                                ? Devices(connectivity.Between(host, peer), ring.Multiplicity)
                                : []
                        ),
                    ],
                }
        );
        return new TopologyPlan(
            new HostFile([.. hosts]) { Backend = JacclRingBackend },
            Words("a ring over RDMA", macs, ring)
        );
    }

    /// <summary>A host with the address at which jaccl's ranks meet.</summary>
    private static Host Reached(Mac mac) => new(mac.Name) { Ips = mac.Address is { } address ? [address] : [] };

    private static List<string> Devices(IReadOnlyList<Cable> cables, int count) =>
        [.. cables.Take(count).Select(cable => RdmaDevices.Of(cable.A.Interface))];

    /// <summary>A plan over RDMA that every host has the devices and the address for.</summary>
    private static TopologyPlan Checked(TopologyPlan plan, IReadOnlyList<Mac> macs)
    {
        Require("RDMA is not available", MissingDevices(plan.HostFile, macs));
        return plan.HostFile.Hosts.FirstOrDefault(host => host.Ips.Count == 0) is { } host
            ? throw LanAddress.Missing(host.Ssh)
            : plan;
    }

    private static HostRing RequiredRing(Connectivity connectivity)
    {
        HostRing? ring = RingSearch.Largest(connectivity);
        Require($"there is no ring through all {connectivity.Size} hosts", MissingForRing(connectivity, ring));
        return ring!;
    }

    private static List<string> MissingForMesh(Connectivity connectivity) =>
        connectivity.Size > MaximumMesh
            ? [$"a mesh has at most {MaximumMesh} hosts"]
            : [.. MeshCheck.Missing(connectivity)];

    private static List<string> MissingForRing(Connectivity connectivity, HostRing? ring) =>
        ring switch
        {
            null => ["no two hosts are connected"],
            _ when ring.Hosts.Count < connectivity.Size =>
            [
                $"the largest is {string.Join(", ", ring.Hosts.Select(host => connectivity.Hosts[host]))}",
            ],
            _ => [],
        };

    private static List<string> MissingDevices(HostFile plan, IReadOnlyList<Mac> macs) =>
        [
            .. from host in plan.Hosts
            let mac = macs.First(mac => mac.Name == host.Ssh)
            from device in host.Rdma!.SelectMany(devices => devices)
                .Distinct()
                .Where(device => !mac.Rdma.Contains(device))
            select mac.Rdma.Count == 0 ? $"{mac.Name} lists no RDMA device" : $"{mac.Name} has no RDMA device {device}",
        ];

    private static void Require(string what, IReadOnlyList<string> missing)
    {
        if (missing.Count > 0)
        {
            throw new ToolException($"{what}: {List(missing)}", ExitCodes.Unhealthy);
        }
    }

    private static string List(IEnumerable<string> sentences) => string.Join(", ", sentences.Distinct());

    private static string Words(string what, IReadOnlyList<Mac> macs, HostRing ring) =>
        $"{what} of {string.Join(", ", ring.Hosts.Select(host => macs[host].Name))}"
        + $"{(ring.Multiplicity > 1 ? $" with {ring.Multiplicity} cables between neighbours" : "")}";
}
