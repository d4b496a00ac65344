using System.Text.RegularExpressions;
using NativeCollectives.Cli;
using NativeCollectives.Cli.Topology;

namespace NativeCollectives.Tests.Tool;

/// <summary>
/// Cables are found from what ports report of each other; they get addresses, and commands that set them.
/// </summary>
[Category("Unit")]
[CancelAfter(30_000)]
public sealed class TopologyCableTests
{
    [Test]
    public async Task EachCableOfAMeshIsFoundOnce()
    {
        var mesh = Connectivity.Of(await TopologyFixtures.MacsAsync(TopologyFixtures.MeshOf4));
        Assert.That(mesh.Cables, Has.Count.EqualTo(6));
        Assert.That(MeshCheck.Missing(mesh), Is.Empty);
        Assert.That(mesh.Between(0, 3).Single(), Is.EqualTo(new Cable(new CableEnd(0, "en5"), new CableEnd(3, "en3"))));
        Assert.That(mesh.Between(3, 0).Single(), Is.EqualTo(new Cable(new CableEnd(3, "en3"), new CableEnd(0, "en5"))));
    }

    /// <summary>A dock, a display and a stranger's Mac are no cables.</summary>
    [Test]
    public async Task WhatIsNoPortOfTheseHostsIsIgnored()
    {
        var pair = Connectivity.Of(await TopologyFixtures.MacsAsync(TopologyFixtures.Odd, "desk", "mini", "lone"));
        Assert.That(pair.Cables, Is.EqualTo(new[] { new Cable(new CableEnd(0, "en4"), new CableEnd(1, "en2")) }));
        Assert.That(
            MeshCheck.Missing(pair),
            Is.EqualTo(new[] { "desk is not connected to lone", "mini is not connected to lone" })
        );
    }

    [Test]
    public async Task TheOrderOfCablesIsTheSameFromEitherEnd()
    {
        var ring = Connectivity.Of(await TopologyFixtures.MacsAsync(TopologyFixtures.DoubleRingOf3));
        for (var a = 0; a < 3; a++)
        {
            for (var b = 0; b < 3; b++)
            {
                Assert.That(
                    ring.Between(a, b).Select(cable => cable.From(b)),
                    Is.EqualTo(ring.Between(b, a)),
                    $"{a} {b}"
                );
                Assert.That(ring.Between(a, b), Has.Count.EqualTo(a == b ? 0 : 2));
            }
        }
    }

    [Test]
    public void OneEndIsEnough()
    {
        var cables = Connectivity.Of([Host("a", ("A", "1", "B")), Host("b", ("B", "2", null))]).Cables;
        Assert.That(cables, Is.EqualTo(new[] { new Cable(new CableEnd(0, "en1"), new CableEnd(1, "en2")) }));
        Assert.That(
            Connectivity.Of([Host("a", ("A", "1", null)), Host("b", ("B", "2", "A"))]).Cables,
            Has.Count.EqualTo(1)
        );
    }

    [Test]
    public void ACableToItselfIsNone() =>
        Assert.That(Connectivity.Of([Host("a", ("A1", "1", "A2"), ("A2", "2", "A1"))]).Cables, Is.Empty);

    /// <summary>An interface has one address: behind a hub, the first that is found counts.</summary>
    [Test]
    public void APortHasOneCable() =>
        Assert.That(
            Connectivity
                .Of([Host("a", ("A", "1", "B")), Host("b", ("B", "1", "A")), Host("c", ("C", "1", "A"))])
                .Cables,
            Has.Count.EqualTo(1)
        );

    [Test]
    public void OneMachineUnderTwoNamesIsNamed() =>
        Assert.That(
            () => Connectivity.Of([Host("a", ("A", "1", null)), Host("alias", ("A", "1", null))]),
            Throws
                .InstanceOf<ToolException>()
                .With.Message.Contains("a and alias")
                .And.Property(nameof(ToolException.ExitCode))
                .EqualTo(ExitCodes.Usage)
        );

    [Test]
    public void APortWithoutAnInterfaceIsNamedIfItHasACable()
    {
        Mac bare = Host("bare", ("B", "1", "A")) with { Interfaces = HardwarePorts.Parse("") };
        Assert.That(
            () => Connectivity.Of([Host("a", ("A", "1", null)), bare]),
            Throws.InstanceOf<ToolException>().With.Message.Contains("host bare").And.Message.Contains("Thunderbolt 1")
        );
        Assert.That(Connectivity.Of([Host("c", ("C", "1", null)), bare]).Cables, Is.Empty);
    }

