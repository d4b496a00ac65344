using System.Text.Json;
using NativeCollectives.Cli;
using NativeCollectives.Cli.Doctor.Cluster;

namespace NativeCollectives.Tests.Tool;

/// <summary>What doctor makes of hostfiles before it touches the network.</summary>
[TestFixture]
[Category("Unit")]
[Category("Tool")]
internal sealed class DoctorClusterFileTests
{
    [TestCase(
        """[{"ssh":"a","ips":["10.0.0.1"]},{"ssh":"b","ips":["10.0.0.2"]}]""",
        ClusterKind.Launcher,
        "ring",
        "0→1 10.0.0.2, 1→0 10.0.0.1"
    )]
    [TestCase(
        """
            {"backend":"nccl","hosts":[
            {"ssh":"a","ips":["10.0.0.1"]},{"ssh":"b","ips":["10.0.0.2"]},
            {"ssh":"c","ips":["c"]},{"ssh":"d","ips":["d"]}]}
            """,
        ClusterKind.Launcher,
        "nccl",
        "1→0 10.0.0.1, 2→0 10.0.0.1, 3→0 10.0.0.1, 0→1 10.0.0.2, 1→2 c, 2→3 d"
    )]
    [TestCase(
        """
            [{"ssh":"a","ips":["x"],"rdma":[null,"d","d"]},
            {"ssh":"b","rdma":["d",null,"d"]},
            {"ssh":"c","rdma":["d","d",null]}]
            """,
        ClusterKind.Launcher,
        "jaccl",
        "1→0 x, 2→0 x, 2→1 b"
    )]
    [TestCase(
        """[["10.0.0.1:5000","10.0.1.1:5001"],["[fd00::2]:5000","b:5001"]]""",
        ClusterKind.Ring,
        "ring",
        "0→1 [fd00::2]:5000, 0→1 b:5001, 1→0 10.0.0.1:5000, 1→0 10.0.1.1:5001"
    )]
    [TestCase("""["a:1","b:2"]""", ClusterKind.Ring, "ring", "0→1 b:2, 1→0 a:1")]
    [TestCase("""[["a:1"]]""", ClusterKind.Ring, "ring", "")]
    [TestCase(" \n", ClusterKind.Ring, "ring", "")]
    [TestCase("""[[null,"rdma_en2"],["rdma_en3",null]]""", ClusterKind.Devices, "jaccl", "")]
    public void A_file_is_known_by_its_shape_and_has_links(string json, ClusterKind kind, string backend, string links)
    {
        ClusterPlan plan = ClusterReader.Parse(json, "hosts.json");
        Assert.That(plan.Kind, Is.EqualTo(kind));
        Assert.That(plan.Backend, Is.EqualTo(backend));
        Assert.That(plan.Findings, Is.Empty);
        Assert.That(
            string.Join(
                ", ",
                plan.Links.Select(static link =>
                    $"{link.From}→{link.To} {(link.Address.Port == 0 ? link.Address.Host : link.Address)}"
                )
            ),
            Is.EqualTo(links)
        );
    }

    [TestCase("[]", "lists no ranks")]
    [TestCase("null", "it holds null")]
    [TestCase("{", "is not JSON")]
    [TestCase("{}", "has no \"hosts\"")]
    [TestCase("[7]", "the row of rank 0 is 7")]
    [TestCase("""[["a:1"],[]]""", "the entry of rank 1 is empty")]
    [TestCase("""[["a:1"],["b:70000"]]""", "rank 1 has the address \"b:70000\"")]
    [TestCase("""[["10.0.0.1"],["10.0.0.2"]]""", "rank 0 has the address \"10.0.0.1\"")]
    [TestCase("""[["fd00::1:5000"],["b:1"]]""", "rank 0 has the address \"fd00::1:5000\"")]
    [TestCase("""[{"ssh":"a","ips":["10.0.0.1 "]}]""", "host 0: \"ips\" holds \"10.0.0.1 \"")]
    [TestCase("""[{"ips":["10.0.0.1"]}]""", "host 0 has no \"ssh\"")]
    [TestCase("""[[null,1],["a",null]]""", "entry [0][1] is 1")]
    public void A_malformed_file_is_named_with_what_is_wrong(string json, string part) =>
        Assert.That(
            () => ClusterReader.Parse(json, "hosts.json"),
            Throws
                .InstanceOf<ToolException>()
                .With.Message.Contains(part)
                .And.Message.Contains("hosts.json")
                .And.Property(nameof(ToolException.ExitCode))
                .EqualTo(ExitCodes.Usage)
        );

