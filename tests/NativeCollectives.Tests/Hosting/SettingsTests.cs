using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using NativeCollectives.Hosting;
using static NativeCollectives.Tests.Hosting.Configurations;

namespace NativeCollectives.Tests.Hosting;

/// <summary>What is read from the section, and what is refused.</summary>
[Category("Unit")]
[CancelAfter(20_000)]
public sealed class SettingsTests
{
    private const string Everything = """
        {
          "NativeCollectives": {
            "Backend": "jaccl", "Strict": true, "FormingTimeout": "00:00:30", "OperationTimeout": "0:1:0",
            "Ring": { "Rank": 1, "Hosts": [["10.0.0.1:5000", "10.0.0.1:5001"], ["[::1]:5000", "b:5001"]] },
            "Nccl": { "Rank": 1, "Size": 2, "Device": 0, "Rendezvous": "10.0.0.1:6000", "Bootstrap": "torchrun",
              "StagingBytes": 0, "Library": "a.so", "CudaLibrary": "b.so" },
            "Jaccl": { "Rank": 1, "Devices": [[null, ["a0", "a1"]], ["b0", []]], "Coordinator": "10.0.0.1:7000",
              "PreferRing": false, "Frames": "Small", "QueuePairs": "rc", "GidIndex": 3,
              "MlxRingAllGather": true, "Library": "c.so" }
          }
        }
        """;

    [Test]
    public void EverySettingIsRead([Values] bool asSection)
    {
        var root = Json(Everything);
        var options = DistributedGroupSettings
            .From(asSection ? root.GetSection("NativeCollectives") : root)
            .ToGroupOptions();
        Assert.Multiple(() =>
        {
            Assert.That((options.Backend, options.Strict), Is.EqualTo((BackendKind.Jaccl, true)));
            Assert.That(
                (options.FormingTimeout, options.OperationTimeout),
                Is.EqualTo((TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(1)))
            );
            Assert.That(options.Ring!.Rank, Is.EqualTo(1));
            Assert.That(
                options.Ring.Hosts,
                Is.EqualTo(new string[][] { ["10.0.0.1:5000", "10.0.0.1:5001"], ["[::1]:5000", "b:5001"] })
            );
            var nccl = options.Nccl!;
            Assert.That((nccl.Rank, nccl.Size, nccl.Device, nccl.Rendezvous), Is.EqualTo((1, 2, 0, "10.0.0.1:6000")));
            Assert.That(
                (nccl.Bootstrap, nccl.StagingBytes, nccl.Library, nccl.CudaLibrary),
                Is.EqualTo((NcclBootstrap.Torchrun, 0, "a.so", "b.so"))
            );
            var jaccl = options.Jaccl!;
            Assert.That(
                jaccl.Devices,
                Is.EqualTo(
                    new string[][][]
                    {
                        [
                            [],
                            ["a0", "a1"],
                        ],
                        [
                            ["b0"],
                            [],
                        ],
                    }
                )
            );
            Assert.That(
                (jaccl.Rank, jaccl.Coordinator, jaccl.PreferRing, jaccl.Library),
                Is.EqualTo((1, "10.0.0.1:7000", false, "c.so"))
            );
            Assert.That(
                (jaccl.Frames, jaccl.QueuePairs),
                Is.EqualTo((JacclFrames.Small, JacclQueuePairs.ReliableConnection))
            );
            Assert.That((jaccl.GidIndex, jaccl.MlxRingAllGather), Is.EqualTo((3, true)));
        });
    }

    [Test]
    public void WithNothingThereAreTheDefaults()
    {
        var options = DistributedGroupSettings.From(Of()).ToGroupOptions();
        Assert.That(
            (options.Backend, options.Strict, options.HasFormingTimeout),
            Is.EqualTo((BackendKind.Any, false, false))
        );
        Assert.That(options.OperationTimeout, Is.EqualTo(new DistributedGroupOptions().OperationTimeout));
    }

    [Test]
    public void AHostsListCanBeShort()
    {
        string[][] expected =
        [
            ["a:1"],
            ["b:2"],
        ];
        Assert.That(
            DistributedGroupSettings.From(Of(("Ring:Hosts:0", "a:1"), ("Ring:Hosts:1", "b:2"))).Ring.Hosts,
            Is.EqualTo(expected)
        );
        Assert.That(DistributedGroupSettings.From(Of(("Ring:Hosts", "a:1, b:2"))).Ring.Hosts, Is.EqualTo(expected));
    }