    [Test]
    public async Task TheGraphHasEachHostAndEachCableOnce()
    {
        Assert.That(
            DotGraph.Of(
                Connectivity.Of(await TopologyFixtures.MacsAsync(TopologyFixtures.Odd, "desk", "mini", "lone"))
            ),
            Is.EqualTo(
                """
                graph G {
                  node [shape=rectangle];
                  a [label="desk"];
                  b [label="mini"];
                  c [label="lone"];
                  a -- b [label="en4/en2"];
                }

                """
            )
        );
        var text = DotGraph.Of(TopologyFixtures.Joined(60, (a, b) => b == a + 1 ? 2 : 0));
        Assert.That(Regex.Matches(text, " -- "), Has.Count.EqualTo(2 * 59));
        Assert.That(
            Regex.Matches(text, @"^  (\w+) \[label=", RegexOptions.Multiline).Select(match => match.Groups[1].Value),
            Is.Unique.And.Exactly(60).Items
        );
    }

    [Test]
    public void NamesAreQuotedInTheGraph() =>
        Assert.That(DotGraph.Of(new Connectivity(["a\"b\\"], [])), Does.Contain("""[label="a\"b\\"]"""));

    /// <summary>
    /// Every address once; the two ends of a cable alone in a network of four; over the end of the third octet.
    /// </summary>
    [Test]
    public void AddressesAreUniqueAndPaired([Values(0, 1, 64, 65, 500, 1000)] int count)
    {
        var cables = TopologyFixtures.Joined(2, (_, _) => count).Cables;
        var plan = AddressPlan.Of(cables, []);
        var used = new HashSet<uint>();
        foreach (Cable cable in cables)
        {
            var (a, b) = (Number(plan[cable.A]), Number(plan[cable.B]));
            Assert.That(b, Is.EqualTo(a + 1));
            Assert.That((a & 3, a >> 2), Is.EqualTo((1u, b >> 2)));
            Assert.That(used.Add(a) && used.Add(b));
        }

        if (count > 0)
        {
            Assert.That((plan[cables[0].A], plan[cables[0].B]), Is.EqualTo(("192.168.0.1", "192.168.0.2")));
            Assert.That(plan[cables[^1].B], Is.EqualTo($"192.168.{(count - 1) / 64}.{(4 * ((count - 1) % 64)) + 2}"));
        }
    }

    [Test]
    public void NetworksThatHostsAreInAreLeftOut()
    {
        var cables = TopologyFixtures.Joined(2, (_, _) => 65).Cables;
        var plan = AddressPlan.Of(cables, ["192.168.0.17", "192.168.2.9", "10.0.0.3"]);
        Assert.That((plan[cables[0].A], plan[cables[64].A]), Is.EqualTo(("192.168.1.1", "192.168.3.1")));
    }

    [Test]
    public void MoreCablesThanNetworksIsAnError()
    {
        var cables = TopologyFixtures.Joined(2, (_, _) => (64 * 256) + 1).Cables;
        Assert.That(
            () => AddressPlan.Of(cables, []),
            Throws.InstanceOf<ToolException>().With.Message.Contains("16385 cables")
        );
        Assert.That(AddressPlan.Of([.. cables.Skip(1)], [])[cables[^1].B], Is.EqualTo("192.168.255.254"));
    }

    [Test]
    public async Task CommandsSetBothEndsOfACable()
    {
        IReadOnlyList<Mac> macs = await TopologyFixtures.MacsAsync(TopologyFixtures.Odd, "desk", "mini", "lone");
        var connectivity = Connectivity.Of(macs);
        var plan = AddressPlan.Of(connectivity.Cables, []);
        Assert.That(
            Commands(0),
            Is.EqualTo(
                new[]
                {
                    "sudo ifconfig bridge0 down",
                    "sudo ifconfig en4 inet 192.168.0.1 netmask 255.255.255.252",
                    "sudo route change 192.168.0.2 -interface en4",
                }
            )
        );
        Assert.That(
            Commands(1).Skip(1),
            Is.EqualTo(
                new[]
                {
                    "sudo ifconfig en2 inet 192.168.0.2 netmask 255.255.255.252",
                    "sudo route change 192.168.0.1 -interface en2",
                }
            )
        );
        Assert.That(Commands(2), Is.Empty);
        Assert.That(
            SetupCommands.For(0, macs[0] with { Interfaces = HardwarePorts.Parse("") }, connectivity, plan),
            Has.Count.EqualTo(2),
            "no bridge, no command for it"
        );

        IReadOnlyList<string> Commands(int host) => SetupCommands.For(host, macs[host], connectivity, plan);
    }

    private static Mac Host(string name, params (string Uuid, string Receptacle, string? Peer)[] ports) =>
        new(name)
        {
            Ports =
            [
                .. ports.Select(port => new ThunderboltPort(
                    port.Uuid,
                    port.Receptacle,
                    port.Peer is null ? [] : ["unknown", port.Peer]
                )),
            ],
            Interfaces = HardwarePorts.Parse(
                string.Concat(
                    ports.Select(port => $"Hardware Port: Thunderbolt {port.Receptacle}\nDevice: en{port.Receptacle}\n")
                )
            ),
            Rdma = new HashSet<string>(),
        };

    private static uint Number(string address) =>
        address.Split('.').Aggregate(0u, (number, part) => (number << 8) | byte.Parse(part));
}
