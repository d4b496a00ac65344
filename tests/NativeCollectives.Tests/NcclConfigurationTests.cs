using System.Globalization;

namespace NativeCollectives.Tests;

/// <summary>Which NCCL group the options and the environment ask for.</summary>
[TestFixture]
[Category("Unit")]
[CancelAfter(10_000)]
public sealed class NcclConfigurationTests
{
    private static readonly (string Name, string Value)[] Mlx =
    [
        ("NCCL_HOST_IP", "10.0.0.1"),
        ("NCCL_PORT", "5000"),
        ("MLX_RANK", "1"),
        ("MLX_WORLD_SIZE", "4"),
    ];

    private static readonly (string Name, string Value)[] Torchrun =
    [
        ("MASTER_ADDR", "node0"),
        ("MASTER_PORT", "29500"),
        ("RANK", "3"),
        ("WORLD_SIZE", "8"),
        ("LOCAL_RANK", "1"),
    ];

    private static readonly (string Name, string Value)[] CommId =
    [
        ("NCCL_COMM_ID", "10.0.0.9:4000"),
        ("RANK", "2"),
        ("WORLD_SIZE", "3"),
    ];

    private static readonly (string Name, string Value)[] Head =
    [
        ("MISTRALRS_MN_GLOBAL_WORLD_SIZE", "3"),
        ("MISTRALRS_MN_HEAD_NUM_WORKERS", "2"),
        ("MISTRALRS_MN_HEAD_PORT", "7000"),
    ];

    private static readonly (string Name, string Value)[] Worker =
    [
        ("MISTRALRS_MN_GLOBAL_WORLD_SIZE", "3"),
        ("MISTRALRS_MN_WORKER_SERVER_ADDR", "10.0.0.1:7000"),
        ("MISTRALRS_MN_WORKER_ID", "1"),
    ];

    private static readonly NcclUniqueId Id = new([
        .. Enumerable.Range(0, NcclUniqueId.Size).Select(value => (byte)value),
    ]);

    [Test]
    public void NothingIsNoConfiguration()
    {
        BackendConfiguration configuration = Read(new NcclOptions());
        Assert.That(
            configuration.Missing,
            Is.EqualTo(new[] { "NCCL_HOST_IP", "NCCL_PORT", "MLX_RANK", "MLX_WORLD_SIZE" })
        );
        Assert.That(configuration.Given, Is.Empty);
        Assert.That(Read(null).Missing, Is.EqualTo(configuration.Missing));
    }

    [Test]
    public void MlxsLauncher([Values(NcclBootstrap.Auto, NcclBootstrap.Mlx)] NcclBootstrap bootstrap)
    {
        var options = new NcclOptions { Bootstrap = bootstrap };
        BackendConfiguration configuration = Read(options, [.. Mlx, ("LOCAL_RANK", "7")]);
        AssertIs(configuration, 1, ("size", "4"), ("rendezvous", "10.0.0.1:5000"), ("staging_bytes", "0"));
        Assert.That(configuration.FormingTimeout, Is.Null);
        options.StagingBytes = 1024;
        options.Device = 2;
        AssertIs(
            Read(options, Mlx),
            1,
            ("size", "4"),
            ("rendezvous", "10.0.0.1:5000"),
            ("device", "2"),
            ("staging_bytes", "1024")
        );
    }

    [Test]
    public void MlxsTimeoutIsTheFormingTimeoutUnlessTheProgramSetsOne()
    {
        (string, string)[] variables = [.. Mlx, ("MLX_NCCL_TIMEOUT", "1500")];
        Assert.That(
            Plan(new DistributedGroupOptions(), variables).FormingTimeout,
            Is.EqualTo(TimeSpan.FromMilliseconds(1500))
        );
        Assert.That(Plan(new DistributedGroupOptions(), Mlx).FormingTimeout, Is.EqualTo(TimeSpan.FromSeconds(60)));
        var options = new DistributedGroupOptions { FormingTimeout = TimeSpan.FromSeconds(60) };
        Assert.That(Plan(options, variables).FormingTimeout, Is.EqualTo(TimeSpan.FromSeconds(60)));
        Assert.That(
            Plan(new DistributedGroupOptions(), [.. Torchrun, ("MLX_NCCL_TIMEOUT", "1500")]).FormingTimeout,
            Is.EqualTo(TimeSpan.FromSeconds(60)),
            "the variable is MLX's"
        );
        AssertMalformed(
            [.. Mlx, ("MLX_NCCL_TIMEOUT", "0")],
            "MLX_NCCL_TIMEOUT is \"0\", but should be a time limit in milliseconds"
        );
    }

