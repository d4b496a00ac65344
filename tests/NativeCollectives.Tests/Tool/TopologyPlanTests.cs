using NativeCollectives.Cli;
using NativeCollectives.Cli.Hosts;
using NativeCollectives.Cli.Topology;

namespace NativeCollectives.Tests.Tool;

/// <summary>
/// Which backend is planned, and what its hostfile says. Every plan is read again, and what it says of RDMA is judged
/// by the jaccl backend itself.
/// </summary>
[Category("Unit")]
[CancelAfter(30_000)]
public sealed class TopologyPlanTests
{
    [Test]
    public async Task AMeshWithRdmaIsJaccl()
    {
        TopologyPlan plan = await PlanAsync(TopologyFixtures.MeshOf4);
        Assert.That(plan.HostFile.Backend, Is.EqualTo("jaccl"));
        Assert.That(
            Lines(plan),
            Is.EqualTo(
                new[]
                {
                    "amber 10.20.30.11 | - rdma_en2 rdma_en3 rdma_en5",
                    "birch 10.20.30.12 | rdma_en4 - rdma_en2 rdma_en3",
                    "cedar 10.20.30.13 | rdma_en2 rdma_en5 - rdma_en3",
                    "dune 10.20.30.14 | rdma_en3 rdma_en2 rdma_en5 -",
                }
            )
        );
    }

    [Test]
    public async Task ARingWithoutRdmaIsRing()
    {
        TopologyPlan plan = await PlanAsync(TopologyFixtures.RingOf4);
        Assert.That(plan.HostFile.Backend, Is.EqualTo("ring"));
        // Each with its own end of the cable to its left neighbour; not in 192.168.0, where the hosts are.
        Assert.That(
            Lines(plan),
            Is.EqualTo(new[] { "east 192.168.1.5", "north 192.168.1.2", "west 192.168.1.10", "south 192.168.1.13" })
        );
        Assert.That(plan.Summary, Does.Contain("without RDMA").And.Contain("east lists no RDMA device"));
    }

    [Test]
    public async Task ARingWithRdmaIsJacclRingAndListsNeighboursOnly()
    {
        IReadOnlyList<Mac> macs = await TopologyFixtures.MacsAsync(TopologyFixtures.RingOf4);
        TopologyPlan plan = Plan([
            .. macs.Select(mac =>
                mac with
                {
                    Rdma = new HashSet<string> { "rdma_en2", "rdma_en3", "rdma_en4" },
                }
            ),
        ]);
        Assert.That(plan.HostFile.Backend, Is.EqualTo("jaccl-ring"));
        Assert.That(
            Lines(plan),
            Is.EqualTo(
                new[]
                {
                    "east 192.168.0.11 | - rdma_en2 - rdma_en4",
                    "north 192.168.0.12 | rdma_en3 - rdma_en2 -",
                    "west 192.168.0.14 | - rdma_en4 - rdma_en2",
                    "south 192.168.0.13 | rdma_en2 - rdma_en3 -",
                }
            )
        );
    }

    /// <summary>Name k of [r][r + 1] and name k of [r + 1][r] are the two ends of one cable.</summary>
    [Test]
    public async Task WiresOfARingPairByTheirPlaces()
    {
        TopologyPlan plan = await PlanAsync(TopologyFixtures.DoubleRingOf3, "jaccl-ring");
        Assert.That(
            Lines(plan),
            Is.EqualTo(
                new[]
                {
                    "one 10.20.30.11 | - rdma_en4+rdma_en5 rdma_en2+rdma_en3",
                    "three 10.20.30.12 | rdma_en4+rdma_en5 - rdma_en2+rdma_en3",
                    "two 10.20.30.13 | rdma_en5+rdma_en4 rdma_en3+rdma_en2 -",
                }
            )
        );
    }

    [Test]
    public async Task DoubleCablesAreTwoAddressesOfARing()
    {
        TopologyPlan plan = await PlanAsync(TopologyFixtures.DoubleRingOf3, "ring");
        Assert.That(
            Lines(plan),
            Is.EqualTo(
                new[]
                {
                    "one 192.168.0.1+192.168.0.5",
                    "three 192.168.0.10+192.168.0.14",
                    "two 192.168.0.18+192.168.0.22",
                }
            )
        );
    }

