namespace NativeCollectives.Tests;

/// <summary>Which group the options and the environment ask for.</summary>
[TestFixture]
[Category("Unit")]
[CancelAfter(10_000)]
public sealed class OptionsTests
{
    private const string HostFile = "/tmp/hosts.json";

    [Test]
    public void WithNothingThereIsAGroupOfOne()
    {
        GroupPlan plan = Make(new DistributedGroupOptions());
        Assert.That(plan.Configuration, Is.Null);
        Assert.That(plan.Warning, Is.Null);
        Assert.That(plan.ErrorPrefix, Is.Null);
        Assert.That(
            (plan.FormingTimeout, plan.OperationTimeout),
            Is.EqualTo((TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(300)))
        );
    }

    [Test]
    public void MlxsVariablesMakeARing(
        [Values(BackendKind.Any, BackendKind.Ring)] BackendKind backend,
        [Values] bool strict
    )
    {
        GroupPlan plan = Make(
            new DistributedGroupOptions { Backend = backend, Strict = strict },
            ("MLX_RANK", "3"),
            ("MLX_HOSTFILE", HostFile)
        );
        AssertRing(plan, 3, "hostfile", HostFile);
        Assert.That(plan.Warning, Is.Null);
    }

    [Test]
    public void CodeWinsOverTheEnvironment()
    {
        var options = new DistributedGroupOptions
        {
            Ring = new RingOptions
            {
                Rank = 1,
                Hosts =
                [
                    ["a:1"],
                    ["b:2"],
                ],
            },
        };
        AssertRing(Make(options, ("MLX_RANK", "nonsense"), ("MLX_HOSTFILE", "")), 1, "hosts", """[["a:1"],["b:2"]]""");
    }

    [Test]
    public void EachSettingIsTakenFromWhereItIs()
    {
        AssertRing(
            Make(Ring(new RingOptions { HostFile = "mine.json" }), ("MLX_RANK", "2"), ("MLX_HOSTFILE", HostFile)),
            2,
            "hostfile",
            "mine.json"
        );
        AssertRing(Make(Ring(new RingOptions { Rank = 2 }), ("MLX_HOSTFILE", HostFile)), 2, "hostfile", HostFile);
    }

    [Test]
    public void HostsBecomeAHostFilesText()
    {
        var options = new DistributedGroupOptions
        {
            Backend = BackendKind.Ring,
            Ring = new RingOptions
            {
                Rank = 0,
                Hosts =
                [
                    ["[::1]:5000", "a\"\\b:1"],
                    ["höst:2", "c:3"],
                ],
            },
        };
        string json = Make(options).Configuration!.Settings[0].Value;
        string[][]? read = System.Text.Json.JsonSerializer.Deserialize<string[][]>(json);
        Assert.That(read, Is.EqualTo(options.Ring.Hosts));
    }

    [Test]
    public void StrictNamesEverythingThatIsMissing()
    {
        BackendUnavailableException any = Assert.Throws<BackendUnavailableException>(() =>
            Make(new DistributedGroupOptions { Strict = true })
        )!;
        Assert.That(any.Message, Does.Contain("ring: MLX_RANK, MLX_HOSTFILE are missing"));
        Assert.That(any.Message, Does.Contain("nccl: NCCL_HOST_IP, NCCL_PORT, MLX_RANK, MLX_WORLD_SIZE are missing"));
        Assert.That(any.Message, Does.Contain("jaccl: MLX_RANK, MLX_IBV_DEVICES, MLX_JACCL_COORDINATOR are missing"));
        Assert.That(any.Backend, Is.EqualTo("any"));

        BackendUnavailableException ring = Assert.Throws<BackendUnavailableException>(() =>
            Make(new DistributedGroupOptions { Strict = true, Backend = BackendKind.Ring }, ("MLX_RANK", "0"))
        )!;
        Assert.That(
            ring.Message,
            Is.EqualTo("No backend is configured. ring: MLX_HOSTFILE is missing (MLX_RANK is set).")
        );
        Assert.That(ring.Backend, Is.EqualTo("ring"));
    }