    [Test]
    public void TorchrunsVariables([Values(NcclBootstrap.Auto, NcclBootstrap.Torchrun)] NcclBootstrap bootstrap)
    {
        var options = new NcclOptions { Bootstrap = bootstrap };
        AssertIs(Read(options, Torchrun), 3, ("size", "8"), ("rendezvous", "node0:29500"), ("local_rank", "1"));
        AssertIs(Read(options, Without(Torchrun, "LOCAL_RANK")), 3, ("size", "8"), ("rendezvous", "node0:29500"));
        options.Device = 5;
        AssertIs(Read(options, Torchrun), 3, ("size", "8"), ("rendezvous", "node0:29500"), ("device", "5"));
    }

    [TestCase("True", "29501")]
    [TestCase("False", "29500")]
    public void WhereTorchrunsAgentListensTheNextPortIsUsed(string agentStore, string port) =>
        AssertIs(
            Read(null, [.. Torchrun, ("TORCHELASTIC_USE_AGENT_STORE", agentStore)]),
            3,
            ("size", "8"),
            ("rendezvous", $"node0:{port}"),
            ("local_rank", "1")
        );

    [Test]
    public void AfterTheLastPortThereIsNoNextOne() =>
        AssertMalformed(
            [.. With(Torchrun, "MASTER_PORT", "65535"), ("TORCHELASTIC_USE_AGENT_STORE", "True")],
            "MASTER_PORT is \"65535\", but should be at most 65534"
        );

    [Test]
    public void AnIPv6AddressGetsBrackets()
    {
        Assert.That(
            Setting(Read(null, With(Torchrun, "MASTER_ADDR", "fe80::1")), "rendezvous"),
            Is.EqualTo("[fe80::1]:29500")
        );
        Assert.That(Setting(Read(null, With(Mlx, "NCCL_HOST_IP", "::1")), "rendezvous"), Is.EqualTo("[::1]:5000"));
        Assert.That(
            Setting(Read(null, With(Worker, "MISTRALRS_MN_WORKER_SERVER_ADDR", "[::1]:7000")), "rendezvous"),
            Is.EqualTo("[::1]:7000")
        );
        Assert.That(
            Setting(
                Read(
                    new NcclOptions
                    {
                        Rank = 0,
                        Size = 2,
                        Rendezvous = "[::1]:80",
                    }
                ),
                "rendezvous"
            ),
            Is.EqualTo("[::1]:80")
        );
    }

    [TestCase("10.0.0.9:4000")]
    [TestCase("[fe80::1%eth0]:4000")]
    [TestCase("node0:4000")]
    public void NcclsOwnAddress(string address)
    {
        foreach (NcclBootstrap bootstrap in new[] { NcclBootstrap.Auto, NcclBootstrap.CommId })
        {
            AssertIs(
                Read(new NcclOptions { Bootstrap = bootstrap }, With(CommId, "NCCL_COMM_ID", address)),
                2,
                ("size", "3"),
                ("comm_id", "environment")
            );
        }
    }

    [TestCase("RANK", "WORLD_SIZE")]
    [TestCase("MLX_RANK", "MLX_WORLD_SIZE")]
    [TestCase("SLURM_PROCID", "SLURM_NTASKS")]
    [TestCase("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE")]
    [TestCase("PMI_RANK", "PMI_SIZE")]
    public void RankAndSizeComeFromAnyLauncher(string rank, string size)
    {
        AssertIs(
            Read(null, ("NCCL_COMM_ID", "a:1"), (rank, "2"), (size, "3")),
            2,
            ("size", "3"),
            ("comm_id", "environment")
        );
        AssertIs(
            Read(null, ("MASTER_ADDR", "a"), ("MASTER_PORT", "1"), (rank, "2"), (size, "3")),
            2,
            ("size", "3"),
            ("rendezvous", "a:1")
        );
        AssertIs(
            Read(new NcclOptions { Rendezvous = "a:1" }, (rank, "2"), (size, "3")),
            2,
            ("size", "3"),
            ("rendezvous", "a:1")
        );
        AssertIs(
            Read(new NcclOptions { UniqueId = Id }, (rank, "2"), (size, "3")),
            2,
            ("size", "3"),
            ("id", Id.ToString())
        );
        AssertIs(
            Read(new NcclOptions { UniqueId = Id, Rank = 1 }, (size, "3")),
            1,
            ("size", "3"),
            ("id", Id.ToString())
        );
        AssertIs(
            Read(new NcclOptions { UniqueId = Id, Size = 4 }, (rank, "2")),
            2,
            ("size", "4"),
            ("id", Id.ToString())
        );
    }

    [Test]
    public void RankAndSizeAreFromTheSameLauncher() =>
        AssertIs(
            Read(
                null,
                ("NCCL_COMM_ID", "a:1"),
                ("RANK", "7"),
                ("SLURM_PROCID", "1"),
                ("SLURM_NTASKS", "2"),
                ("PMI_RANK", "0"),
                ("PMI_SIZE", "9")
            ),
            1,
            ("size", "2"),
            ("comm_id", "environment")
        );