    [TestCase(
        """[["a:1","a:2"],["b:1"]]""",
        "rank 1 (b): all ranks must list equally many addresses, but rank 0 lists 2 and rank 1 lists 1"
    )]
    [TestCase("""[["a:1"],["a:1"]]""", "rank 1 (a): its address a:1 is rank 0's too")]
    [TestCase("""[["a:1","a:1"],["b:1","b:2"]]""", "rank 0 (a): it lists a:1 twice")]
    [TestCase(
        """[["10.0.0.1:1"],["127.0.0.1:1"]]""",
        "rank 1 (127.0.0.1): its address 127.0.0.1 means every host itself"
    )]
    [TestCase(
        """[{"ssh":"a"},{"ssh":"b","ips":["b"]}]""",
        "rank 0 (a): it has no \"ips\", which the backend ring needs"
    )]
    [TestCase("""[{"ssh":"a","ips":["x"]},{"ssh":"b","ips":["x"]}]""", "rank 1 (b): its address x is rank 0's too")]
    [TestCase(
        """{"backend":"jaccl","hosts":[{"ssh":"a","ips":["x"],"rdma":[null,"d"]},{"ssh":"b"}]}""",
        "rank 1 (b): it has no \"rdma\""
    )]
    [TestCase("""[[null,"d"],["d"]]""", "rank 1: its row of the device matrix has 1 entry, but there are 2 ranks")]
    [TestCase(
        """[[null,"d"],[null,null]]""",
        "link 0 ↔ 1: a cable has two ends, but entry [0][1] of the device matrix names 1 device, and entry [1][0] 0"
    )]
    [TestCase("""[["d","d"],["d",null]]""", null)]
    [TestCase("""[["d",null],[null,null]]""", "the device matrix: it makes neither a mesh nor a ring")]
    [TestCase("""[[null]]""", "the device matrix: it has one rank")]
    public void What_is_wrong_on_paper_is_found(string json, string? finding)
    {
        ClusterPlan plan = ClusterReader.Parse(json, "hosts.json");
        Assert.That(
            plan.Findings.Select(static found => $"{found.Where}: {found.Message}"),
            finding is null ? Is.Empty : Has.Some.StartsWith(finding)
        );
    }

    [Test]
    public void Ranks_on_one_host_may_share_its_address()
    {
        ClusterPlan plan = ClusterReader.Parse(
            """[{"ssh":"a","ips":["10.0.0.1"]},{"ssh":"a","ips":["10.0.0.1"]}]""",
            "hosts.json"
        );
        Assert.That(plan.Findings, Is.Empty);
    }

    [Test]
    public void A_mesh_of_nine_ranks_is_too_large_unless_it_is_a_ring()
    {
        string[] ranks = [.. Enumerable.Range(0, 9).Select(static rank => $"r{rank}")];
        string matrix = JsonSerializer.Serialize(
            ranks.Select(row => ranks.Select(column => row == column ? null : column))
        );
        Assert.That(
            ClusterReader.Parse(matrix, "hosts.json").Findings.Select(static finding => finding.Message),
            Is.EqualTo(new[] { "a mesh has at most 8 ranks, but this one has 9; prefer the ring (jaccl-ring)" })
        );
        Assert.That(ClusterReader.Parse(matrix, "hosts.json", "jaccl-ring").Findings, Is.Empty);
    }
}
