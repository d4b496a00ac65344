using NativeCollectives.Hosting;
using static NativeCollectives.Tests.Hosting.Configurations;

namespace NativeCollectives.Tests.Hosting;

/// <summary>What launchers put into the environment becomes settings: every variable, and what it may not be.</summary>
[Category("Unit")]
[CancelAfter(20_000)]
public sealed class LauncherTests
{
    private static readonly (string, string)[] _mlxNccl =
    [
        ("NCCL_HOST_IP", "10.0.0.1"),
        ("NCCL_PORT", "12345"),
        ("MLX_RANK", "1"),
        ("MLX_WORLD_SIZE", "4"),
    ];
    private static readonly (string, string)[] _torchrun =
    [
        ("MASTER_ADDR", "head"),
        ("MASTER_PORT", "29500"),
        ("RANK", "1"),
        ("WORLD_SIZE", "4"),
    ];
    private static readonly (string, string)[] _head =
    [
        ("MISTRALRS_MN_GLOBAL_WORLD_SIZE", "2"),
        ("MISTRALRS_MN_HEAD_NUM_WORKERS", "1"),
        ("MISTRALRS_MN_HEAD_PORT", "9000"),
    ];
    private static readonly (string, string)[] _worker =
    [
        ("MISTRALRS_MN_GLOBAL_WORLD_SIZE", "4"),
        ("MISTRALRS_MN_LOCAL_WORLD_SIZE", "1"),
        ("MISTRALRS_MN_WORKER_SERVER_ADDR", "10.0.0.1:9000"),
        ("MISTRALRS_MN_WORKER_ID", "1"),
    ];

    [TestCase("MLX_RANK", "3", "Ring:Rank", "3", "MLX")]
    [TestCase("MLX_RANK", "3", "Jaccl:Rank", "3", "MLX")]
    [TestCase("MLX_HOSTFILE", "/h.json", "Ring:HostFile", "/h.json", "MLX")]
    [TestCase("JACCL_RANK", "2", "Jaccl:Rank", "2", "MLX")]
    [TestCase("MLX_IBV_DEVICES", "/d.json", "Jaccl:DeviceFile", "/d.json", "MLX")]
    [TestCase("JACCL_IBV_DEVICES", "/d.json", "Jaccl:DeviceFile", "/d.json", "MLX")]
    [TestCase("MLX_JACCL_COORDINATOR", "a:1", "Jaccl:Coordinator", "a:1", "MLX")]
    [TestCase("JACCL_COORDINATOR", "a:1", "Jaccl:Coordinator", "a:1", "MLX")]
    [TestCase("MLX_JACCL_RING", "0", "Jaccl:PreferRing", "true", "MLX")]
    [TestCase("JACCL_RING", "", "Jaccl:PreferRing", "true", "MLX")]
    [TestCase("SLURM_PROCID", "3", "Ring:Rank", "3", "Slurm")]
    [TestCase("SLURM_PROCID", "3", "Jaccl:Rank", "3", "Slurm")]
    [TestCase("SLURM_JOB_NODELIST", "n[1-2]", "Ring:Nodes", "n[1-2]", "Slurm")]
    [TestCase("SLURM_STEP_NODELIST", "n1", "Ring:Nodes", "n1", "Slurm")]
    [TestCase("OMPI_COMM_WORLD_RANK", "3", "Ring:Rank", "3", "Open MPI")]
    [TestCase("PMIX_RANK", "3", "Ring:Rank", "3", "PMIx")]
    [TestCase("PMI_RANK", "3", "Ring:Rank", "3", "PMI")]
    public void AVariableAloneIsASetting(string variable, string value, string key, string expected, string launcher) =>
        Assert.That(
            Origin(key, (variable, value)),
            Is.EqualTo(
                new SettingOrigin($"NativeCollectives:{key}", expected, $"environment variable {variable} ({launcher})")
            )
        );

    [TestCase("SLURM_TASKS_PER_NODE", "SLURM_JOB_NODELIST")]
    [TestCase("SLURM_STEP_TASKS_PER_NODE", "SLURM_STEP_NODELIST")]
    public void SlurmTellsHowManyRanksANodeHas(string counts, string nodes) =>
        Assert.That(
            Origin("Ring:TasksPerNode", (counts, "2(x2)"), (nodes, "n[1-2]"))!.Source,
            Is.EqualTo($"environment variable {counts} (Slurm)")
        );