    [TestCase("LOCAL_RANK")]
    [TestCase("SLURM_LOCALID")]
    [TestCase("OMPI_COMM_WORLD_LOCAL_RANK")]
    public void TheLocalRankComesFromAnyLauncher(string variable)
    {
        Assert.That(Setting(Read(null, [.. CommId, (variable, "4")]), "local_rank"), Is.EqualTo("4"));
        Assert.That(Setting(Read(new NcclOptions { Size = 1 }, (variable, "4")), "local_rank"), Is.EqualTo("4"));
        Assert.That(Setting(Read(null, [.. Mlx, (variable, "4")]), "local_rank"), Is.Null, "MLX goes by the rank");
        AssertMalformed([.. CommId, (variable, "x")], $"{variable} is \"x\", but should be a rank");
    }

    [Test]
    public void SlurmAloneIsNoConfiguration()
    {
        (string, string)[] slurm = [("SLURM_PROCID", "1"), ("SLURM_NTASKS", "2"), ("SLURM_LOCALID", "1")];
        Assert.That(Read(null, slurm).IsConfigured, Is.False);
        Assert.That(Plan(new DistributedGroupOptions(), slurm).Configuration, Is.Null);
        Assert.That(
            Plan(new DistributedGroupOptions(), slurm).Warning,
            Does.Contain("Slurm seems to have started several")
        );
    }

    [Test]
    public void TheFirstThatIsCompleteIsTaken()
    {
        Assert.That(Setting(Read(null, [.. CommId, .. Mlx]), "comm_id"), Is.EqualTo("environment"));
        Assert.That(Setting(Read(null, [.. Mlx, .. Torchrun]), "rendezvous"), Is.EqualTo("10.0.0.1:5000"));
        Assert.That(Setting(Read(null, [.. Torchrun, .. Head]), "rendezvous"), Is.EqualTo("node0:29500"));
        Assert.That(
            Setting(Read(null, [.. Without(Mlx, "NCCL_PORT"), .. Torchrun]), "rendezvous"),
            Is.EqualTo("node0:29500")
        );
        Assert.That(
            Setting(Read(null, [.. Without(Torchrun, "MASTER_PORT"), .. Head]), "rendezvous"),
            Is.EqualTo("127.0.0.1:7000")
        );
        Assert.That(
            Setting(Read(new NcclOptions { Rendezvous = "mine:1" }, [.. CommId, .. Mlx]), "rendezvous"),
            Is.EqualTo("mine:1")
        );
    }

    [TestCase("mlx", "10.0.0.1:5000")]
    [TestCase("torchrun", "node0:29500")]
    [TestCase("mistral", "127.0.0.1:7000")]
    [TestCase("comm_id", null)]
    [TestCase("auto", null)]
    public void AVariableSelectsTheEnvironment(string bootstrap, string? rendezvous)
    {
        (string, string)[] variables =
        [
            .. CommId,
            .. Mlx,
            .. Without(Without(Torchrun, "RANK"), "WORLD_SIZE"),
            .. Head,
            ("NC_NCCL_BOOTSTRAP", bootstrap),
        ];
        Assert.That(Setting(Read(null, variables), "rendezvous"), Is.EqualTo(rendezvous));
        Assert.That(
            Setting(Read(new NcclOptions { Bootstrap = NcclBootstrap.Mlx }, variables), "rendezvous"),
            Is.EqualTo("10.0.0.1:5000"),
            "the option wins"
        );
    }

    [Test]
    public void AnUnknownSelectionIsAnError([Values("", "MLX", "mpi")] string bootstrap) =>
        AssertMalformed(
            [.. Mlx, ("NC_NCCL_BOOTSTRAP", bootstrap)],
            $"NC_NCCL_BOOTSTRAP is \"{bootstrap}\", but should be auto, mlx, torchrun, mistral or comm_id."
        );

    [Test]
    public void WhatIsSelectedIsWhatIsMissing()
    {
        Assert.That(
            Missing(NcclBootstrap.Mlx, Torchrun),
            Is.EqualTo(new[] { "NCCL_HOST_IP", "NCCL_PORT", "MLX_RANK", "MLX_WORLD_SIZE" })
        );
        Assert.That(Missing(NcclBootstrap.Torchrun, Mlx), Is.EqualTo(new[] { "MASTER_ADDR", "MASTER_PORT" }));
        Assert.That(Missing(NcclBootstrap.CommId, Torchrun), Is.EqualTo(new[] { "NCCL_COMM_ID" }));
        Assert.That(
            Missing(NcclBootstrap.Mistral, Mlx),
            Is.EqualTo(
                new[]
                {
                    "MISTRALRS_MN_GLOBAL_WORLD_SIZE",
                    "MISTRALRS_MN_HEAD_NUM_WORKERS or MISTRALRS_MN_WORKER_SERVER_ADDR",
                }
            )
        );
    }