    [TestCase("MLX_RANK", "0", "MLX_HOSTFILE")]
    [TestCase("MLX_HOSTFILE", HostFile, "MLX_RANK")]
    public void HalfAConfigurationIsAGroupOfOneAndAWarning(string variable, string value, string missing)
    {
        GroupPlan plan = Make(new DistributedGroupOptions { Backend = BackendKind.Ring }, (variable, value));
        Assert.That(plan.Configuration, Is.Null);
        Assert.That(plan.Warning, Does.Contain($"ring: {missing} is missing ({variable} is set)"));
    }

    [TestCase("")]
    [TestCase(" ")]
    [TestCase("1x")]
    [TestCase("abc")]
    [TestCase("-1")]
    [TestCase("+1")]
    [TestCase(" 1")]
    [TestCase("1.0")]
    [TestCase("0x1")]
    [TestCase("2147483648")]
    public void ARankThatIsNoneIsAnErrorThatSaysSo(string rank)
    {
        foreach (BackendKind backend in new[] { BackendKind.Any, BackendKind.Ring })
        {
            RendezvousException error = Assert.Throws<RendezvousException>(() =>
                Make(new DistributedGroupOptions { Backend = backend }, ("MLX_RANK", rank), ("MLX_HOSTFILE", HostFile))
            )!;
            Assert.That(
                error.Message,
                Is.EqualTo(
                    $"The environment variable MLX_RANK is \"{rank}\", but should be a rank: a decimal number from 0, "
                        + "of digits only."
                )
            );
            Assert.That(error.Backend, Is.EqualTo("ring"));
        }
    }

    [Test]
    public void AnEmptyHostFileVariableIsAnError([Values("", " ")] string path)
    {
        RendezvousException error = Assert.Throws<RendezvousException>(() =>
            Make(new DistributedGroupOptions(), ("MLX_RANK", "0"), ("MLX_HOSTFILE", path))
        )!;
        Assert.That(error.Message, Does.StartWith($"The environment variable MLX_HOSTFILE is \"{path}\""));
    }

    [Test]
    public void ARankFromTheEnvironmentMustBeAmongTheHosts()
    {
        var options = new DistributedGroupOptions
        {
            Ring = new RingOptions
            {
                Hosts =
                [
                    ["a:1"],
                    ["b:2"],
                ],
            },
        };
        RendezvousException error = Assert.Throws<RendezvousException>(() => Make(options, ("MLX_RANK", "2")))!;
        Assert.That(
            error.Message,
            Is.EqualTo("The environment variable MLX_RANK is 2, but RingOptions.Hosts lists 2 ranks, from 0 to 1.")
        );
    }

