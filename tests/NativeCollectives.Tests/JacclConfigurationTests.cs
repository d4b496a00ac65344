using System.Text.Json;

namespace NativeCollectives.Tests;

/// <summary>Which JACCL group the options and the environment ask for.</summary>
[TestFixture]
[Category("Unit")]
[CancelAfter(10_000)]
public sealed class JacclConfigurationTests
{
    private const string DeviceFile = "/tmp/devices.json";
    private const string Coordinator = "10.0.0.1:32323";

    // As mlx.launch sets them.
    private static readonly (string Name, string Value)[] Mlx =
    [
        ("MLX_RANK", "1"),
        ("MLX_IBV_DEVICES", DeviceFile),
        ("MLX_JACCL_COORDINATOR", Coordinator),
    ];

    private static readonly IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> Pair =
    [
        [
            [],
            ["rdma_en2"],
        ],
        [
            ["rdma_en3"],
            [],
        ],
    ];

    private static readonly JacclSideChannel Channel = (_, _, _, _) =>
        throw new InvalidOperationException("Reading options calls nobody.");

    [Test]
    public void NothingIsNoConfiguration()
    {
        BackendConfiguration configuration = Read(new JacclOptions());
        Assert.That(
            configuration.Missing,
            Is.EqualTo(new[] { "MLX_RANK", "MLX_IBV_DEVICES", "MLX_JACCL_COORDINATOR" })
        );
        Assert.That(configuration.Given, Is.Empty);
        Assert.That(configuration.Settings, Is.Empty);
        Assert.That(Read(null).Missing, Is.EqualTo(configuration.Missing));
    }

    [Test]
    public void MlxsLauncher()
    {
        AssertIs(Read(null, Mlx), 1, ("device_file", DeviceFile), ("coordinator", Coordinator));
        AssertIs(
            Read(null, [.. Mlx, ("MLX_JACCL_RING", "1")]),
            1,
            ("device_file", DeviceFile),
            ("coordinator", Coordinator),
            ("prefer_ring", "true")
        );
    }

    [Test]
    public void JacclsOwnNamesComeFirst()
    {
        (string, string)[] own =
        [
            ("JACCL_RANK", "3"),
            ("JACCL_IBV_DEVICES", "own.json"),
            ("JACCL_COORDINATOR", "node0:5000"),
        ];
        AssertIs(Read(null, own), 3, ("device_file", "own.json"), ("coordinator", "node0:5000"));
        AssertIs(Read(null, [.. Mlx, .. own]), 3, ("device_file", "own.json"), ("coordinator", "node0:5000"));
        AssertIs(Read(null, [.. Mlx, own[0]]), 3, ("device_file", DeviceFile), ("coordinator", Coordinator));
        AssertIs(Read(null, [.. Mlx, own[1]]), 1, ("device_file", "own.json"), ("coordinator", Coordinator));
        AssertIs(Read(null, [.. Mlx, own[2]]), 1, ("device_file", DeviceFile), ("coordinator", "node0:5000"));
        AssertIs(
            Read(
                null,
                [.. With(With(With(Mlx, "MLX_RANK", "x"), "MLX_IBV_DEVICES", ""), "MLX_JACCL_COORDINATOR", "x"), .. own]
            ),
            3,
            ("device_file", "own.json"),
            ("coordinator", "node0:5000")
        );
    }

    [Test]
    public void CodeWinsOverTheEnvironment()
    {
        (string, string)[] variables =
        [
            ("JACCL_RANK", "x"),
            ("JACCL_IBV_DEVICES", ""),
            ("JACCL_COORDINATOR", "x"),
            ("MLX_RANK", "x"),
            ("MLX_IBV_DEVICES", ""),
            ("MLX_JACCL_RING", "1"),
        ];
        var options = new JacclOptions
        {
            Rank = 1,
            Devices = Pair,
            Coordinator = "[fe80::1]:80",
            PreferRing = false,
        };
        AssertIs(
            Read(options, variables),
            1,
            ("devices", """[[[],["rdma_en2"]],[["rdma_en3"],[]]]"""),
            ("coordinator", "[fe80::1]:80"),
            ("prefer_ring", "false")
        );
        options = new JacclOptions
        {
            Rank = 7,
            DeviceFile = "mine.json",
            Coordinator = "a:1",
        };
        AssertIs(
            Read(options, variables),
            7,
            ("device_file", "mine.json"),
            ("coordinator", "a:1"),
            ("prefer_ring", "true")
        );
    }