    [TestCase("NCCL_HOST_IP")]
    [TestCase("NCCL_PORT")]
    [TestCase("MLX_RANK")]
    [TestCase("MLX_WORLD_SIZE")]
    public void EachOfMlxsVariablesIsNeeded(string variable) => AssertMissing(Mlx, variable);

    [TestCase("MASTER_PORT")]
    [TestCase("RANK")]
    [TestCase("WORLD_SIZE")]
    public void EachOfTorchrunsVariablesIsNeeded(string variable) => AssertMissing(Torchrun, variable);

    [TestCase("RANK")]
    [TestCase("WORLD_SIZE")]
    public void AnAddressOfNcclNeedsRankAndSize(string variable) => AssertMissing(CommId, variable);

    [TestCase("MISTRALRS_MN_HEAD_NUM_WORKERS")]
    [TestCase("MISTRALRS_MN_HEAD_PORT")]
    public void EachOfTheHeadsVariablesIsNeeded(string variable) => AssertMissing(Head, variable);

    [TestCase("MISTRALRS_MN_WORKER_SERVER_ADDR")]
    [TestCase("MISTRALRS_MN_WORKER_ID")]
    public void EachOfAWorkersVariablesIsNeeded(string variable) => AssertMissing(Worker, variable);

    [Test]
    public void TheMissingAreToldTogetherWithTheGiven()
    {
        BackendUnavailableException error = Assert.Throws<BackendUnavailableException>(() =>
            Plan(
                new DistributedGroupOptions { Backend = BackendKind.Nccl, Strict = true },
                ("MASTER_ADDR", "a"),
                ("RANK", "0")
            )
        )!;
        Assert.That(
            error.Message,
            Is.EqualTo(
                "No backend is configured. nccl: MASTER_PORT, WORLD_SIZE are missing (MASTER_ADDR, RANK are set)."
            )
        );
        GroupPlan plan = Plan(
            new DistributedGroupOptions
            {
                Nccl = new NcclOptions { UniqueId = Id, Rank = 0 },
            }
        );
        Assert.That(
            plan.Warning,
            Does.Contain("nccl: WORLD_SIZE is missing (NcclOptions.UniqueId, NcclOptions.Rank are set)")
        );
    }

    [Test]
    public void MalformedValues([Values("", " ", "-1", "+1", "1x", "2147483648")] string value)
    {
        const string Rank = "a rank: a decimal number from 0, of digits only";
        const string Size = "a number of ranks: a decimal number from 1, of digits only";
        const string Port = "a port: a decimal number from 1 to 65535";
        AssertMalformed(
            With(Mlx, "MLX_RANK", value),
            $"The environment variable MLX_RANK is \"{value}\", but should be {Rank}."
        );
        AssertMalformed(
            With(Mlx, "MLX_WORLD_SIZE", value),
            $"The environment variable MLX_WORLD_SIZE is \"{value}\", but should be {Size}."
        );
        AssertMalformed(
            With(Mlx, "NCCL_PORT", value),
            $"The environment variable NCCL_PORT is \"{value}\", but should be {Port}."
        );
        AssertMalformed(With(Torchrun, "RANK", value), $"RANK is \"{value}\"");
        AssertMalformed(With(Torchrun, "WORLD_SIZE", value), $"WORLD_SIZE is \"{value}\"");
        AssertMalformed(With(Torchrun, "MASTER_PORT", value), $"MASTER_PORT is \"{value}\"");
        AssertMalformed(
            With(CommId, "NCCL_COMM_ID", value),
            $"NCCL_COMM_ID is \"{value}\", but should be the address of rank 0: host:port"
        );
        AssertMalformed(
            With(Head, "MISTRALRS_MN_GLOBAL_WORLD_SIZE", value),
            $"MISTRALRS_MN_GLOBAL_WORLD_SIZE is \"{value}\""
        );
        AssertMalformed(
            With(Head, "MISTRALRS_MN_HEAD_NUM_WORKERS", value),
            $"MISTRALRS_MN_HEAD_NUM_WORKERS is \"{value}\""
        );
        AssertMalformed(With(Head, "MISTRALRS_MN_HEAD_PORT", value), $"MISTRALRS_MN_HEAD_PORT is \"{value}\"");
        AssertMalformed(With(Worker, "MISTRALRS_MN_WORKER_ID", value), $"MISTRALRS_MN_WORKER_ID is \"{value}\"");
        AssertMalformed(
            [.. Head, ("MISTRALRS_MN_LOCAL_WORLD_SIZE", value)],
            $"MISTRALRS_MN_LOCAL_WORLD_SIZE is \"{value}\""
        );
    }