    [TestCase("ring", new[] { "one 192.168.0.1+192.168.0.5", "two 192.168.0.2+192.168.0.6" })]
    [TestCase("jaccl", new[] { "one 10.20.30.11 | - rdma_en2", "two 10.20.30.13 | rdma_en5 -" })]
    [TestCase("jaccl-ring", new[] { "one 10.20.30.11 | - rdma_en2+rdma_en3", "two 10.20.30.13 | rdma_en5+rdma_en4 -" })]
    [TestCase(null, new[] { "one 10.20.30.11 | - rdma_en2", "two 10.20.30.13 | rdma_en5 -" })]
    public async Task TwoHostsWithTwoCables(string? backend, string[] lines) =>
        Assert.That(Lines(await PlanAsync(TopologyFixtures.DoubleRingOf3, backend, "one", "two")), Is.EqualTo(lines));

    [TestCase("ring", new[] { "desk 192.168.0.1", "mini 192.168.0.2" })]
    [TestCase("jaccl-ring", new[] { "desk 10.20.30.11 | - rdma_en4", "mini 10.20.30.12 | rdma_en2 -" })]
    public async Task TwoHostsWithOneCable(string backend, string[] lines) =>
        Assert.That(Lines(await PlanAsync(TopologyFixtures.Odd, backend, "desk", "mini")), Is.EqualTo(lines));

    /// <summary>jaccl takes four wires; Macs have up to six ports.</summary>
    [Test]
    public void JacclRingTakesFourCablesAndRingAll()
    {
        var connectivity = TopologyFixtures.Joined(2, (_, _) => 6);
        IReadOnlyList<Mac> macs = Macs(connectivity);
        Assert.That(
            Plan(macs, connectivity, "jaccl-ring").HostFile.Hosts[0].Rdma![1],
            Is.EqualTo(new[] { "rdma_en0", "rdma_en1", "rdma_en2", "rdma_en3" })
        );
        Assert.That(Plan(macs, connectivity, "ring").HostFile.Hosts[0].Ips, Has.Count.EqualTo(6));
    }

    [Test]
    public void AMeshOfNineIsARing()
    {
        var connectivity = TopologyFixtures.Joined(9, (_, _) => 1);
        Assert.That(Plan(Macs(connectivity), connectivity).HostFile.Backend, Is.EqualTo("jaccl-ring"));
        Assert.That(() => Plan(Macs(connectivity), connectivity, "jaccl"), Unhealthy("at most 8 hosts"));
    }

    [Test]
    public async Task AnIncompleteMeshNamesEveryPair() =>
        await Assert.ThatAsync(
            () => PlanAsync(TopologyFixtures.RingOf4, "jaccl"),
            Unhealthy("the mesh is incomplete: east is not connected to west, north is not connected to south")
        );

    [Test]
    public async Task ABrokenChainIsNeither() =>
        await Assert.ThatAsync(
            () => PlanAsync(TopologyFixtures.RingOf4, null, "east", "north", "west"),
            Unhealthy(
                "neither a mesh nor a ring of all 3 hosts. No mesh: east is not connected to west. No ring: the "
                    + "largest is east, north"
            )
        );

    [TestCase("ring")]
    [TestCase("jaccl-ring")]
    public async Task ABrokenChainIsNoRing(string backend) =>
        await Assert.ThatAsync(
            () => PlanAsync(TopologyFixtures.RingOf4, backend, "east", "north", "west"),
            Unhealthy("no ring through all 3 hosts: the largest is east, north")
        );

    [Test]
    public async Task AHostWithoutCablesIsNamed() =>
        await Assert.ThatAsync(
            () => PlanAsync(TopologyFixtures.Odd, null, "desk", "lone", "mini"),
            Unhealthy("desk is not connected to lone")
        );