    [TestCase("Backend", "mpi", "any, ring, jaccl, nccl or none")]
    [TestCase("Backend", "1", "any, ring, jaccl, nccl or none")]
    [TestCase("Strict", "yes", "true or false")]
    [TestCase("FormingTimeout", "30", "a time limit such as 00:01:30")]
    [TestCase("FormingTimeout", "00:00:00", "positive and finite")]
    [TestCase("OperationTimeout", "-00:00:01", "a time limit such as 00:01:30")]
    [TestCase("OperationTimeout", "25.00:00:00", "at most 2147483647 milliseconds")]
    [TestCase("Ring:Rank", "", "a rank: a decimal number from 0, of digits only")]
    [TestCase("Ring:Rank", "-1", "a rank: a decimal number from 0, of digits only")]
    [TestCase("Ring:Rank", " 1", "a rank: a decimal number from 0, of digits only")]
    [TestCase("Ring:Rank", "4294967296", "a rank: a decimal number from 0, of digits only")]
    [TestCase("Ring:Hosts", "", "addresses with commas between them")]
    [TestCase("Ring:Hosts", "a:1;b:2", "addresses with commas between them")]
    [TestCase("Ring:Hosts:0", "a", "host:port")]
    [TestCase("Ring:Hosts:0:0", "a:70000", "host:port")]
    [TestCase("Ring:HostFile", " ", "a path")]
    [TestCase("Ring:BasePort", "65536", "the port of the first rank on a node")]
    [TestCase("Ring:Nodes", "a[1", "names of nodes")]
    [TestCase("Ring:TasksPerNode", "2(3)", "numbers of ranks")]
    [TestCase("Nccl:Rank", "x", "a rank")]
    [TestCase("Nccl:Size", "0", "a number of ranks: a decimal number from 1")]
    [TestCase("Nccl:Device", "gpu0", "the ordinal of a device")]
    [TestCase("Nccl:Rendezvous", "::1:5", "[host]:port with an IPv6 address")]
    [TestCase("Nccl:Bootstrap", "slurm", "auto, mlx, torchrun, mistral or comm_id")]
    [TestCase("Nccl:StagingBytes", "4M", "a size in bytes")]
    [TestCase("Nccl:Library", "", "a path")]
    [TestCase("Nccl:CudaLibrary", "", "a path")]
    [TestCase("Jaccl:Rank", "1.0", "a rank")]
    [TestCase("Jaccl:Devices", "rdma_en2", "a list with one row per rank")]
    [TestCase("Jaccl:Devices:0", "rdma_en2", "a list with one entry per rank")]
    [TestCase("Jaccl:DeviceFile", "", "a path")]
    [TestCase("Jaccl:Coordinator", "host", "host:port")]
    [TestCase("Jaccl:PreferRing", "1", "true or false")]
    [TestCase("Jaccl:Frames", "medium", "large or small")]
    [TestCase("Jaccl:QueuePairs", "ud", "uc or rc")]
    [TestCase("Jaccl:GidIndex", "256", "a decimal number from 0 to 255, of digits only")]
    [TestCase("Jaccl:GidIndex", "-1", "a decimal number from 0 to 255, of digits only")]
    [TestCase("Jaccl:MlxRingAllGather", "yes", "true or false")]
    [TestCase("Jaccl:Library", "", "a path")]
    public void AMalformedValueIsNamed(string key, string value, string expected)
    {
        var fault = FaultOf(Of((key, value)));
        Assert.That(
            fault,
            Does.StartWith($"NativeCollectives:{key} is \"{value}\", but should be ")
                .And.Contain(expected)
                .And.EndsWith("It comes from: memory.")
        );
    }

    [Test]
    public void AllFaultsAreToldAtOnce() =>
        Assert.That(FaultsOf(Of(("Ring:Rank", "x"), ("Nccl:Size", "y"), ("Stict", "true"))), Has.Length.EqualTo(3));

    [TestCase("Stict", "NativeCollectives:Stict is not a setting; known there are Backend, Strict")]
    [TestCase(
        "Ring:Hostfile2",
        "NativeCollectives:Ring:Hostfile2 is not a setting; known there are Rank, HostFile, Hosts, BasePort, Nodes, "
            + "TasksPerNode."
    )]
    [TestCase("Ring:Rank:0", "NativeCollectives:Ring:Rank:0 is not a setting")]
    [TestCase("Mpi:Rank", "NativeCollectives:Mpi:Rank is not a setting; known there are Backend")]
    public void AKeyThatIsNoneIsNamed(string key, string expected) =>
        Assert.That(FaultOf(Of((key, "1"))), Does.StartWith(expected));