    [Test]
    public void HostsThatAreNone([Values("", " ", "a b", "a/b", "[::1]")] string host)
    {
        AssertMalformed(
            With(Mlx, "NCCL_HOST_IP", host),
            $"NCCL_HOST_IP is \"{host}\", but should be a host's name or address."
        );
        AssertMalformed(
            With(Torchrun, "MASTER_ADDR", host),
            $"MASTER_ADDR is \"{host}\", but should be a host's name or address."
        );
    }

    [Test]
    public void AddressesThatAreNone(
        [Values("a", "a:", ":1", "a:0", "a:65536", "a:+1", "::1:5", "[::1]", "[a]:5", "[]:5", "a b:5")] string address
    )
    {
        AssertMalformed(With(CommId, "NCCL_COMM_ID", address), $"NCCL_COMM_ID is \"{address}\"");
        AssertMalformed(
            With(Worker, "MISTRALRS_MN_WORKER_SERVER_ADDR", address),
            $"MISTRALRS_MN_WORKER_SERVER_ADDR is \"{address}\""
        );
        AssertInvalid(
            new NcclOptions { Rendezvous = address },
            $"NcclOptions.Rendezvous is \"{address}\", but should be host:port"
        );
    }

    [Test]
    public void ARankOutsideTheGroupIsAnError()
    {
        AssertMalformed(
            With(Mlx, "MLX_RANK", "4"),
            "The environment variable MLX_RANK is 4, but should be less than the environment variable MLX_WORLD_SIZE"
        );
        AssertInvalid(
            new NcclOptions { Rank = 2, Size = 2 },
            "NcclOptions.Rank is 2, but should be less than NcclOptions.Size, which is 2."
        );
        RendezvousException error = Assert.Throws<RendezvousException>(() => Read(new NcclOptions { Rank = 9 }, Mlx))!;
        Assert.That(
            error.Message,
            Is.EqualTo(
                "NcclOptions.Rank is 9, but should be less than the environment variable MLX_WORLD_SIZE, which is 4."
            )
        );
    }

    [Test]
    public void CodeWinsOverTheEnvironment()
    {
        var options = new NcclOptions
        {
            Rank = 0,
            Size = 2,
            UniqueId = Id,
        };
        AssertIs(
            Read(options, ("RANK", "x"), ("WORLD_SIZE", "x"), ("NCCL_PORT", "x"), ("NCCL_COMM_ID", "x")),
            0,
            ("size", "2"),
            ("id", Id.ToString())
        );
        AssertIs(
            Read(new NcclOptions { Rank = 0, Size = 2 }, Mlx),
            0,
            ("size", "2"),
            ("rendezvous", "10.0.0.1:5000"),
            ("staging_bytes", "0")
        );
        options.Bootstrap = NcclBootstrap.Mlx;
        AssertIs(Read(options, ("LOCAL_RANK", "1")), 0, ("size", "2"), ("id", Id.ToString()), ("staging_bytes", "0"));
    }

    [Test]
    public void AGroupOfOneNeedsNoAddress()
    {
        AssertIs(Read(new NcclOptions { Size = 1 }, ("RANK", "5"), ("WORLD_SIZE", "8")), 0, ("size", "1"));
        AssertIs(
            Read(null, With(With(Mlx, "MLX_WORLD_SIZE", "1"), "MLX_RANK", "0")),
            0,
            ("size", "1"),
            ("staging_bytes", "0")
        );
    }

    [Test]
    public void LibrariesAreNamed()
    {
        var options = new NcclOptions
        {
            Size = 1,
            Library = "/opt/libnccl.so.2",
            CudaLibrary = "/opt/libcuda.so.1",
        };
        BackendConfiguration configuration = Read(options);
        AssertIs(
            configuration,
            0,
            ("size", "1"),
            ("nccl_library", "/opt/libnccl.so.2"),
            ("cuda_library", "/opt/libcuda.so.1")
        );
        Assert.That(configuration.Libraries, Is.EqualTo(configuration.Settings.Skip(1)));
    }