    [Test]
    public async Task OneHostIsNamed() =>
        await Assert.ThatAsync(() => PlanAsync(TopologyFixtures.Odd, null, "desk"), Unhealthy("only one host, desk"));

    [TestCase("jaccl", "one", "two")]
    [TestCase("jaccl-ring", "one", "two")]
    public async Task WithoutRdmaAHostIsNamed(string backend, params string[] hosts)
    {
        IReadOnlyList<Mac> macs = await TopologyFixtures.MacsAsync(TopologyFixtures.DoubleRingOf3, hosts);
        Assert.That(
            () => Plan([macs[0], macs[1] with { Rdma = new HashSet<string>() }], null, backend),
            Unhealthy("RDMA is not available: two lists no RDMA device")
        );
        Assert.That(
            () => Plan([macs[0], macs[1] with { Rdma = new HashSet<string> { "rdma_en9" } }], null, backend),
            Unhealthy("two has no RDMA device rdma_en5")
        );
    }

    [Test]
    public async Task WithoutAnAddressAHostIsNamedWhereItNeedsOne()
    {
        IReadOnlyList<Mac> macs =
        [
            .. (await TopologyFixtures.MacsAsync(TopologyFixtures.MeshOf4)).Select(mac =>
                mac.Name == "cedar" ? mac with { Address = null } : mac
            ),
        ];
        Assert.That(() => Plan(macs), Unhealthy("host cedar has no IPv4 address"));
        Assert.That(Plan(macs, null, "ring").HostFile.Hosts, Has.Count.EqualTo(4));
        Assert.That(
            Plan([.. macs.Select(mac => mac with { Rdma = new HashSet<string>() })]).HostFile.Backend,
            Is.EqualTo("ring"),
            "no RDMA, no need of an address"
        );
    }

    /// <summary>
    /// Whatever the cables: a plan's jaccl matrix makes a mesh or a ring, a ring's hosts are joined, and the addresses
    /// of neighbours share networks.
    /// </summary>
    [Test]
    public void RandomCables()
    {
        var seed = Environment.TickCount;
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var planned = 0;
        for (var round = 0; round < 60; round++)
        {
            var connectivity = TopologyFixtures.Joined(random.Next(2, 7), (_, _) => random.Next(3));
            foreach (var backend in TopologyPlan.Backends)
            {
                try
                {
                    Plan(Macs(connectivity), connectivity, backend);
                    planned++;
                }
                catch (ToolException failure) when (failure.ExitCode == ExitCodes.Unhealthy)
                {
                    Assert.That(
                        RingSearch.Largest(connectivity)?.Hosts.Count < connectivity.Size
                            || MeshCheck.Missing(connectivity).Count > 0,
                        $"seed {seed}, round {round}: {failure.Message}"
                    );
                }
            }
        }

        Assert.That(planned, Is.GreaterThan(20), $"seed {seed}");
    }

    private static IReadOnlyList<Mac> Macs(Connectivity connectivity) =>
        [
            .. connectivity.Hosts.Select(
                (name, host) =>
                    new Mac(name)
                    {
                        Interfaces = HardwarePorts.Parse(""),
                        Rdma = Enumerable.Range(0, 64).Select(port => $"rdma_en{port}").ToHashSet(),
                        Address = $"10.0.0.{host + 1}",
                    }
            ),
        ];

    private static async Task<TopologyPlan> PlanAsync(string fixture, string? backend = null, params string[] hosts) =>
        Plan(await TopologyFixtures.MacsAsync(fixture, hosts), null, backend);

    private static TopologyPlan Plan(IReadOnlyList<Mac> macs, Connectivity? connectivity = null, string? backend = null)
    {
        connectivity ??= Connectivity.Of(macs);
        var addresses = AddressPlan.Of(connectivity.Cables, macs.Select(mac => mac.Address).OfType<string>());
        var plan = TopologyPlan.Make(macs, connectivity, addresses, backend);
        Assert.That(HostFile.Parse(plan.HostFile.ToJson(), "plan").ToJson(), Is.EqualTo(plan.HostFile.ToJson()));
        if (plan.HostFile.Backend == TopologyPlan.RingBackend)
        {
            AssertNeighboursShareNetworks(plan.HostFile, connectivity, addresses);
        }
        else
        {
            AssertWiresPair(plan.HostFile, connectivity);
            AssertTheBackendTakes(plan.HostFile);
        }

        return plan;
    }