    [Test]
    public void SlurmAndABasePortMakeARing()
    {
        var ring = DistributedGroupSettings
            .From(
                Of(
                    [
                        ("SLURM_PROCID", "2"),
                        ("SLURM_NTASKS", "3"),
                        ("SLURM_JOB_NODELIST", "n[1-2]"),
                        ("SLURM_TASKS_PER_NODE", "2,1"),
                    ],
                    ("Ring:BasePort", "5000")
                )
            )
            .Ring;
        Assert.That(ring.Rank, Is.EqualTo(2));
        Assert.That(ring.Hosts, Is.EqualTo(new string[][] { ["n1:5000"], ["n1:5001"], ["n2:5000"] }));
    }

    [Test]
    public void TheNumberOfRanksOfANodeCanBeAnotherThanSlurms() =>
        Assert.That(
            DistributedGroupSettings
                .From(
                    Of(
                        [("SLURM_JOB_NODELIST", "n[1-2]"), ("SLURM_TASKS_PER_NODE", "8(x2)")],
                        ("Ring:BasePort", "5000"),
                        ("Ring:TasksPerNode", "1,1")
                    )
                )
                .Ring.Hosts,
            Is.EqualTo(new string[][] { ["n1:5000"], ["n2:5000"] })
        );

    [TestCase("cyclic"), TestCase("plane=2"), TestCase("arbitrary")]
    public void OfAnotherDistributionThanBlocksSlurmsNodesTellNothing(string distribution) =>
        Assert.That(
            Origin("Ring:Nodes", ("SLURM_JOB_NODELIST", "n[1-2]"), ("SLURM_DISTRIBUTION", distribution)),
            Is.Null
        );

    [Test]
    public void TorchrunsRankCountsWithASizeOnly()
    {
        Assert.That(Origin("Ring:Rank", ("RANK", "gold")), Is.Null);
        Assert.That(
            Origin("Ring:Rank", ("RANK", "1"), ("WORLD_SIZE", "2"))!.Source,
            Is.EqualTo("environment variable RANK (torchrun)")
        );
    }

    [TestCase("MLX_RANK", "Ring:Rank"), TestCase("JACCL_RANK", "Jaccl:Rank"), TestCase("SLURM_PROCID", "Ring:Rank")]
    [TestCase("OMPI_COMM_WORLD_RANK", "Ring:Rank")]
    [
        TestCase("PMIX_RANK", "Ring:Rank"),
        TestCase("PMI_RANK", "Ring:Rank"),
        TestCase("MLX_JACCL_COORDINATOR", "Jaccl:Coordinator")
    ]
    [TestCase("JACCL_COORDINATOR", "Jaccl:Coordinator")]
    [TestCase("SLURM_JOB_NODELIST", "Ring:Nodes"), TestCase("SLURM_STEP_NODELIST", "Ring:Nodes")]
    public void AMalformedVariableIsNamed(string variable, string key)
    {
        var faults = FaultsOf(Of([(variable, "1 x[")], []));
        Assert.That(
            faults[0],
            Does.StartWith($"NativeCollectives:{key} is \"1 x[\", but should be ")
                .And.Contain($"It comes from: environment variable {variable} (")
        );
    }

    [
        TestCase("MLX_HOSTFILE", "Ring:HostFile"),
        TestCase("MLX_IBV_DEVICES", "Jaccl:DeviceFile"),
        TestCase("JACCL_IBV_DEVICES", "Jaccl:DeviceFile")
    ]
    public void AnEmptyPathIsNamed(string variable, string key) =>
        Assert.That(
            FaultOf(Of([(variable, "")], [])),
            Is.EqualTo(
                $"NativeCollectives:{key} is \"\", but should be a path. It comes from: environment variable "
                    + $"{variable} (MLX)."
            )
        );