    [Test]
    public void EachSettingIsTakenFromWhereItIs()
    {
        AssertIs(
            Read(new JacclOptions { Rank = 0 }, Mlx),
            0,
            ("device_file", DeviceFile),
            ("coordinator", Coordinator)
        );
        AssertIs(
            Read(new JacclOptions { DeviceFile = "mine.json" }, Mlx),
            1,
            ("device_file", "mine.json"),
            ("coordinator", Coordinator)
        );
        AssertIs(
            Read(new JacclOptions { Coordinator = "a:1" }, Mlx),
            1,
            ("device_file", DeviceFile),
            ("coordinator", "a:1")
        );
        BackendConfiguration devices = Read(new JacclOptions { Devices = Pair }, Mlx);
        Assert.That(devices.Settings.Select(setting => setting.Key), Is.EqualTo(new[] { "devices", "coordinator" }));
        Assert.That(
            devices.Given.Select(given => given.ToString()),
            Is.EqualTo(new[] { "MLX_RANK", "JacclOptions.Devices", "MLX_JACCL_COORDINATOR" })
        );
    }

    [TestCase("MLX_RANK")]
    [TestCase("MLX_IBV_DEVICES")]
    [TestCase("MLX_JACCL_COORDINATOR")]
    public void EachOfTheThreeIsNeeded(string variable)
    {
        BackendConfiguration configuration = Read(null, Without(Mlx, variable));
        Assert.That(configuration.Missing, Is.EqualTo(new[] { variable }));
        Assert.That(
            configuration.Given.Select(given => given.ToString()),
            Is.EqualTo(Mlx.Select(given => given.Name).Where(name => name != variable))
        );
    }

    [Test]
    public void ARankThatNobodyGivesIsNotZero()
    {
        GroupPlan plan = Plan(new DistributedGroupOptions { Backend = BackendKind.Jaccl }, Without(Mlx, "MLX_RANK"));
        Assert.That(plan.Configuration, Is.Null);
        Assert.That(
            plan.Warning,
            Does.Contain("jaccl: MLX_RANK is missing (MLX_IBV_DEVICES, MLX_JACCL_COORDINATOR are set)")
        );
    }

    [Test]
    public void TheMissingAreToldTogetherWithTheGiven()
    {
        var options = new DistributedGroupOptions { Backend = BackendKind.Jaccl, Strict = true };
        BackendUnavailableException error = Assert.Throws<BackendUnavailableException>(() =>
            Plan(options, ("JACCL_RANK", "0"))
        )!;
        Assert.That(
            error.Message,
            Is.EqualTo(
                "No backend is configured. jaccl: MLX_IBV_DEVICES, MLX_JACCL_COORDINATOR are missing (JACCL_RANK is "
                    + "set)."
            )
        );
        Assert.That(error.Backend, Is.EqualTo("jaccl"));
        options.Jaccl = new JacclOptions { Devices = Pair, SideChannel = Channel };
        error = Assert.Throws<BackendUnavailableException>(() => Plan(options))!;
        Assert.That(
            error.Message,
            Does.Contain("jaccl: MLX_RANK is missing (JacclOptions.Devices, JacclOptions.SideChannel are set).")
        );
    }

    [Test]
    public void TheChoiceOfARingAloneIsNoConfiguration()
    {
        GroupPlan plan = Plan(new DistributedGroupOptions(), ("MLX_JACCL_RING", "1"));
        Assert.That((plan.Configuration, plan.Warning), Is.EqualTo(((BackendConfiguration?)null, (string?)null)));
    }

    [Test]
    public void ARankThatIsNoneIsAnErrorThatSaysSo(
        [Values("JACCL_RANK", "MLX_RANK")] string variable,
        [Values("", " ", "1x", "-1", "+1", "0x1", "1.0", "2147483648")] string rank
    ) =>
        AssertMalformed(
            [.. Without(Mlx, "MLX_RANK"), (variable, rank)],
            $"The environment variable {variable} is \"{rank}\", but should be a rank: a decimal number from 0, of "
                + "digits only."
        );