    /// <summary>
    /// Each address at which a rank listens is one end of a cable whose other end is at its left neighbour.
    /// </summary>
    private static void AssertNeighboursShareNetworks(HostFile plan, Connectivity connectivity, AddressPlan addresses)
    {
        for (var rank = 0; rank < plan.Hosts.Count; rank++)
        {
            var left = plan.Hosts[(rank + plan.Hosts.Count - 1) % plan.Hosts.Count].Ssh;
            Assert.That(plan.Hosts[rank].Ips, Has.Count.EqualTo(plan.Hosts[0].Ips.Count).And.Unique);
            foreach (var address in plan.Hosts[rank].Ips)
            {
                Cable cable = connectivity.Cables.Single(cable =>
                    addresses[cable.A] == address || addresses[cable.B] == address
                );
                cable = addresses[cable.A] == address ? cable : new Cable(cable.B, cable.A);
                Assert.That(
                    (connectivity.Hosts[cable.A.Host], connectivity.Hosts[cable.B.Host]),
                    Is.EqualTo((plan.Hosts[rank].Ssh, left))
                );
            }
        }
    }

    /// <summary>Name k of [r][p] and name k of [p][r] are the two ends of one cable.</summary>
    private static void AssertWiresPair(HostFile plan, Connectivity connectivity)
    {
        var index = plan.Hosts.Select(host => connectivity.Hosts.ToList().IndexOf(host.Ssh)).ToList();
        for (var rank = 0; rank < plan.Hosts.Count; rank++)
        {
            for (var peer = 0; peer < plan.Hosts.Count; peer++)
            {
                var pairs = plan.Hosts[rank].Rdma![peer].Zip(plan.Hosts[peer].Rdma![rank]).ToList();
                Assert.That(pairs, Has.Count.EqualTo(plan.Hosts[rank].Rdma![peer].Count));
                Assert.That(
                    pairs,
                    Is.SubsetOf(
                        connectivity
                            .Between(index[rank], index[peer])
                            .Select(cable => ($"rdma_{cable.A.Interface}", $"rdma_{cable.B.Interface}"))
                    )
                );
            }
        }
    }

    /// <summary>
    /// The backend judges the matrix before it looks for a library of verbs, of which there is none: it comes to that.
    /// </summary>
    private static void AssertTheBackendTakes(HostFile plan)
    {
        var options = new DistributedGroupOptions
        {
            Backend = BackendKind.Jaccl,
            Jaccl = new JacclOptions
            {
                Rank = 0,
                Devices = [.. plan.Hosts.Select(host => host.Rdma!)],
                PreferRing = plan.Backend == TopologyPlan.JacclRingBackend,
                Coordinator = $"{plan.Hosts[0].Ips[0]}:32323",
                Library = "/nowhere/libverbs",
            },
        };
        Assert.That(
            () => DistributedGroup.Create(options),
            Throws.InstanceOf<BackendUnavailableException>().With.Message.Contains("/nowhere/libverbs")
        );
    }

    private static NUnit.Framework.Constraints.IResolveConstraint Unhealthy(string message) =>
        Throws
            .InstanceOf<ToolException>()
            .With.Message.Contains(message)
            .And.Property(nameof(ToolException.ExitCode))
            .EqualTo(ExitCodes.Unhealthy);

    /// <summary>A line for each host: its name, its addresses, its devices.</summary>
    private static IEnumerable<string> Lines(TopologyPlan plan) =>
        plan.HostFile.Hosts.Select(host =>
            $"{host.Ssh} {string.Join('+', host.Ips)}"
            + (
                host.Rdma is { } row
                    ? " | "
                        + string.Join(' ', row.Select(devices => devices.Count == 0 ? "-" : string.Join('+', devices)))
                    : ""
            )
        );
}