    [Test]
    public void ImpossibleOptionsAreNamed()
    {
        AssertInvalid(
            new DistributedGroupOptions { Backend = (BackendKind)17 },
            "DistributedGroupOptions.Backend is 17"
        );
        TimeSpan[] none =
        [
            TimeSpan.Zero,
            TimeSpan.FromTicks(-1),
            Timeout.InfiniteTimeSpan,
            TimeSpan.MaxValue,
            TimeSpan.FromMilliseconds(2147483648),
        ];
        foreach (TimeSpan timeout in none)
        {
            AssertInvalid(
                new DistributedGroupOptions { FormingTimeout = timeout },
                "DistributedGroupOptions.FormingTimeout is"
            );
            AssertInvalid(
                new DistributedGroupOptions { OperationTimeout = timeout },
                "DistributedGroupOptions.OperationTimeout is"
            );
        }

        AssertInvalid(Ring(new RingOptions { Rank = -1 }), "RingOptions.Rank is -1");
        AssertInvalid(
            Ring(
                new RingOptions
                {
                    Rank = 2,
                    Hosts =
                    [
                        ["a:1"],
                        ["b:2"],
                    ],
                }
            ),
            "RingOptions.Rank is 2, but RingOptions.Hosts lists 2 ranks, from 0 to 1"
        );
        AssertInvalid(
            Ring(
                new RingOptions
                {
                    Hosts =
                    [
                        ["a:1"],
                    ],
                    HostFile = HostFile,
                }
            ),
            "RingOptions.Hosts and RingOptions.HostFile are both set, but only one of them can tell where the ranks are."
        );
        AssertInvalid(Ring(new RingOptions { Rank = 0, Hosts = [] }), "RingOptions.Hosts is empty");
        AssertInvalid(
            Ring(
                new RingOptions
                {
                    Rank = 0,
                    Hosts =
                    [
                        ["a:1"],
                        [],
                    ],
                }
            ),
            "RingOptions.Hosts[1] is empty, but should have an address for rank 1."
        );
        AssertInvalid(
            Ring(
                new RingOptions
                {
                    Rank = 0,
                    Hosts =
                    [
                        ["a:1"],
                        null!,
                    ],
                }
            ),
            "RingOptions.Hosts[1] is empty, but should have an address for rank 1."
        );
        AssertInvalid(
            Ring(
                new RingOptions
                {
                    Rank = 0,
                    Hosts =
                    [
                        ["a:1"],
                        ["b:2", " "],
                    ],
                }
            ),
            "RingOptions.Hosts[1][1] is \" \", but should be an address for rank 1."
        );
        AssertInvalid(
            Ring(
                new RingOptions
                {
                    Rank = 0,
                    Hosts =
                    [
                        ["a:1\0"],
                    ],
                }
            ),
            "RingOptions.Hosts[0][0] is \"a:1\\0\", but should be an address for rank 0."
        );
        AssertInvalid(Ring(new RingOptions { Rank = 0, HostFile = "" }), "RingOptions.HostFile is \"\"");
        AssertInvalid(Ring(new RingOptions { Rank = 0, HostFile = "a\0b" }), "RingOptions.HostFile is \"a\\0b\"");
    }

    /// <summary>All of them, as data: the setting, its value, what was expected.</summary>
    [Test]
    public void WhatIsWrongWithOptionsIsData()
    {
        var options = new DistributedGroupOptions
        {
            Ring = new RingOptions
            {
                Rank = 5,
                Hosts =
                [
                    ["a:1"],
                    [],
                ],
            },
            Jaccl = new JacclOptions { GidIndex = 300 },
        };
        OptionProblem[] problems = [.. GroupPlan.Problems(options, new LaunchEnvironment(static _ => null))];
        Assert.That(
            problems.Select(static problem => (problem.Settings[0].Key, problem.Value)),
            Is.EquivalentTo(new[] { ("Ring:Rank", "5"), ("Ring:Hosts:1", "empty"), ("Jaccl:GidIndex", "300") })
        );
        Assert.That(
            problems.Select(static problem => problem.Describe(static setting => $"<{setting.Key}>")),
            Has.Member("<Ring:Rank> is 5, but <Ring:Hosts> lists 2 ranks, from 0 to 1.")
        );
        Assert.That(
            GroupPlan.Problems(
                new() { Backend = BackendKind.None, Jaccl = options.Jaccl },
                LaunchEnvironment.OfProcess
            ),
            Is.Empty,
            "of a backend that does not count"
        );
    }

    [Test]
    public void AnyTakesTheFirstThatIsConfiguredAndUsable()
    {
        (string, string)[] all =
        [
            ("MLX_RANK", "1"),
            ("MLX_WORLD_SIZE", "2"),
            ("NCCL_HOST_IP", "10.0.0.1"),
            ("NCCL_PORT", "5000"),
            ("MLX_HOSTFILE", HostFile),
            ("MLX_IBV_DEVICES", "devices.json"),
            ("JACCL_COORDINATOR", "10.0.0.1:5001"),
        ];
        Assert.That(Choose(all), Is.EqualTo(BackendKind.Nccl));
        Assert.That(Choose(all, BackendKind.Nccl), Is.EqualTo(BackendKind.Ring));
        Assert.That(Choose(all, BackendKind.Nccl, BackendKind.Ring), Is.EqualTo(BackendKind.Jaccl));
        Assert.That(
            Choose([.. all.Where(variable => variable.Item1 != "MLX_HOSTFILE")], BackendKind.Nccl),
            Is.EqualTo(BackendKind.Jaccl)
        );
    }

