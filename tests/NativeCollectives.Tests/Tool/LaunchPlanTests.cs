using System.Net;
using System.Net.Sockets;
using NativeCollectives.Cli;
using NativeCollectives.Cli.Hosts;
using NativeCollectives.Cli.Launch;

namespace NativeCollectives.Tests.Tool;

/// <summary>The variables of each rank, for each backend: those of mlx.launch.</summary>
[Category("Unit")]
public sealed class LaunchPlanTests
{
    private static readonly HostFile _two = HostFile.Parse(
        """
        [{"ssh": "a", "ips": ["10.0.0.1", "10.0.1.1"], "rdma": [null, "x"]},
        {"ssh": "b", "ips": ["10.0.0.2", "10.0.1.2"], "rdma": [["y"], null]}]
        """,
        "f"
    );

    [Test]
    public void LocalRanksOfARingGetFreePorts()
    {
        var plans = Plan("ring", new() { RepeatHosts = 2 });
        Assert.That(plans.Select(plan => plan.Variables["MLX_RANK"]), Is.EqualTo(new[] { "0", "1" }));
        var file = new KeyValuePair<string, string>("MLX_HOSTFILE", """[["127.0.0.1:1"],["127.0.0.1:2"]]""");
        Assert.That(plans.Select(plan => plan.File), Is.All.EqualTo(file));
        Assert.That(plans[0].Variables.Keys, Is.EquivalentTo(new[] { "MLX_RANK", "NC_BACKEND", "NC_RESTART_COUNT" }));
    }

    [Test]
    public void RemoteRanksOfARingGetThePortsOfMlx()
    {
        var plans = Plan(
            "ring",
            new()
            {
                HostFile = _two,
                ConnectionsPerIp = 2,
                IsVerbose = true,
            }
        );
        Assert.That(
            plans[1].File!.Value.Value,
            Is.EqualTo(
                """[["10.0.0.1:32323","10.0.0.1:32324","10.0.1.1:32325","10.0.1.1:32326"],"""
                    + """["10.0.0.2:32327","10.0.0.2:32328","10.0.1.2:32329","10.0.1.2:32330"]]"""
            )
        );
        Assert.That(plans[1].Variables["MLX_RING_VERBOSE"], Is.EqualTo("1"));
    }

    [Test]
    public void AGivenPortIsTakenAlsoHere() =>
        Assert.That(
            Plan(
                "ring",
                new()
                {
                    RepeatHosts = 2,
                    StartingPort = 5000,
                    Hosts = ["localhost"],
                }
            )[0].File!.Value.Value,
            Is.EqualTo("""[["127.0.0.1:5000"],["127.0.0.1:5001"]]""")
        );

    [Test]
    public void AnIpv6AddressGetsBrackets() =>
        Assert.That(
            Plan("ring", new() { RepeatHosts = 2, Hosts = ["::1"] })[0].File!.Value.Value,
            Is.EqualTo("""[["[::1]:1"],["[::1]:2"]]""")
        );

    [Test]
    public void OneRankGetsNoHostfile()
    {
        var plans = Plan("ring", new());
        Assert.That(plans, Has.Count.EqualTo(1));
        Assert.That(plans[0].File, Is.Null);
    }

    [Test]
    public void NcclRanksGetOneGpuEachOnTheirHost()
    {
        var plans = Plan(
            "nccl",
            new()
            {
                HostFile = _two,
                RepeatHosts = 2,
                IsVerbose = true,
            }
        );
        Assert.That(
            plans.Select(plan => plan.Variables["CUDA_VISIBLE_DEVICES"]),
            Is.EqualTo(new[] { "0", "1", "0", "1" })
        );
        Assert.That(plans.Select(plan => plan.Host.Ssh), Is.EqualTo(new[] { "a", "a", "b", "b" }));
        Assert.That(
            plans.Select(plan => plan.Variables["NCCL_HOST_IP"] + ":" + plan.Variables["NCCL_PORT"]),
            Is.All.EqualTo("10.0.0.1:12345")
        );
        Assert.That(plans.Select(plan => plan.Variables["MLX_WORLD_SIZE"]), Is.All.EqualTo("4"));
        Assert.That(plans.Select(plan => plan.Variables["NCCL_DEBUG"]), Is.All.EqualTo("INFO"));
    }

    [TestCase("jaccl", false)]
    [TestCase("jaccl-ring", true)]
    public void JacclRanksGetTheMatrixAndTheCoordinator(string backend, bool isRing)
    {
        var plans = Plan(backend, new() { HostFile = _two });
        Assert.That(
            plans[1].File,
            Is.EqualTo(new KeyValuePair<string, string>("MLX_IBV_DEVICES", """[[null,"x"],["y",null]]"""))
        );
        Assert.That(plans[1].Variables["MLX_JACCL_COORDINATOR"], Is.EqualTo("10.0.0.1:32323"));
        Assert.That(plans[1].Variables.ContainsKey("MLX_JACCL_RING"), Is.EqualTo(isRing));
    }