    [Test]
    public void AnEmptySectionThatIsNoneIsNamed() =>
        Assert.That(
            FaultOf(Json("""{ "NativeCollectives": { "Rnig": {}, "Ring": {} } }""")),
            Does.StartWith("NativeCollectives:Rnig is not a setting")
        );

    [TestCase(
        "Ring:Rank",
        "2",
        "Ring:Hosts",
        "a:1,b:2",
        "NativeCollectives:Ring:Rank is 2, but NativeCollectives:Ring:Hosts lists 2 ranks, from 0 to 1."
    )]
    [TestCase(
        "Ring:Hosts",
        "a:1,b:2",
        "Ring:HostFile",
        "x",
        "NativeCollectives:Ring:Hosts and NativeCollectives:Ring:HostFile are both set, but only one"
    )]
    [TestCase(
        "Nccl:Rank",
        "2",
        "Nccl:Size",
        "2",
        "NativeCollectives:Nccl:Rank is 2, but should be less than NativeCollectives:Nccl:Size, which is 2."
    )]
    [TestCase(
        "Ring:Nodes",
        "a,b",
        "Ring:HostFile",
        "x",
        "NativeCollectives:Ring:Nodes and NativeCollectives:Ring:HostFile are both set, but only one"
    )]
    public void AContradictionIsNamed(string key, string value, string otherKey, string otherValue, string expected) =>
        Assert.That(FaultOf(Of((key, value), (otherKey, otherValue))), Does.StartWith(expected));

    /// <summary>What the library finds is data: the settings are called by the keys of their own section, each once.</summary>
    [Test]
    public void WhatTheLibraryFindsHasTheKeysOfItsSection()
    {
        var configuration = Of(
            ("Groups:a:Ring:Rank", "2"),
            ("Groups:a:Ring:Hosts", "a:1,b:1"),
            ("Groups:a:Nccl:Rank", "3"),
            ("Groups:a:Nccl:Size", "2")
        );
        var exception = Assert.Throws<OptionsValidationException>(() =>
            DistributedGroupSettings.From(configuration, "a")
        )!;
        const string Section = "NativeCollectives:Groups:a";
        Assert.That(
            exception.Failures,
            Is.EquivalentTo(
                new[]
                {
                    $"{Section}:Ring:Rank is 2, but {Section}:Ring:Hosts lists 2 ranks, from 0 to 1. "
                        + $"{Section}:Ring:Rank comes from: memory. {Section}:Ring:Hosts comes from: memory.",
                    $"{Section}:Nccl:Rank is 3, but should be less than {Section}:Nccl:Size, which is 2. "
                        + $"{Section}:Nccl:Rank comes from: memory. {Section}:Nccl:Size comes from: memory.",
                }
            )
        );
    }

    [Test]
    public void WhatIsMissingIsToldBesideTheKeysThatAreThere() =>
        Assert.That(
            FaultOf(Of(("Strict", "true"), ("Backend", "ring"), ("Ring:Rank", "0"))),
            Does.StartWith(
                    "No backend is configured. ring: MLX_HOSTFILE is missing (NativeCollectives:Ring:Rank is set)."
                )
                .And.EndsWith("NativeCollectives:Ring:Rank comes from: memory.")
        );

    /// <summary>The exception of forming a group by these settings has the same names.</summary>
    [Test]
    public void AnExceptionOfTheLibraryHasTheKeysToo()
    {
        var settings = DistributedGroupSettings.From(
            Of(("Backend", "ring"), ("Ring:Rank", "1"), ("Ring:Hosts", "a:1,b:1"))
        );
        settings.Ring.Rank = 2;
        Assert.That(
            () => DistributedGroup.Create(settings.ToGroupOptions()),
            Throws.ArgumentException.With.Message.StartsWith(
                "NativeCollectives:Ring:Rank is 2, but NativeCollectives:Ring:Hosts lists 2 ranks, from 0 to 1."
            )
        );
    }

    [Test]
    public void AContradictionTellsWhereBothComeFrom() =>
        Assert.That(
            FaultOf(Of([("SLURM_PROCID", "7")], ("Ring:Hosts", "a:1,b:2"))),
            Is.EqualTo(
                "The environment variable SLURM_PROCID is 7, but NativeCollectives:Ring:Hosts lists 2 ranks, "
                    + "from 0 to 1. NativeCollectives:Ring:Hosts comes from: memory."
            )
        );

    [Test]
    public void StrictNeedsABackend() =>
        Assert.That(FaultOf(Of(("Strict", "true"))), Does.StartWith("No backend is configured."));