    [Test]
    public void AnEmptyPathIsAnError(
        [Values("JACCL_IBV_DEVICES", "MLX_IBV_DEVICES")] string variable,
        [Values("", " ")] string path
    ) =>
        AssertMalformed(
            [.. Without(Mlx, "MLX_IBV_DEVICES"), (variable, path)],
            $"The environment variable {variable} is \"{path}\", but should be the path of a JSON file."
        );

    [Test]
    public void AddressesThatAreNone(
        [Values("", " ", "a", "a:", ":1", "a:0", "a:65536", "a:+1", "::1:5", "[::1]", "[a]:5", "a b:5", "a:1,b:2")]
            string address
    )
    {
        foreach (string variable in new[] { "JACCL_COORDINATOR", "MLX_JACCL_COORDINATOR" })
        {
            AssertMalformed(
                [.. Without(Mlx, "MLX_JACCL_COORDINATOR"), (variable, address)],
                $"The environment variable {variable} is \"{address}\", but should be the address of rank 0: host:port"
            );
        }

        AssertInvalid(
            new JacclOptions { Coordinator = address },
            $"JacclOptions.Coordinator is \"{address}\", but should be host:port"
        );
    }

    [TestCase("JACCL_RING")]
    [TestCase("MLX_JACCL_RING")]
    public void TheRingIsPreferredIfAVariableIsPresent(string variable)
    {
        foreach (string value in new[] { "", "0", "1", "false" })
        {
            Assert.That(Setting(Read(null, [.. Mlx, (variable, value)]), "prefer_ring"), Is.EqualTo("true"));
            Assert.That(
                Setting(Read(new JacclOptions { PreferRing = true }, [.. Mlx, (variable, value)]), "prefer_ring"),
                Is.EqualTo("true")
            );
            Assert.That(
                Setting(Read(new JacclOptions { PreferRing = false }, [.. Mlx, (variable, value)]), "prefer_ring"),
                Is.EqualTo("false")
            );
        }

        Assert.That(Setting(Read(null, Mlx), "prefer_ring"), Is.Null);
        Assert.That(Setting(Read(new JacclOptions { PreferRing = true }, Mlx), "prefer_ring"), Is.EqualTo("true"));
    }

    [Test]
    public void FramesAndQueuePairsAreTheNativeLibrarysUnlessTheProgramChooses()
    {
        BackendConfiguration usual = Read(new JacclOptions(), Mlx);
        Assert.That(
            (Setting(usual, "frames"), Setting(usual, "queue_pairs")),
            Is.EqualTo(((string?)null, (string?)null))
        );
        Assert.That(Setting(Read(new JacclOptions { Frames = JacclFrames.Large }, Mlx), "frames"), Is.EqualTo("large"));
        Assert.That(Setting(Read(new JacclOptions { Frames = JacclFrames.Small }, Mlx), "frames"), Is.EqualTo("small"));
        Assert.That(
            Setting(Read(new JacclOptions { QueuePairs = JacclQueuePairs.UnreliableConnection }, Mlx), "queue_pairs"),
            Is.EqualTo("uc")
        );
        Assert.That(
            Setting(Read(new JacclOptions { QueuePairs = JacclQueuePairs.ReliableConnection }, Mlx), "queue_pairs"),
            Is.EqualTo("rc")
        );
    }

    [Test]
    public void TheGidAndTheStateOfMlxAreTheNativeLibrarysUnlessTheProgramChooses()
    {
        BackendConfiguration usual = Read(new JacclOptions(), Mlx);
        Assert.That(
            (Setting(usual, "gid_index"), Setting(usual, "mlx_ring_all_gather")),
            Is.EqualTo(((string?)null, (string?)null))
        );
        Assert.That(Setting(Read(new JacclOptions { GidIndex = 3 }, Mlx), "gid_index"), Is.EqualTo("3"));
        Assert.That(
            Setting(Read(new JacclOptions { MlxRingAllGather = true }, Mlx), "mlx_ring_all_gather"),
            Is.EqualTo("true")
        );
        Assert.That(
            Setting(Read(new JacclOptions { MlxRingAllGather = false }, Mlx), "mlx_ring_all_gather"),
            Is.EqualTo("false")
        );
    }