    [Test]
    public void ImpossibleOptionsAreNamed()
    {
        using DistributedGroup group = DistributedGroup.Create(
            new DistributedGroupOptions { Backend = BackendKind.None }
        );
        AssertInvalid(new NcclOptions { Rank = -1 }, "NcclOptions.Rank is -1");
        AssertInvalid(new NcclOptions { Size = 0 }, "NcclOptions.Size is 0");
        AssertInvalid(new NcclOptions { Device = -1 }, "NcclOptions.Device is -1");
        AssertInvalid(new NcclOptions { StagingBytes = -1 }, "NcclOptions.StagingBytes is -1");
        AssertInvalid(new NcclOptions { Bootstrap = (NcclBootstrap)9 }, "NcclOptions.Bootstrap is 9");
        AssertInvalid(new NcclOptions { Size = 1, Library = " " }, "NcclOptions.Library is \" \"");
        AssertInvalid(new NcclOptions { Size = 1, CudaLibrary = "a\0" }, "NcclOptions.CudaLibrary is \"a\\0\"");
        AssertInvalid(
            new NcclOptions { UniqueId = Id, Rendezvous = "a:1" },
            "NcclOptions.UniqueId and NcclOptions.Rendezvous are both set"
        );
        AssertInvalid(
            new NcclOptions { UniqueId = Id, BootstrapGroup = group },
            "NcclOptions.UniqueId and NcclOptions.BootstrapGroup are both set"
        );
        AssertInvalid(
            new NcclOptions { Rendezvous = "a:1", BootstrapGroup = group },
            "NcclOptions.BootstrapGroup and NcclOptions.Rendezvous are both set"
        );
        AssertInvalid(
            new NcclOptions { BootstrapGroup = group, Rank = 1 },
            "NcclOptions.Rank is 1, but the rank in NcclOptions.BootstrapGroup is 0."
        );
        AssertInvalid(
            new NcclOptions { BootstrapGroup = group, Size = 2 },
            "NcclOptions.Size is 2, but the size of NcclOptions.BootstrapGroup is 1."
        );
    }

    [Test]
    public void ABootstrapGroupTellsRankAndSize()
    {
        GroupPlan plan = GroupPlan.Make(
            new DistributedGroupOptions { Backend = BackendKind.None },
            Variables(),
            _ => null
        );
        using var group = new DistributedGroup(GroupFormation.Form(plan, CancellationToken.None), rank: 1, size: 3);
        BackendConfiguration configuration = Read(
            new NcclOptions { BootstrapGroup = group },
            ("RANK", "x"),
            ("WORLD_SIZE", "x")
        );
        AssertIs(configuration, 1, ("size", "3"));
        Assert.That(configuration.BootstrapGroup, Is.SameAs(group));
        using DistributedGroup alone = DistributedGroup.Create(
            new DistributedGroupOptions { Backend = BackendKind.None }
        );
        Assert.That(Read(new NcclOptions { BootstrapGroup = alone }).BootstrapGroup, Is.Null, "nobody needs an id");
    }

    [Test]
    public void MistralsHead()
    {
        AssertIs(Read(null, Head), 0, ("size", "3"), ("rendezvous", "127.0.0.1:7000"), ("local_rank", "0"));
        (string, string)[] two =
        [
            .. With(With(Head, "MISTRALRS_MN_GLOBAL_WORLD_SIZE", "4"), "MISTRALRS_MN_HEAD_NUM_WORKERS", "1"),
            ("MISTRALRS_MN_LOCAL_WORLD_SIZE", "2"),
        ];
        AssertIs(
            Read(null, [.. two, ("LOCAL_RANK", "1")]),
            1,
            ("size", "4"),
            ("rendezvous", "127.0.0.1:7000"),
            ("local_rank", "1")
        );
        AssertIs(
            Read(null, [.. two, ("SLURM_LOCALID", "0")]),
            0,
            ("size", "4"),
            ("rendezvous", "127.0.0.1:7000"),
            ("local_rank", "0")
        );
        Assert.That(Read(null, two).Missing, Is.EqualTo(new[] { "LOCAL_RANK" }));
        AssertMalformed([.. two, ("LOCAL_RANK", "2")], "The rank on this host is 2, but there are 2 ranks on it.");
        AssertMalformed(
            [.. Head, ("MISTRALRS_MN_LOCAL_WORLD_SIZE", "2"), ("LOCAL_RANK", "0")],
            "should divide the number of all ranks, which is 3"
        );
        AssertMalformed(
            [.. Head, ("MISTRALRS_MN_LOCAL_WORLD_SIZE", "4"), ("LOCAL_RANK", "0")],
            "should divide the number of all ranks, which is 3"
        );
        AssertMalformed(
            With(Head, "MISTRALRS_MN_HEAD_NUM_WORKERS", "1"),
            "MISTRALRS_MN_HEAD_NUM_WORKERS is 1, but 3 ranks"
        );
        AssertMalformed(
            [.. Head, .. Worker[1..]],
            "MISTRALRS_MN_HEAD_NUM_WORKERS and MISTRALRS_MN_WORKER_SERVER_ADDR are both set"
        );
    }