    [TestCase("Ring:Hosts:0", "a:1", "Ring:Hosts:2", "b:1", "should count from 0 without gaps")]
    [TestCase("Ring:Hosts:0", "a:1", "Ring:Hosts:x", "b:1", "should count from 0 without gaps")]
    [TestCase("Ring:Hosts:0:0:0", "a:1", "Ring:Rank", "0", "NativeCollectives:Ring:Hosts:0:0 should be a text")]
    public void AListThatIsNoneIsNamed(string key, string value, string otherKey, string otherValue, string expected) =>
        Assert.That(FaultOf(Of((key, value), (otherKey, otherValue))), Does.Contain(expected));

    /// <summary>
    /// .NET merges lists element by element: of a shorter one that is meant to replace a longer one, the tail would be
    /// the longer one's.
    /// </summary>
    [Test]
    public void AListThatComesInPartsFromTwoSourcesIsRefused()
    {
        var configuration = new ConfigurationBuilder()
            .AddJsonStream(
                new MemoryStream(
                    Encoding.UTF8.GetBytes(
                        """{ "NativeCollectives": { "Ring": { "Hosts": [["a:1"], ["b:1"], ["c:1"]] } } }"""
                    )
                )
            )
            .AddInMemoryCollection([KeyValuePair.Create<string, string?>("NativeCollectives:Ring:Hosts:0:0", "x:1")])
            .AddLauncherEnvironment(LookUp())
            .Build();
        Assert.That(
            FaultOf(configuration),
            Does.StartWith("NativeCollectives:Ring:Hosts is a list that comes in parts from ")
                .And.EndWith("but a list should come from one source.")
        );
    }

    [TestCase("a,b,c", null, "a:5000 b:5000 c:5000")]
    [TestCase(
        "n[1-2],m[08-10]x",
        "2(x2),1,1,3",
        "n1:5000 n1:5001 n2:5000 n2:5001 m08x:5000 m09x:5000 m10x:5000 m10x:5001 m10x:5002"
    )]
    [TestCase("r[0-1]n[1,3]", null, "r0n1:5000 r0n3:5000 r1n1:5000 r1n3:5000")]
    public void NodesAndABasePortMakeHosts(string nodes, string? tasks, string expected)
    {
        List<(string, string?)> settings = [("Ring:BasePort", "5000"), ("Ring:Nodes", nodes)];
        if (tasks is not null)
        {
            settings.Add(("Ring:TasksPerNode", tasks));
        }
        var hosts = DistributedGroupSettings.From(Of([.. settings])).Ring.Hosts!;
        Assert.That(string.Join(' ', hosts.Select(host => host.Single())), Is.EqualTo(expected));
    }

    [
        TestCase("a,,b"),
        TestCase("a[]"),
        TestCase("a[1-]"),
        TestCase("a[3-1]"),
        TestCase("a]1["),
        TestCase("a[[1]]"),
        TestCase("a[x]"),
        TestCase("a b")
    ]
    [TestCase("a[1-99999999]"), TestCase("")]
    public void ANodeListThatIsNoneIsRefused(string nodes) => Assert.That(NodeList.Expand(nodes), Is.Null);

    [
        TestCase(""),
        TestCase("0"),
        TestCase("2(x0)"),
        TestCase("2(x"),
        TestCase("(x2)"),
        TestCase("2(x99999999)"),
        TestCase("-1"),
        TestCase("1,,1")
    ]
    public void ATaskCountThatIsNoneIsRefused(string counts) => Assert.That(TaskCounts.Expand(counts), Is.Null);

    [Test]
    public void NodesNeedABasePortAndEquallyManyCounts()
    {
        Assert.That(FaultOf(Of(("Ring:Nodes", "a,b"))), Does.Contain("NativeCollectives:Ring:BasePort is missing"));
        Assert.That(
            FaultOf(Of(("Ring:Nodes", "a,b"), ("Ring:BasePort", "1"), ("Ring:TasksPerNode", "1"))),
            Does.Contain("has 1 numbers, but NativeCollectives:Ring:Nodes has 2 nodes")
        );
        Assert.That(
            FaultOf(Of(("Ring:Nodes", "a"), ("Ring:BasePort", "65535"), ("Ring:TasksPerNode", "2"))),
            Does.Contain("would exceed 65535")
        );
    }

    private static IConfigurationRoot Json(string text) =>
        new ConfigurationBuilder()
            .AddJsonStream(new MemoryStream(Encoding.UTF8.GetBytes(text)))
            .AddLauncherEnvironment(LookUp())
            .Build();
}
