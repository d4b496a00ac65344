using NativeCollectives.Cli;
using NativeCollectives.Cli.Topology;

namespace NativeCollectives.Tests.Tool;

/// <summary>What the hosts' commands print is read, and what is not as it should be is named.</summary>
[Category("Unit")]
[CancelAfter(30_000)]
public sealed class TopologyParsingTests
{
    [Test]
    public void PortsAreThoseWithAnIdAndANumber()
    {
        var ports = ThunderboltReport.Parse(
            "a",
            """
            {"SPThunderboltDataType": [
              {"domain_uuid_key": "U1", "receptacle_1_tag": {"receptacle_id_key": "1"}},
              {"domain_uuid_key": "U2", "receptacle_2_tag": {"receptacle_id_key": "2"},
                "_items": [{"_name": "x", "domain_uuid_key": "P"}]},
              {"domain_uuid_key": "no receptacle"},
              {"receptacle_3_tag": {"receptacle_id_key": "3"}},
              {"domain_uuid_key": 4, "receptacle_4_tag": {"receptacle_id_key": "4"}}]}
            """
        );
        Assert.That(
            ports.Select(port => (port.Uuid, port.Receptacle, string.Join(' ', port.Peers))),
            Is.EqualTo(new[] { ("U1", "1", ""), ("U2", "2", "P") })
        );
    }

    /// <summary>A Mac behind a dock is a peer as well, after what is nearer.</summary>
    [Test]
    public void PeersAreNearestFirst()
    {
        var port = ThunderboltReport
            .Parse(
                "a",
                """
                {"SPThunderboltDataType": [{"domain_uuid_key": "U", "receptacle_1_tag": {"receptacle_id_key": "1"},
                  "_items": [{"_name": "dock", "_items": [{"domain_uuid_key": "far"}]},
                    {"domain_uuid_key": "near"}, 7]}]}
                """
            )
            .Single();
        Assert.That(port.Peers, Is.EqualTo(new[] { "near", "far" }));
    }

    [TestCase("", "not JSON")]
    [TestCase("{", "not JSON")]
    [TestCase("[]", "\"SPThunderboltDataType\"")]
    [TestCase("{}", "\"SPThunderboltDataType\"")]
    [TestCase("""{"SPThunderboltDataType": {}}""", "\"SPThunderboltDataType\"")]
    public void AMalformedReportNamesTheHost(string json, string expected)
    {
        ToolException failure = Assert.Throws<ToolException>(() => ThunderboltReport.Parse("studio7", json))!;
        Assert.That(failure.Message, Does.Contain("studio7").And.Contain(expected));
        Assert.That(failure.ExitCode, Is.EqualTo(ExitCodes.Failed));
    }

    [TestCase("1")]
    [TestCase("null")]
    [TestCase("\"text\"")]
    public void WhatIsNoBusIsNoPort(string bus) =>
        Assert.That(ThunderboltReport.Parse("a", $$"""{"SPThunderboltDataType": [{{bus}}]}"""), Is.Empty);

    [Test]
    public void InterfacesAreThoseOfTheirPorts()
    {
        var ports = HardwarePorts.Parse(
            "\r\nHardware Port: Ethernet\r\nDevice: en0\r\n\r\n"
                + "Hardware Port: Thunderbolt Bridge\nDevice: bridge7\nEthernet Address: 1\n\n"
                + "Hardware Port: Thunderbolt 2\nDevice: en5\nHardware Port: Thunderbolt Ethernet Slot 1\nDevice: "
                + "en9\nDevice: en10\nVLAN Configurations\n"
        );
        Assert.That(
            (ports.Thunderbolt("2"), ports.Thunderbolt("1"), ports.ThunderboltBridge),
            Is.EqualTo(("en5", (string?)null, "bridge7"))
        );
        Assert.That(HardwarePorts.Parse("").ThunderboltBridge, Is.Null);
    }

    [Test]
    public void RdmaDevicesAreTheLinesThatNameThem() =>
        Assert.That(
            RdmaDevices.Parse(
                "    device          \t   node GUID\n    ------ \t-----\n    rdma_en2 \t0123\n\trdma_en10\n mlx5_0 77\n"
            ),
            Is.EquivalentTo(new[] { "rdma_en2", "rdma_en10" })
        );

    [TestCase("", null)]
    [TestCase("10.1.2.3\n", "10.1.2.3")]
    public void TheAddressIsTheWholeText(string text, string? address) =>
        Assert.That(LanAddress.Parse("a", text), Is.EqualTo(address));

    [TestCase("10.1.2")]
    [TestCase("::1")]
    [TestCase("10.1.2.3\n10.1.2.4")]
    [TestCase("not found")]
    public void WhatIsNoAddressNamesTheHost(string text) =>
        Assert.That(
            () => LanAddress.Parse("studio7", text),
            Throws.InstanceOf<ToolException>().With.Message.Contains("studio7")
        );

    [Test]
    public async Task AHostWithoutPortsIsNamed() =>
        await Assert.ThatAsync(
            () => TopologyFixtures.MacsAsync(TopologyFixtures.Odd, "desk", "tower"),
            Throws
                .InstanceOf<ToolException>()
                .With.Message.EqualTo("host tower has no Thunderbolt port")
                .And.Property(nameof(ToolException.ExitCode))
                .EqualTo(ExitCodes.Unhealthy)
        );

    [Test]
    public async Task AFixtureIsReadCompletely()
    {
        Mac amber = (await TopologyFixtures.MacsAsync(TopologyFixtures.MeshOf4, "amber")).Single();
        Assert.That(
            amber.Ports.Select(port => (port.Receptacle, port.Peers.Count)),
            Is.EqualTo(new[] { ("1", 1), ("2", 1), ("3", 0), ("4", 1) })
        );
        Assert.That(
            amber.Ports.Select(port => amber.Interfaces.Thunderbolt(port.Receptacle)),
            Is.EqualTo(new[] { "en2", "en3", "en4", "en5" })
        );
        Assert.That(amber.Rdma, Is.EquivalentTo(new[] { "rdma_en2", "rdma_en3", "rdma_en4", "rdma_en5" }));
        Assert.That((amber.Address, amber.Interfaces.ThunderboltBridge), Is.EqualTo(("10.20.30.11", "bridge0")));
    }
}