    [Test]
    public void MistralsWorker()
    {
        AssertIs(Read(null, Worker), 2, ("size", "3"), ("rendezvous", "10.0.0.1:7000"), ("local_rank", "0"));
        (string, string)[] two =
        [
            .. With(With(Worker, "MISTRALRS_MN_GLOBAL_WORLD_SIZE", "6"), "MISTRALRS_MN_WORKER_ID", "1"),
            ("MISTRALRS_MN_LOCAL_WORLD_SIZE", "2"),
        ];
        AssertIs(
            Read(null, [.. two, ("LOCAL_RANK", "1")]),
            5,
            ("size", "6"),
            ("rendezvous", "10.0.0.1:7000"),
            ("local_rank", "1")
        );
        AssertMalformed(With(Worker, "MISTRALRS_MN_WORKER_ID", "2"), "MISTRALRS_MN_WORKER_ID is 2, but 3 ranks");
        AssertMalformed(
            With(Worker, "MISTRALRS_MN_WORKER_SERVER_ADDR", "head:7000"),
            "should be the head's IP address and port"
        );
    }

    [Test]
    public void MistralWithoutNcclIsNoConfiguration()
    {
        Assert.That(Read(null, [.. Head, ("MISTRALRS_NO_NCCL", "1")]).IsConfigured, Is.False);
        Assert.That(Read(null, [.. Head, ("MISTRALRS_NO_NCCL", "0")]).IsConfigured, Is.True);
        Assert.That(Read(null, [.. Mlx, ("MISTRALRS_NO_NCCL", "1")]).IsConfigured, Is.True, "it is mistral.rs's");
        Assert.That(
            Missing(NcclBootstrap.Mistral, [.. Head, ("MISTRALRS_NO_NCCL", "1")]),
            Is.EqualTo(new[] { "MISTRALRS_NO_NCCL other than 1" })
        );
    }

    [Test]
    public void MistralsHeadHandsTheIdOver([Values] bool isSigned, [Values] bool hasSeveral)
    {
        byte[] bytes = [.. Enumerable.Range(0, NcclUniqueId.Size).Select(value => (byte)(value * 3))];
        (string, string) handed = Handed(bytes, worker: 1, isSigned, hasSeveral);
        string id = new NcclUniqueId(bytes).ToString();
        AssertIs(
            Read(null, handed, ("MISTRALRS_MN_LOCAL_WORLD_SIZE", "3")),
            2,
            ("size", "3"),
            ("id", id),
            ("local_rank", "2")
        );
        AssertIs(
            Read(null, handed, ("MISTRALRS_MN_GLOBAL_WORLD_SIZE", "4")),
            2,
            ("size", "4"),
            ("id", id),
            ("local_rank", "2")
        );
        AssertIs(Read(new NcclOptions { Size = 5 }, handed), 2, ("size", "5"), ("id", id), ("local_rank", "2"));
        Assert.That(Read(null, handed).Missing, Is.EqualTo(new[] { "MISTRALRS_MN_GLOBAL_WORLD_SIZE" }));
        AssertMalformed(
            [handed, ("MISTRALRS_MN_LOCAL_WORLD_SIZE", "2")],
            "The rank on this host is 2, but there are 2 ranks on it."
        );
    }

    [TestCase("")]
    [TestCase("1")]
    [TestCase("[]")]
    [TestCase("{}")]
    [TestCase("""{"Init":{"id":[1,2,3],"ids":null,"worker_rank":0}}""")]
    [TestCase("""{"Init":{"id":["a"],"ids":null,"worker_rank":0}}""")]
    [TestCase("""{"Init":{"id":[1,2,3],"ids":[],"worker_rank":0}}""")]
    [TestCase("""{"Init":{"worker_rank":0}}""")]
    public void AMalformedHandOverIsAnError(string text) =>
        AssertMalformed(
            [("__MISTRALRS_DAEMON_INTERNAL", text), ("MISTRALRS_MN_LOCAL_WORLD_SIZE", "2")],
            "The environment variable __MISTRALRS_DAEMON_INTERNAL should be JSON of the form "
        );

    [Test]
    public void AnIdOfNumbersThatAreNoBytesIsAnError()
    {
        string numbers = string.Join(',', Enumerable.Repeat("256", NcclUniqueId.Size));
        AMalformedHandOverIsAnError($$$"""{"Init":{"id":[{{{numbers}}}],"ids":null,"worker_rank":0}}""");
        string zeros = string.Join(',', Enumerable.Repeat("0", NcclUniqueId.Size));
        AMalformedHandOverIsAnError($$$"""{"Init":{"id":[{{{zeros}}}],"ids":null,"worker_rank":-1}}""");
        AMalformedHandOverIsAnError($$$"""{"Init":{"id":[{{{zeros}}}],"ids":null}}""");
    }