    [TestCase("""[{"ssh": "a"}, {"ssh": "b"}]""", "host 0 (a) has no \"rdma\" row")]
    [TestCase(
        """[{"ssh": "a", "rdma": [null, "x"]}, {"ssh": "b", "rdma": [null]}]""",
        "host 1 (b) has an \"rdma\" row of 1 entry"
    )]
    [TestCase(
        """[{"ssh": "a", "rdma": ["x", "x"]}, {"ssh": "b", "rdma": ["x", null]}]""",
        "host 0 (a) has the device x towards itself"
    )]
    [TestCase(
        """[{"ssh": "a", "rdma": [null, "x"]}, {"ssh": "b", "rdma": [null, null]}]""",
        "host 1 (b) has no device towards host 0"
    )]
    public void AMatrixThatDoesNotSuitIsNamed(string json, string expected) =>
        Assert.That(
            () => Plan("jaccl-ring", new() { HostFile = HostFile.Parse(json, "f") }),
            Throws.TypeOf<ToolException>().With.Message.Contains(expected)
        );

    [Test]
    public void JacclNeedsAHostfile() =>
        Assert.That(
            () => Plan("jaccl", new() { RepeatHosts = 2 }),
            Throws.TypeOf<ToolException>().With.Message.Contains("--hostfile")
        );

    [Test]
    public void AnUnknownBackendOfAHostfileIsNamed() =>
        Assert.That(
            () => LaunchBackend.Choose(null, "mpi"),
            Throws.TypeOf<ToolException>().With.Message.Contains("\"mpi\"")
        );

    [Test]
    public void VariablesOfTheCommandLineWin()
    {
        var file = HostFile.Parse(
            """{"envs": ["A=file", "B=file", "C=file"], "hosts": [{"ssh": "a", "envs": ["B=host", "C=host"]}]}""",
            "f"
        );
        var variables = Plan("ring", new() { HostFile = file, Environment = ["C=line", "D=a=b"] }, attempt: 2)[
            0
        ].Variables;
        Assert.That(
            (variables["A"], variables["B"], variables["C"], variables["D"], variables["NC_RESTART_COUNT"]),
            Is.EqualTo(("file", "host", "line", "a=b", "2"))
        );
    }

    [Test]
    public void AHostMayHaveAProgramOfItsOwn()
    {
        var file = HostFile.Parse("""[{"ssh": "a", "command": ["own", "x"], "cwd": "/own"}, {"ssh": "b"}]""", "f");
        var plans = Plan(
            "ring",
            new()
            {
                HostFile = file,
                Python = "python3",
                Folder = "/given",
            }
        );
        Assert.That(
            plans.Select(plan => string.Join(' ', plan.Command)),
            Is.EqualTo(new[] { "own x", "python3 prog" })
        );
        Assert.That(plans.Select(plan => plan.Folder), Is.EqualTo(new[] { "/own", "/given" }));
        Assert.That(
            () => Plan("ring", new() { HostFile = file, Command = [] }, hasCommand: true),
            Throws.TypeOf<ToolException>().With.Message.Contains("no program for rank 1")
        );
    }

    [Test]
    public void ARankThatTheOthersCannotReachIsNamed() =>
        Assert.That(
            () => Plan("ring", new() { Hosts = ["127.0.0.1", "10.0.0.2"] }),
            Throws.TypeOf<ToolException>().With.Message.Contains("cannot reach 127.0.0.1")
        );

    [Test]
    public void PortsEndAt65535() =>
        Assert.That(
            () => Plan("ring", new() { RepeatHosts = 2, StartingPort = 65535 }),
            Throws.TypeOf<ToolException>().With.Message.Contains("65535")
        );

    [Test]
    public void FreePortsAreHeldUntilTheRanksStart()
    {
        using var ports = new FreePorts();
        var port = ports.Next("127.0.0.1");
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            ExclusiveAddressUse = true,
        };
        Assert.That(() => socket.Bind(new IPEndPoint(IPAddress.Loopback, port)), Throws.TypeOf<SocketException>());
        Assert.That(
            () => ports.Next("192.0.2.1"),
            Throws.TypeOf<ToolException>().With.Message.Contains("192.0.2.1 is not an address of this machine")
        );
    }

    private static IReadOnlyList<RankPlan> Plan(
        string backend,
        LaunchOptions options,
        int attempt = 0,
        bool hasCommand = false
    ) =>
        new JobPlanner(hasCommand ? options : options with { Command = ["prog"] }, backend).Plan(
            new Numbers(),
            attempt
        );

    private sealed class Numbers : IPorts
    {
        private int _last;

        public int Next(string address) => ++_last;
    }
}