    [Test]
    public void TheLibraryIsNamed()
    {
        BackendConfiguration configuration = Read(new JacclOptions { Library = "/opt/libibverbs.so.1" }, Mlx);
        KeyValuePair<string, string>[] libraries = [new("verbs_library", "/opt/libibverbs.so.1")];
        Assert.That(configuration.Libraries, Is.EqualTo(libraries));
        Assert.That(Setting(configuration, "verbs_library"), Is.EqualTo("/opt/libibverbs.so.1"));
        Assert.That(Read(null, Mlx).Libraries, Is.Empty);
        var options = new DistributedGroupOptions { Jaccl = new JacclOptions { Library = " " } };
        Assert.That(
            () => DistributedGroup.IsAvailable(BackendKind.Jaccl, options, out _),
            Throws.ArgumentException.With.Message.Contains("JacclOptions.Library")
        );
    }

    [Test]
    public void ASideChannelMakesTheCoordinatorUnnecessary()
    {
        BackendConfiguration configuration = Read(
            new JacclOptions { SideChannel = Channel },
            Without(Mlx, "MLX_JACCL_COORDINATOR")
        );
        AssertIs(configuration, 1, ("device_file", DeviceFile));
        Assert.That(configuration.SideChannel, Is.SameAs(Channel));

        configuration = Read(
            new JacclOptions { SideChannel = Channel },
            With(Mlx, "MLX_JACCL_COORDINATOR", "the environment's does not count")
        );
        AssertIs(configuration, 1, ("device_file", DeviceFile));
        Assert.That(Read(null, Mlx).SideChannel, Is.Null);
    }

    [Test]
    public void TheMatrixBecomesADeviceFilesText()
    {
        IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> devices =
        [
            [
                [],
                ["rdma_en2", "rdma_en3"],
                ["rdma_en4"],
            ],
            [
                ["a\"\\b"],
                [],
                ["höst"],
            ],
            [
                ["a", "a", "a"],
                ["b", "c", "d", "e"],
                [],
            ],
        ];
        string json = Setting(
            Read(
                new JacclOptions
                {
                    Rank = 2,
                    Devices = devices,
                    SideChannel = Channel,
                }
            ),
            "devices"
        )!;
        Assert.That(JsonSerializer.Deserialize<string[][][]>(json), Is.EqualTo(devices));
    }

    [Test]
    public void WhetherAMatrixMakesAGroupIsNotFoundOutHere()
    {
        IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>>[] matrices =
        [
            [
                [
                    [],
                ],
            ],
            [
                [
                    [],
                    [],
                ],
                [
                    [],
                    [],
                ],
            ],
            [
                [
                    ["a"],
                    ["a"],
                ],
                [
                    ["b", "b"],
                    [],
                ],
            ],
        ];
        foreach (IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> devices in matrices)
        {
            Assert.That(
                Read(
                    new JacclOptions
                    {
                        Rank = 0,
                        Devices = devices,
                        Coordinator = "a:1",
                    }
                ).IsConfigured,
                Is.True
            );
        }
    }

    [Test]
    public void ARankFromTheEnvironmentMustBeInTheMatrix([Values("JACCL_RANK", "MLX_RANK")] string variable)
    {
        RendezvousException error = Assert.Throws<RendezvousException>(() =>
            Read(new JacclOptions { Devices = Pair }, (variable, "2"))
        )!;
        Assert.That(
            error.Message,
            Is.EqualTo(
                $"The environment variable {variable} is 2, but JacclOptions.Devices lists 2 ranks, from 0 to 1."
            )
        );
        Assert.That((error.Backend, error.Rank), Is.EqualTo(("jaccl", 2)));
    }