    [Test]
    public void AMachineThatIsConfiguredForTheRingIsLeftToIt()
    {
        GroupPlan plan = Plan(new DistributedGroupOptions(), ("MLX_RANK", "1"), ("MLX_HOSTFILE", "hosts.json"));
        Assert.That(plan.Configuration!.Backend, Is.EqualTo(BackendKind.Ring));
        Assert.That(plan.Warning, Is.Null);
        RendezvousException error = Assert.Throws<RendezvousException>(() =>
            Plan(new DistributedGroupOptions(), ("MLX_RANK", "x"), ("MLX_HOSTFILE", "hosts.json"))
        )!;
        Assert.That(error.Backend, Is.EqualTo("ring"));
    }

    [Test]
    public void WhereNcclCannotBeUsedTheRingIsTakenWithAWarning()
    {
        GroupPlan plan = GroupPlan.Make(
            new DistributedGroupOptions(),
            Variables([.. Mlx, ("MLX_HOSTFILE", "hosts.json")]),
            configuration => configuration.Backend == BackendKind.Nccl ? "No libnccl.so.2." : null
        );
        Assert.That(plan.Configuration!.Backend, Is.EqualTo(BackendKind.Ring));
        Assert.That(plan.Warning, Does.Contain("nccl: No libnccl.so.2."));
    }

    [Test]
    public void WithABootstrapGroupTheRanksFindOutTogetherWhetherNcclCanBeUsed()
    {
        GroupPlan none = GroupPlan.Make(
            new DistributedGroupOptions { Backend = BackendKind.None },
            Variables(),
            _ => null
        );
        using var group = new DistributedGroup(GroupFormation.Form(none, CancellationToken.None), rank: 0, size: 2);
        GroupPlan plan = GroupPlan.Make(
            new DistributedGroupOptions { Nccl = new NcclOptions { BootstrapGroup = group } },
            Variables(),
            _ => throw new InvalidOperationException()
        );
        Assert.That(plan.Configuration!.BootstrapGroup, Is.SameAs(group));
    }

    private static (string, string) Handed(byte[] bytes, int worker, bool isSigned, bool hasSeveral)
    {
        var numbers = bytes.Select(value => isSigned ? (sbyte)value : (int)value);
        string id = $"[{string.Join(',', numbers.Select(number => number.ToString(CultureInfo.InvariantCulture)))}]";
        return (
            "__MISTRALRS_DAEMON_INTERNAL",
            $$$"""{"Init":{"id":{{{id}}},"ids":{{{(hasSeveral ? $"[{id}]" : "null")}}},"worker_rank":{{{worker}}}}}"""
        );
    }

    private static (string Name, string Value)[] With(
        (string Name, string Value)[] variables,
        string name,
        string value
    ) => [.. Without(variables, name), (name, value)];

    private static (string Name, string Value)[] Without((string Name, string Value)[] variables, string name) =>
        [.. variables.Where(variable => variable.Name != name)];

    private static LaunchEnvironment Variables(params (string Name, string Value)[] variables) =>
        new(name =>
            variables.Where(variable => variable.Name == name).Select(variable => variable.Value).FirstOrDefault()
        );

    private static BackendConfiguration Read(NcclOptions? options, params (string, string)[] variables) =>
        NcclConfiguration.Read(options, Variables(variables));

    private static GroupPlan Plan(DistributedGroupOptions options, params (string, string)[] variables) =>
        GroupPlan.Make(options, Variables(variables), _ => null);

    private static IReadOnlyList<string> Missing(NcclBootstrap bootstrap, (string, string)[] variables) =>
        Read(new NcclOptions { Bootstrap = bootstrap }, variables).Missing;

    private static string? Setting(BackendConfiguration configuration, string name) =>
        configuration.Settings.Where(setting => setting.Key == name).Select(setting => setting.Value).FirstOrDefault();

    private static void AssertIs(BackendConfiguration configuration, int rank, params (string, string)[] settings)
    {
        Assert.That(configuration.Missing, Is.Empty);
        Assert.That(configuration.Backend, Is.EqualTo(BackendKind.Nccl));
        Assert.That(configuration.Rank, Is.EqualTo(rank));
        Assert.That(configuration.Settings.Select(setting => (setting.Key, setting.Value)), Is.EqualTo(settings));
    }

    private static void AssertMissing((string, string)[] complete, string variable)
    {
        Assert.That(Read(null, complete).IsConfigured, Is.True);
        Assert.That(Read(null, Without(complete, variable)).Missing, Is.EqualTo(new[] { variable }));
    }

    private static void AssertMalformed((string, string)[] variables, string message)
    {
        RendezvousException error = Assert.Throws<RendezvousException>(() => Read(null, variables))!;
        Assert.That(error.Message, Does.Contain(message));
        Assert.That(error.Backend, Is.EqualTo("nccl"));
    }

    private static void AssertInvalid(NcclOptions options, string message) =>
        Assert.That(
            () => Read(options),
            Throws.ArgumentException.With.Message.Contains(message).And.Property("ParamName").EqualTo("options")
        );
}