    [Test]
    public void WhatIsPassedOverIsToldAsAWarning()
    {
        GroupPlan plan = GroupPlan.Make(
            new DistributedGroupOptions(),
            Variables(
                ("MLX_RANK", "1"),
                ("MLX_WORLD_SIZE", "2"),
                ("NCCL_HOST_IP", "10.0.0.1"),
                ("NCCL_PORT", "5000"),
                ("MLX_HOSTFILE", HostFile)
            ),
            configuration => configuration.Backend == BackendKind.Nccl ? "No libnccl." : null
        );
        Assert.That(plan.Configuration!.Backend, Is.EqualTo(BackendKind.Ring));
        Assert.That(plan.Warning, Does.Contain("nccl: No libnccl."));
    }

    [Test]
    public void WhatIsConfiguredButUnusableIsNeverAGroupOfOne(
        [Values] bool strict,
        [Values(BackendKind.Any, BackendKind.Jaccl)] BackendKind backend
    )
    {
        BackendUnavailableException error = Assert.Throws<BackendUnavailableException>(() =>
            GroupPlan.Make(
                new DistributedGroupOptions { Strict = strict, Backend = backend },
                Variables(
                    ("MLX_RANK", "0"),
                    ("MLX_IBV_DEVICES", "devices.json"),
                    ("MLX_JACCL_COORDINATOR", "10.0.0.1:5001")
                ),
                _ => "No librdma."
            )
        )!;
        Assert.That(error.Message, Does.Contain("jaccl: No librdma."));
    }

    [Test]
    public void NoneAsksNobody()
    {
        GroupPlan plan = Make(
            new DistributedGroupOptions { Backend = BackendKind.None, Strict = true },
            ("MLX_RANK", "nonsense"),
            ("MLX_HOSTFILE", "")
        );
        Assert.That(plan.Configuration, Is.Null);
    }

    [TestCase("", true)]
    [TestCase("0", true)]
    [TestCase(null, false)]
    public void TheRingIsVerboseIfTheVariableIsPresent(string? value, bool isVerbose)
    {
        var variables = new List<(string, string)> { ("MLX_RANK", "1"), ("MLX_HOSTFILE", HostFile) };
        if (value is not null)
        {
            variables.Add(("MLX_RING_VERBOSE", value));
        }

        Assert.That(
            Make(new DistributedGroupOptions(), [.. variables]).ErrorPrefix,
            Is.EqualTo(isVerbose ? "[ring] " : null)
        );
    }

    private static DistributedGroupOptions Ring(RingOptions ring) => new() { Ring = ring };

    private static LaunchEnvironment Variables(params (string Name, string Value)[] variables) =>
        new(name =>
            variables.Where(variable => variable.Name == name).Select(variable => variable.Value).FirstOrDefault()
        );

    private static GroupPlan Make(DistributedGroupOptions options, params (string, string)[] variables) =>
        GroupPlan.Make(options, Variables(variables), _ => null);

    private static BackendKind Choose((string, string)[] variables, params BackendKind[] unusable) =>
        GroupPlan
            .Make(
                new DistributedGroupOptions(),
                Variables(variables),
                configuration => unusable.Contains(configuration.Backend) ? "It is not there." : null
            )
            .Configuration!.Backend;

    private static void AssertInvalid(DistributedGroupOptions options, string message) =>
        Assert.That(
            () => Make(options),
            Throws.ArgumentException.With.Message.Contains(message).And.Property("ParamName").EqualTo("options")
        );

    private static void AssertRing(GroupPlan plan, int rank, string setting, string value)
    {
        Assert.That(plan.Configuration!.Backend, Is.EqualTo(BackendKind.Ring));
        Assert.That(plan.Configuration.Rank, Is.EqualTo(rank));
        Assert.That(plan.Configuration.Settings, Is.EqualTo(new[] { KeyValuePair.Create(setting, value) }));
    }
}