    [Test]
    public void MlxsNcclRanks()
    {
        var nccl = DistributedGroupSettings.From(Of([.. _mlxNccl, ("MLX_NCCL_TIMEOUT", "1500")], []));
        Assert.That(
            (nccl.Nccl.Rank, nccl.Nccl.Size, nccl.Nccl.Rendezvous, nccl.Nccl.Bootstrap),
            Is.EqualTo((1, 4, "10.0.0.1:12345", NcclBootstrap.Mlx))
        );
        Assert.That(nccl.FormingTimeout, Is.EqualTo(TimeSpan.FromSeconds(1.5)));
        Assert.That(
            Origin("Nccl:Rendezvous", _mlxNccl)!.Source,
            Is.EqualTo("environment variables NCCL_HOST_IP, NCCL_PORT (MLX)")
        );
        Assert.That(Origin("Nccl:Size", _mlxNccl)!.Source, Is.EqualTo("environment variable MLX_WORLD_SIZE (MLX)"));
    }

    [
        TestCase("NCCL_HOST_IP", "a b"),
        TestCase("NCCL_PORT", "0"),
        TestCase("MLX_WORLD_SIZE", "four"),
        TestCase("MLX_NCCL_TIMEOUT", "5s")
    ]
    [TestCase("NC_NCCL_BOOTSTRAP", "mpi")]
    public void AMalformedVariableOfMlxsNcclRanksIsNamed(string variable, string value) =>
        AssertNamed(_mlxNccl, variable, value);

    [
        TestCase("MASTER_ADDR", "a b"),
        TestCase("MASTER_PORT", "x"),
        TestCase("WORLD_SIZE", "0"),
        TestCase("LOCAL_RANK", "x")
    ]
    public void AMalformedVariableOfTorchrunIsNamed(string variable, string value) =>
        AssertNamed(_torchrun, variable, value);

    [
        TestCase("MISTRALRS_MN_GLOBAL_WORLD_SIZE", "0"),
        TestCase("MISTRALRS_MN_LOCAL_WORLD_SIZE", "x"),
        TestCase("MISTRALRS_MN_WORKER_SERVER_ADDR", "head:1")
    ]
    [TestCase("MISTRALRS_MN_WORKER_ID", "9")]
    public void AMalformedVariableOfMistralsWorkerIsNamed(string variable, string value) =>
        AssertNamed(_worker, variable, value);

    [
        TestCase("MISTRALRS_MN_HEAD_NUM_WORKERS", "5"),
        TestCase("MISTRALRS_MN_HEAD_PORT", "x"),
        TestCase("__MISTRALRS_DAEMON_INTERNAL", "{")
    ]
    public void AMalformedVariableOfMistralsHeadIsNamed(string variable, string value) =>
        AssertNamed(_head, variable, value);

    [Test]
    public void AMalformedIdOfNcclIsNamed() =>
        AssertNamed([("RANK", "0"), ("WORLD_SIZE", "2")], "NCCL_COMM_ID", "here");

    /// <summary>Backends that are not meant do not mind.</summary>
    [Test]
    public void WhatIsWrongWithNcclIsNoFaultOfARing() =>
        Assert.That(
            DistributedGroupSettings
                .From(Of([.. _torchrun[1..], ("MASTER_ADDR", "a b")], ("Backend", "ring"), ("Ring:Hosts", "a:1,b:1")))
                .Ring.Rank,
            Is.EqualTo(1)
        );

    [Test]
    public void TorchrunsNcclRanks()
    {
        var nccl = DistributedGroupSettings.From(Of([.. _torchrun, ("TORCHELASTIC_USE_AGENT_STORE", "True")], [])).Nccl;
        Assert.That(
            (nccl.Rank, nccl.Size, nccl.Rendezvous, nccl.Bootstrap),
            Is.EqualTo((1, 4, "head:29501", NcclBootstrap.Torchrun))
        );
    }

    [Test]
    public void MistralsHeadsAndWorkers()
    {
        var worker = DistributedGroupSettings.From(Of(_worker, [])).Nccl;
        Assert.That(
            (worker.Rank, worker.Size, worker.Rendezvous, worker.Bootstrap),
            Is.EqualTo((2, 4, (string?)null, NcclBootstrap.Mistral))
        );
        var head = DistributedGroupSettings.From(Of(_head, [])).Nccl;
        Assert.That((head.Rank, head.Size), Is.EqualTo((0, 2)));
        Assert.That(Origin("Nccl:Bootstrap", [.. _worker, ("MISTRALRS_NO_NCCL", "1")]), Is.Null);
    }