    [Test]
    public void ImpossibleOptionsAreNamed()
    {
        AssertInvalid(new JacclOptions { Rank = -1 }, "JacclOptions.Rank is -1, but ranks count from 0.");
        AssertInvalid(
            new JacclOptions { Rank = 2, Devices = Pair },
            "JacclOptions.Rank is 2, but JacclOptions.Devices lists 2 ranks, from 0 to 1."
        );
        AssertInvalid(
            new JacclOptions { Devices = Pair, DeviceFile = DeviceFile },
            "JacclOptions.Devices and JacclOptions.DeviceFile are both set"
        );
        AssertInvalid(new JacclOptions { DeviceFile = "" }, "JacclOptions.DeviceFile is \"\"");
        AssertInvalid(new JacclOptions { DeviceFile = "a\0b" }, "JacclOptions.DeviceFile is \"a\\0b\"");
        AssertInvalid(
            new JacclOptions { Coordinator = Coordinator, SideChannel = Channel },
            "JacclOptions.Coordinator and JacclOptions.SideChannel are both set"
        );
        AssertInvalid(new JacclOptions { Coordinator = "a\0:1" }, "JacclOptions.Coordinator is \"a\\0:1\"");
        AssertInvalid(new JacclOptions { Frames = (JacclFrames)2 }, "JacclOptions.Frames is 2");
        AssertInvalid(new JacclOptions { QueuePairs = (JacclQueuePairs)(-1) }, "JacclOptions.QueuePairs is -1");
        AssertInvalid(new JacclOptions { GidIndex = -1 }, "JacclOptions.GidIndex is -1, but should be from 0 to 255.");
        AssertInvalid(
            new JacclOptions { GidIndex = 256 },
            "JacclOptions.GidIndex is 256, but should be from 0 to 255."
        );
        AssertInvalid(new JacclOptions { Library = "" }, "JacclOptions.Library is \"\"");
    }

    [Test]
    public void ImpossibleMatricesAreNamed()
    {
        AssertInvalid([], "JacclOptions.Devices is empty");
        AssertInvalid(
            [
                [
                    [],
                    ["a"],
                ],
                null!,
            ],
            "JacclOptions.Devices[1] is null, but should be the row of rank 1."
        );
        AssertInvalid(
            [
                [
                    [],
                    ["a"],
                ],
                [
                    ["b"],
                ],
            ],
            "JacclOptions.Devices[1] is a row of 1, but should have 2 entries, one per rank."
        );
        AssertInvalid(
            [
                [
                    [],
                    ["a"],
                    ["a"],
                ],
                [
                    ["b"],
                    [],
                ],
            ],
            "JacclOptions.Devices[0] is a row of 3, but should have 2 entries, one per rank."
        );
        AssertInvalid(
            [
                [
                    [],
                    null!,
                ],
                [
                    ["b"],
                    [],
                ],
            ],
            "JacclOptions.Devices[0][1] is null, but should be empty where there is no cable."
        );
        AssertInvalid(
            [
                [
                    [],
                    ["a"],
                ],
                [
                    ["b", " "],
                    [],
                ],
            ],
            "JacclOptions.Devices[1][0] is a list with a blank name"
        );
        AssertInvalid(
            [
                [
                    [],
                    ["a"],
                ],
                [
                    [null!],
                    [],
                ],
            ],
            "JacclOptions.Devices[1][0] is a list with a blank name"
        );
        AssertInvalid(
            [
                [
                    [],
                    ["a\0"],
                ],
                [
                    ["b"],
                    [],
                ],
            ],
            "JacclOptions.Devices[0][1] is a list with a blank name"
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

    private static BackendConfiguration Read(JacclOptions? options, params (string, string)[] variables) =>
        JacclConfiguration.Read(options, Variables(variables));

    private static GroupPlan Plan(DistributedGroupOptions options, params (string, string)[] variables) =>
        GroupPlan.Make(options, Variables(variables), _ => null);

    private static string? Setting(BackendConfiguration configuration, string name) =>
        configuration.Settings.Where(setting => setting.Key == name).Select(setting => setting.Value).FirstOrDefault();

    private static void AssertIs(BackendConfiguration configuration, int rank, params (string, string)[] settings)
    {
        Assert.That(configuration.Missing, Is.Empty);
        Assert.That(configuration.Backend, Is.EqualTo(BackendKind.Jaccl));
        Assert.That(configuration.Rank, Is.EqualTo(rank));
        Assert.That(configuration.Settings.Select(setting => (setting.Key, setting.Value)), Is.EqualTo(settings));
    }

    private static void AssertMalformed((string, string)[] variables, string message)
    {
        RendezvousException error = Assert.Throws<RendezvousException>(() => Read(null, variables))!;
        Assert.That(error.Message, Does.StartWith(message));
        Assert.That(error.Backend, Is.EqualTo("jaccl"));
    }

    private static void AssertInvalid(IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> devices, string message) =>
        AssertInvalid(new JacclOptions { Devices = devices }, message);

    private static void AssertInvalid(JacclOptions options, string message) =>
        Assert.That(
            () => Read(options),
            Throws.ArgumentException.With.Message.Contains(message).And.Property("ParamName").EqualTo("options")
        );
}