    [
        TestCase("SLURM_PROCID", "SLURM_NTASKS", "Slurm"),
        TestCase("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "Open MPI")
    ]
    [TestCase("PMI_RANK", "PMI_SIZE", "PMI")]
    [TestCase("RANK", "WORLD_SIZE", "torchrun"), TestCase("MLX_RANK", "MLX_WORLD_SIZE", "MLX")]
    public void RankAndSizeCompleteARendezvous(string rank, string size, string launcher)
    {
        var configuration = Of(
            [(rank, "1"), (size, "4")],
            ("Nccl:Rendezvous", "head:5000"),
            ("Backend", "nccl"),
            ("Strict", "true")
        );
        var nccl = DistributedGroupSettings.From(configuration).Nccl;
        Assert.That((nccl.Rank, nccl.Size), Is.EqualTo((1, 4)));
        Assert.That(
            ConfigurationTrace.Of(configuration).Single(origin => origin.Key == "NativeCollectives:Nccl:Size").Source,
            Is.EqualTo($"environment variable {size} ({launcher})")
        );
    }

    /// <summary>The order that docs/hosting.md tells.</summary>
    [Test]
    public void TheFirstLauncherWins()
    {
        (string Variable, string Launcher)[] ranks =
        [
            ("MLX_RANK", "MLX"),
            ("RANK", "torchrun"),
            ("SLURM_PROCID", "Slurm"),
            ("OMPI_COMM_WORLD_RANK", "Open MPI"),
            ("PMIX_RANK", "PMIx"),
            ("PMI_RANK", "PMI"),
        ];
        for (var first = 0; first < ranks.Length; first++)
        {
            var variables = ranks[first..]
                .Select((rank, index) => (rank.Variable, $"{index}"))
                .Append(("WORLD_SIZE", "9"))
                .ToArray();
            Assert.That(
                Origin("Ring:Rank", variables)!.Source,
                Is.EqualTo($"environment variable {ranks[first].Variable} ({ranks[first].Launcher})")
            );
        }
    }

    [Test]
    public void ConfigurationWinsOverLaunchersAndCodeOverBoth()
    {
        (string, string)[] mlx = [("MLX_RANK", "1"), ("MLX_HOSTFILE", "/h.json"), ("MLX_IBV_DEVICES", "/d.json")];
        var settings = DistributedGroupSettings.From(
            Of(
                mlx,
                ("Ring:Rank", "0"),
                ("Ring:Hosts", "a:1,b:2"),
                ("Jaccl:Devices:0:0", ""),
                ("Jaccl:Devices:0:1", "x"),
                ("Jaccl:Devices:1:0", "x"),
                ("Jaccl:Devices:1:1", "")
            )
        );
        Assert.That(
            (settings.Ring.Rank, settings.Ring.HostFile, settings.Jaccl.DeviceFile),
            Is.EqualTo((0, (string?)null, (string?)null))
        );
        Assert.That(settings.Jaccl.Rank, Is.EqualTo(1));
    }

    [Test]
    public void MistralsFileOfTwoRanksMakesARing()
    {
        WithFile(
            """
            {"master_ip":"10.0.0.1","master_port":1234,"port":12345,
            "right_port":12346,"right_ip":"10.0.0.2","rank":0,"world_size":2}
            """,
            file =>
            {
                var ring = DistributedGroupSettings.From(Of([("RING_CONFIG", file)], [])).Ring;
                Assert.That(
                    (ring.Rank, ring.Hosts),
                    Is.EqualTo((0, new string[][] { ["0.0.0.0:12345"], ["10.0.0.2:12346"] }))
                );
            }
        );
        WithFile(
            """{"port":12346,"right_port":12345,"rank":1,"world_size":2}""",
            file =>
            {
                var ring = DistributedGroupSettings.From(Of([("RING_CONFIG", file)], [])).Ring;
                Assert.That(
                    (ring.Rank, ring.Hosts),
                    Is.EqualTo((1, new string[][] { ["127.0.0.1:12345"], ["0.0.0.0:12346"] }))
                );
            }
        );
    }

    [TestCase(
        """{"port":1,"right_port":2,"rank":3,"world_size":4}""",
        "describes rank 3 of 4, but tells only where it and its right neighbour are"
    )]
    [TestCase(
        """{"port":1,"right_port":2,"rank":2,"world_size":2}""",
        "has 2 as \"rank\", but should be a number from 0 to 1."
    )]
    [TestCase("""{"port":0,"right_port":2,"rank":1,"world_size":2}""", "has 0 as \"port\"")]
    [TestCase("""{"port":1,"right_port":"2","rank":1,"world_size":2}""", "has \"2\" as \"right_port\"")]
    [TestCase("""{"port":1,"right_port":2,"rank":1}""", "has no \"world_size\"")]
    [TestCase(
        """{"port":1,"right_port":2,"right_ip":"host","rank":1,"world_size":2}""",
        "has \"host\" as \"right_ip\""
    )]
    [TestCase("[]", "holds no JSON object.")]
    [TestCase("{", "is not JSON:")]
    public void MistralsFileThatMakesNoRingIsNamed(string text, string expected) =>
        WithFile(
            text,
            file =>
            {
                var fault = FaultOf(Of([("RING_CONFIG", file)], []));
                Assert.That(
                    fault,
                    Does.StartWith($"The file {file}, named by the environment variable RING_CONFIG, {expected}")
                );
                Assert.That(
                    DistributedGroupSettings
                        .From(Of([("RING_CONFIG", file), ("MLX_RANK", "0")], ("Ring:HostFile", "x")))
                        .Ring.HostFile,
                    Is.EqualTo("x"),
                    "who configures hosts does not need it"
                );
            }
        );

    [TestCase("/no/such/file"), TestCase("")]
    public void MistralsFileThatIsNotThereIsNamed(string path) =>
        Assert.That(
            FaultOf(Of([("RING_CONFIG", path)], [])),
            Does.StartWith(
                $"The environment variable RING_CONFIG is \"{path}\", but should be the path of a JSON file."
            )
        );

    /// <summary>
    /// A group formed by the settings is the one that the library would form by the environment alone.
    /// </summary>
    [TestCaseSource(nameof(Environments))]
    public void SettingsAgreeWithTheLibrary((string, string)[] variables)
    {
        var environment = new LaunchEnvironment(LookUp(variables));
        var alone = GroupPlan.Make(new DistributedGroupOptions(), environment, _ => null);
        var settings = DistributedGroupSettings.From(Of(variables, []));
        var hosted = GroupPlan.Make(settings.ToGroupOptions(), settings.Environment, _ => null);
        Assert.Multiple(() =>
        {
            Assert.That(
                (hosted.Configuration?.Backend, hosted.Configuration?.Rank),
                Is.EqualTo((alone.Configuration?.Backend, alone.Configuration?.Rank))
            );
            Assert.That(hosted.Configuration?.Settings ?? [], Is.EquivalentTo(alone.Configuration?.Settings ?? []));
            Assert.That(hosted.FormingTimeout, Is.EqualTo(alone.FormingTimeout));
            Assert.That((hosted.Warning, hosted.Note), Is.EqualTo((alone.Warning, alone.Note)));
        });
    }

    private static readonly (string, string)[][] _environments =
    [
        [("MLX_RANK", "1"), ("MLX_HOSTFILE", "/h.json")],
        [
            ("MLX_RANK", "1"),
            ("JACCL_RANK", "0"),
            ("MLX_IBV_DEVICES", "/d.json"),
            ("MLX_JACCL_COORDINATOR", "a:1"),
            ("MLX_JACCL_RING", "0"),
        ],
        _mlxNccl,
        [.. _mlxNccl, ("MLX_NCCL_TIMEOUT", "2000"), ("LOCAL_RANK", "3")],
        [.. _mlxNccl, .. _torchrun, ("LOCAL_RANK", "1"), ("NC_NCCL_BOOTSTRAP", "torchrun")],
        [.. _torchrun, ("LOCAL_RANK", "1"), ("MLX_RANK", "7")],
        [.. _torchrun, ("TORCHELASTIC_USE_AGENT_STORE", "True")],
        [
            ("MASTER_ADDR", "head"),
            ("MASTER_PORT", "1"),
            ("SLURM_PROCID", "1"),
            ("SLURM_NTASKS", "2"),
            ("SLURM_LOCALID", "1"),
        ],
        [
            ("MASTER_ADDR", "head"),
            ("MASTER_PORT", "1"),
            ("OMPI_COMM_WORLD_RANK", "1"),
            ("OMPI_COMM_WORLD_SIZE", "2"),
            ("OMPI_COMM_WORLD_LOCAL_RANK", "0"),
        ],
        [("MASTER_ADDR", "head"), ("MASTER_PORT", "1"), ("RANK", "0"), ("WORLD_SIZE", "1")],
        _worker,
        [.. _worker, .. _torchrun[..2]],
        [("NCCL_COMM_ID", "head:1"), ("RANK", "1"), ("WORLD_SIZE", "2"), ("LOCAL_RANK", "0")],
        [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "1")],
        [
            ("SLURM_PROCID", "1"),
            ("SLURM_NTASKS", "2"),
            ("SLURM_STEP_ID", "0"),
            ("SLURM_JOB_ID", "7"),
            ("MLX_HOSTFILE", "/h.json"),
        ],
        [
            ("OMPI_COMM_WORLD_RANK", "1"),
            ("OMPI_COMM_WORLD_SIZE", "2"),
            ("MLX_IBV_DEVICES", "/d.json"),
            ("MLX_JACCL_COORDINATOR", "a:1"),
        ],
        [.. _torchrun, ("MLX_HOSTFILE", "/h.json")],
        [.. _torchrun, ("MLX_RANK", "0"), ("MLX_HOSTFILE", "/h.json")],
        [.. _torchrun, ("MLX_RANK", "0"), ("MLX_HOSTFILE", "/h.json"), ("NC_BACKEND", "nccl")],
        [.. _mlxNccl, ("MLX_HOSTFILE", "/h.json"), ("NC_BACKEND", "ring")],
        [.. _mlxNccl, ("MLX_HOSTFILE", "/h.json"), ("MLX_NCCL_TIMEOUT", "2000")],
        [
            ("NCCL_HOST_IP", "a"),
            ("NCCL_PORT", "1"),
            ("MLX_RANK", "0"),
            ("MLX_WORLD_SIZE", "1"),
            ("MLX_HOSTFILE", "/h.json"),
        ],
        [
            ("MLX_RANK", "0"),
            ("MLX_HOSTFILE", "/h.json"),
            ("RANK", "x"),
            ("WORLD_SIZE", "y"),
            ("MASTER_ADDR", "a b"),
            ("MASTER_PORT", ""),
        ],
        [("PMIX_RANK", "1"), ("MLX_HOSTFILE", "/h.json")],
        [("MLX_RANK", "1")],
        [("NC_BACKEND", "jaccl")],
        [("OMPI_COMM_WORLD_RANK", "0"), ("OMPI_COMM_WORLD_SIZE", "4")],
        [],
    ];

    private static IEnumerable<TestCaseData> Environments() =>
        _environments.Select(variables =>
            new TestCaseData((object)variables).SetArgDisplayNames(
                variables.Length == 0
                    ? "nothing"
                    : string.Join(' ', variables.Select(variable => $"{variable.Item1}={variable.Item2}"))
            )
        );

    private static void AssertNamed((string, string)[] others, string variable, string value)
    {
        var fault = FaultsOf(Of([.. others.Where(other => other.Item1 != variable), (variable, value)], []));
        Assert.That(string.Join('\n', fault), Does.Contain(variable).And.Contain(value));
    }

    private static SettingOrigin? Origin(string key, params (string, string)[] variables) =>
        ConfigurationTrace.Of(Of(variables, [])).SingleOrDefault(origin => origin.Key == $"NativeCollectives:{key}");

    private static void WithFile(string text, Action<string> use)
    {
        var path = Path.Combine(Path.GetTempPath(), $"nc-ring-config-{Guid.NewGuid():N}.json");
        File.WriteAllText(path, text);
        try
        {
            use(path);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
