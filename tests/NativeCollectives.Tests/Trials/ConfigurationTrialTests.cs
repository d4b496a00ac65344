using System.Diagnostics;
using NativeCollectives.Hosting;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Tests.Hosting;
using NativeCollectives.Tests.Tool;

namespace NativeCollectives.Tests.Trials;

/// <summary>
/// What chooses the backend, and what is said where half a configuration makes a group of one: the library alone and in
/// a host decide alike, and programs are started with what is left over in an environment.
/// </summary>
[Category("Unit")]
[CancelAfter(60_000)]
public sealed class ConfigurationTrialTests
{
    private static readonly (string, string)[] _ring = [("MLX_RANK", "1"), ("MLX_HOSTFILE", "/h.json")];
    private static readonly (string, string)[] _jaccl =
    [
        ("MLX_RANK", "1"),
        ("MLX_IBV_DEVICES", "/d.json"),
        ("MLX_JACCL_COORDINATOR", "a:1"),
    ];
    private static readonly (string, string)[] _mlxNccl =
    [
        ("NCCL_HOST_IP", "a"),
        ("NCCL_PORT", "1"),
        ("MLX_RANK", "1"),
        ("MLX_WORLD_SIZE", "2"),
    ];

    // What another program may have left behind, each enough to form a group of NCCL's.
    private static readonly (string, string)[][] _leftOver =
    [
        [("RANK", "0"), ("WORLD_SIZE", "1"), ("MASTER_ADDR", "a"), ("MASTER_PORT", "1")],
        [("RANK", "1"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "a"), ("MASTER_PORT", "1"), ("LOCAL_RANK", "1")],
        [("NCCL_COMM_ID", "a:1"), ("RANK", "0"), ("WORLD_SIZE", "2")],
        [("NCCL_COMM_ID", "a:1"), ("OMPI_COMM_WORLD_RANK", "0"), ("OMPI_COMM_WORLD_SIZE", "2")],
        [("MASTER_ADDR", "a"), ("MASTER_PORT", "1"), ("SLURM_PROCID", "0"), ("SLURM_NTASKS", "1")],
        [
            ("MISTRALRS_MN_GLOBAL_WORLD_SIZE", "2"),
            ("MISTRALRS_MN_HEAD_NUM_WORKERS", "1"),
            ("MISTRALRS_MN_HEAD_PORT", "9000"),
        ],
        [("NCCL_HOST_IP", "a"), ("NCCL_PORT", "1"), ("MLX_WORLD_SIZE", "1")],
        [("RANK", "x"), ("WORLD_SIZE", ""), ("MASTER_ADDR", "a b"), ("MASTER_PORT", "0")],
    ];

    // One variable of each way to configure a group.
    private static readonly (string, string)[] _halves =
    [
        ("MLX_RANK", "0"),
        ("MLX_HOSTFILE", "/h.json"),
        ("MLX_IBV_DEVICES", "/d.json"),
        ("MLX_JACCL_COORDINATOR", "a:1"),
        ("JACCL_RANK", "0"),
        ("JACCL_IBV_DEVICES", "/d.json"),
        ("JACCL_COORDINATOR", "a:1"),
        ("MLX_WORLD_SIZE", "2"),
        ("NCCL_HOST_IP", "a"),
        ("NCCL_PORT", "1"),
        ("NCCL_COMM_ID", "a:1"),
        ("WORLD_SIZE", "2"),
        ("MASTER_ADDR", "a"),
        ("MASTER_PORT", "1"),
        ("MISTRALRS_MN_GLOBAL_WORLD_SIZE", "2"),
        ("MISTRALRS_MN_HEAD_PORT", "1"),
        ("MISTRALRS_MN_HEAD_NUM_WORKERS", "1"),
        ("MISTRALRS_MN_WORKER_ID", "0"),
        ("MISTRALRS_MN_WORKER_SERVER_ADDR", "10.0.0.1:1"),
        ("NC_BACKEND", "ring"),
        ("NC_BACKEND", "nccl"),
        ("NC_BACKEND", "jaccl"),
    ];

    // Launchers that start several processes and tell them no place to meet: the variables of the first rank.
    private static readonly (string, string)[][] _launchers =
    [
        [("OMPI_COMM_WORLD_RANK", "0"), ("OMPI_COMM_WORLD_SIZE", "2")],
        [("PMI_RANK", "0"), ("PMI_SIZE", "2")],
        [("PMIX_RANK", "1")],
        [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "2"), ("SLURM_JOB_ID", "7"), ("SLURM_STEP_ID", "0")],
        [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "8"), ("SLURM_STEP_NUM_TASKS", "2"), ("SLURM_JOB_ID", "7")],
        [("RANK", "0"), ("WORLD_SIZE", "2")],
        [("MLX_RANK", "0"), ("MLX_WORLD_SIZE", "2")],
    ];

    [Test]
    public void A_hostfile_comes_before_what_is_left_over(
        [ValueSource(nameof(_leftOver))] (string, string)[] leftOver,
        [Values] bool isStrict
    ) => Assert.That(Decide(new() { Strict = isStrict }, [.. leftOver, .. _ring]), Is.EqualTo(BackendKind.Ring));

    [Test]
    public void A_device_file_comes_before_what_is_left_over(
        [ValueSource(nameof(_leftOver))] (string, string)[] leftOver,
        [Values] bool isStrict
    ) => Assert.That(Decide(new() { Strict = isStrict }, [.. leftOver, .. _jaccl]), Is.EqualTo(BackendKind.Jaccl));

    [Test]
    public void Options_come_before_what_is_left_over(
        [ValueSource(nameof(_leftOver))] (string, string)[] leftOver,
        [Values] bool isStrict
    )
    {
        Assert.That(
            Decide(
                new()
                {
                    Strict = isStrict,
                    Ring = new()
                    {
                        Rank = 0,
                        Hosts =
                        [
                            ["a:1"],
                            ["b:1"],
                        ],
                    },
                },
                leftOver
            ),
            Is.EqualTo(BackendKind.Ring)
        );
        Assert.That(
            Decide(
                new()
                {
                    Strict = isStrict,
                    Jaccl = new()
                    {
                        Rank = 0,
                        Devices =
                        [
                            [
                                [],
                                ["x"],
                            ],
                            [
                                ["x"],
                                [],
                            ],
                        ],
                        Coordinator = "a:1",
                    },
                },
                leftOver
            ),
            Is.EqualTo(BackendKind.Jaccl)
        );
    }

    /// <summary>A ring or JACCL in code, where MLX's launcher has started NCCL ranks.</summary>
    [Test]
    public void Options_come_before_mlxs_variables()
    {
        Assert.That(
            Decide(
                new()
                {
                    Ring = new()
                    {
                        Rank = 0,
                        Hosts =
                        [
                            ["a:1"],
                            ["b:1"],
                        ],
                    },
                },
                _mlxNccl
            ),
            Is.EqualTo(BackendKind.Ring)
        );
        Assert.That(
            Decide(new() { Jaccl = new() { Coordinator = "b:1" } }, [.. _mlxNccl, .. _jaccl[1..]]),
            Is.EqualTo(BackendKind.Jaccl)
        );
    }

    [Test]
    public void A_section_comes_before_what_is_left_over([ValueSource(nameof(_leftOver))] (string, string)[] leftOver)
    {
        Assert.That(Hosted([.. leftOver], ("Ring:Hosts", "a:1,b:1"), ("Ring:Rank", "0")), Is.EqualTo(BackendKind.Ring));
        Assert.That(
            Hosted([.. leftOver], ("Ring:BasePort", "1"), ("Ring:Nodes", "n[1-2]"), ("Ring:Rank", "0")),
            Is.EqualTo(BackendKind.Ring)
        );
        Assert.That(
            Hosted([.. leftOver], ("Jaccl:DeviceFile", "/d"), ("Jaccl:Coordinator", "a:1"), ("Jaccl:Rank", "0")),
            Is.EqualTo(BackendKind.Jaccl)
        );
        Assert.That(
            Hosted([.. leftOver, .. _ring], ("Nccl:Rendezvous", "a:1"), ("Nccl:Rank", "0"), ("Nccl:Size", "2")),
            Is.EqualTo(BackendKind.Nccl)
        );
    }

    [Test]
    public void Torchruns_variables_start_nccl_where_nothing_else_is_configured() =>
        Assert.That(Decide(new() { Strict = true }, _leftOver[1]), Is.EqualTo(BackendKind.Nccl));

    /// <summary>MLX's order among what MLX's launcher sets.</summary>
    [Test]
    public void Mlxs_variables_of_nccl_come_before_its_hostfile() =>
        Assert.That(Decide(new(), [.. _mlxNccl, .. _ring[1..]]), Is.EqualTo(BackendKind.Nccl));

    [Test]
    public void What_is_passed_over_is_told()
    {
        GroupPlan plan = Plan(new(), [.. _leftOver[1], .. _ring]);
        Assert.That(plan.Note, Does.StartWith("ring (MLX_RANK, MLX_HOSTFILE) is used; nccl (MASTER_ADDR, "));
        Assert.That(plan.Warning, Is.Null);
    }

    /// <summary>
    /// Where what was configured explicitly lacks something, what is left over does not take its place in silence.
    /// </summary>
    [Test]
    public void What_is_left_over_does_not_replace_half_a_configuration_in_silence()
    {
        var options = new DistributedGroupOptions { Jaccl = new() { Coordinator = "a:1" } };
        GroupPlan plan = Plan(options, _leftOver[1]);
        Assert.That(plan.Configuration!.Backend, Is.EqualTo(BackendKind.Nccl));
        Assert.That(plan.Warning, Does.Contain("jaccl: MLX_IBV_DEVICES is missing"));
        options.Strict = true;
        Assert.That(
            () => Plan(options, _leftOver[1]),
            Throws.InstanceOf<BackendUnavailableException>().With.Message.Contains("MLX_IBV_DEVICES is missing")
        );
    }

    [Test]
    public void NC_BACKEND_names_the_backend([Values("ring", "jaccl", "nccl")] string name)
    {
        (string, string)[] all = [.. _leftOver[1], .. _jaccl, .. _ring[1..], ("NC_BACKEND", name)];
        Assert.That(Decide(new() { Strict = true }, all), Is.EqualTo(Enum.Parse<BackendKind>(name, ignoreCase: true)));
        Assert.That(Hosted(all, ("Backend", "any")), Is.EqualTo(Enum.Parse<BackendKind>(name, ignoreCase: true)));
    }

    [Test]
    public void Code_and_section_come_before_NC_BACKEND()
    {
        (string, string)[] all = [.. _mlxNccl, .. _ring[1..], ("NC_BACKEND", "nccl")];
        Assert.That(Decide(new() { Backend = BackendKind.Ring }, all), Is.EqualTo(BackendKind.Ring));
        Assert.That(Hosted(all, ("Backend", "ring")), Is.EqualTo(BackendKind.Ring));
        Assert.That(
            Hosted([.. _ring, ("NC_BACKEND", "rung")], ("Backend", "ring")),
            Is.EqualTo(BackendKind.Ring),
            "not even its mistakes count"
        );
        Assert.That(
            Decide(new() { Backend = BackendKind.Ring }, [.. _ring, ("NC_BACKEND", "rung")]),
            Is.EqualTo(BackendKind.Ring)
        );
    }

    [Test]
    public void Any_leaves_the_choice_open() =>
        Assert.That(Decide(new(), [.. _ring, ("NC_BACKEND", "any")]), Is.EqualTo(BackendKind.Ring));

    [Test]
    public void A_malformed_NC_BACKEND_is_an_error(
        [Values("", "rung", "Ring", "none", " ring", "nccl,ring")] string value
    )
    {
        string message = $"The environment variable NC_BACKEND is \"{value}\", but should be any, ring, jaccl or nccl.";
        Assert.That(
            () => Plan(new(), [.. _ring, ("NC_BACKEND", value)]),
            Throws.InstanceOf<RendezvousException>().With.Message.EqualTo(message)
        );
        Assert.That(
            Configurations.FaultOf(Configurations.Of([.. _ring, ("NC_BACKEND", value)], [])),
            Is.EqualTo(message)
        );
        Assert.That(
            Configurations.FaultOf(Configurations.Of([.. _ring, ("NC_BACKEND", value)], ("Backend", "any"))),
            Is.EqualTo(message)
        );
    }

    /// <summary>
    /// The program configures one backend, the variable names another: a group of one would be the worst of outcomes.
    /// </summary>
    [Test]
    public void NC_BACKEND_that_contradicts_the_options_is_an_error() =>
        Assert.That(
            () =>
                Plan(
                    new()
                    {
                        Ring = new()
                        {
                            Rank = 0,
                            Hosts =
                            [
                                ["a:1"],
                                ["b:1"],
                            ],
                        },
                    },
                    ("NC_BACKEND", "jaccl")
                ),
            Throws
                .InstanceOf<BackendUnavailableException>()
                .With.Message.Contains("NC_BACKEND is jaccl, but the program configures ring.")
        );

    [Test]
    public void Doctor_traces_NC_BACKEND() =>
        Assert.That(
            ConfigurationTrace.Of(Configurations.Of([("NC_BACKEND", "ring")], ("Backend", "any"))),
            Has.Member(
                new SettingOrigin(
                    "NativeCollectives:Backend",
                    "ring",
                    "environment variable NC_BACKEND (NativeCollectives)"
                )
            )
        );

    [Test]
    public void Half_a_configuration_is_warned_of([ValueSource(nameof(_halves))] (string Name, string Value) half)
    {
        GroupPlan plan = Plan(new(), half);
        Assert.That(plan.Configuration, Is.Null);
        Assert.That(plan.Warning, Does.StartWith("The group has this process as its only rank").And.Contain(half.Name));
        Assert.That(
            () => Plan(new() { Strict = true }, half),
            Throws.InstanceOf<BackendUnavailableException>().With.Message.Contains(half.Name)
        );
    }

    [Test]
    public void A_launcher_without_a_way_to_meet_is_warned_of(
        [ValueSource(nameof(_launchers))] (string Name, string Value)[] launcher
    )
    {
        foreach (
            BackendKind backend in new[] { BackendKind.Any, BackendKind.Ring, BackendKind.Nccl, BackendKind.Jaccl }
        )
        {
            GroupPlan plan = Plan(new() { Backend = backend }, launcher);
            Assert.That(plan.Configuration, Is.Null);
            Assert.That(
                plan.Warning,
                Does.StartWith("The group has this process as its only rank").And.Contain("Set where the ranks meet")
            );
            Assert.That(
                () => Plan(new() { Backend = backend, Strict = true }, launcher),
                Throws.InstanceOf<BackendUnavailableException>().With.Message.Contains("Set where the ranks meet")
            );
        }

        Assert.That(
            Plan(new() { Backend = BackendKind.None, Strict = true }, launcher).Warning,
            Is.Null,
            "alone on purpose"
        );
        Assert.That(
            Plan(
                new()
                {
                    Nccl = new() { Size = 1 },
                    Strict = true,
                },
                launcher
            ).Warning,
            Is.Null,
            "alone on purpose"
        );
    }

    /// <summary>
    /// torchrun's variables of another, smaller job are complete, but mpirun has started several processes: each would
    /// be alone.
    /// </summary>
    [Test]
    public void A_left_over_group_of_one_under_a_launcher_is_warned_of(
        [ValueSource(nameof(_launchers))] (string Name, string Value)[] launcher
    )
    {
        (string Name, string Value)[] leftOver = _leftOver[0];
        (string, string)[] variables =
        [
            .. launcher.Where(one => one.Name is not ("RANK" or "WORLD_SIZE")),
            .. leftOver,
        ];
        if (variables.Length == leftOver.Length)
        {
            return; // they are that launcher's own variables
        }

        Assert.That(
            Plan(new(), variables).Warning,
            Does.StartWith("The group has this process as its only rank, because the environment variable WORLD_SIZE")
        );
        Assert.That(
            () => Plan(new() { Strict = true }, variables),
            Throws
                .InstanceOf<BackendUnavailableException>()
                .With.Message.Contains("seems to have started several processes")
        );
    }

    [Test]
    public void A_launcher_of_one_process_is_quiet()
    {
        (string, string)[][] alone =
        [
            [],
            [("OMPI_COMM_WORLD_RANK", "0"), ("OMPI_COMM_WORLD_SIZE", "1"), ("PMIX_RANK", "0")],
            [("PMI_RANK", "0"), ("PMI_SIZE", "1")],
            [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "1"), ("SLURM_JOB_ID", "7"), ("SLURM_STEP_ID", "0")],
            [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "4"), ("SLURM_JOB_ID", "7")], // the script of sbatch
            [("RANK", "0"), ("WORLD_SIZE", "1")],
            [("RANK", "gold")],
            [("MLX_RANK", "0"), ("MLX_WORLD_SIZE", "1")], // collectives launch -n 1
        ];
        foreach ((string, string)[] variables in alone)
        {
            Assert.That(Plan(new(), variables).Warning, Is.Null, string.Join(' ', variables));
        }
    }

    /// <summary>What a launcher tells besides is enough: its rank, and a file that says where the others are.</summary>
    [Test]
    public void A_hostfile_needs_a_launchers_rank_only(
        [ValueSource(nameof(_launchers))] (string Name, string Value)[] launcher
    )
    {
        Assert.That(
            Decide(new() { Strict = true }, [.. launcher, ("MLX_HOSTFILE", "/h.json")]),
            Is.EqualTo(BackendKind.Ring)
        );
        Assert.That(
            Decide(
                new() { Strict = true },
                [.. launcher, ("MLX_IBV_DEVICES", "/d.json"), ("MLX_JACCL_COORDINATOR", "a:1")]
            ),
            Is.EqualTo(BackendKind.Jaccl)
        );
    }

    /// <summary>
    /// A value that is long can be an id of NCCL's that has got into the wrong variable: whoever has it can join the
    /// group.
    /// </summary>
    [Test]
    public void No_message_shows_a_long_value()
    {
        string secret = string.Concat(Enumerable.Repeat("c9", NcclUniqueId.Size));
        (string, string)[] handed = [("__MISTRALRS_DAEMON_INTERNAL", "x"), ("MISTRALRS_MN_GLOBAL_WORLD_SIZE", "2")];
        (string, string)[] named =
        [
            ("NC_BACKEND", "x"),
            ("NC_NCCL_BOOTSTRAP", "x"),
            ("MLX_NCCL_TIMEOUT", "x"),
            .. _mlxNccl,
        ];
        int faults = 0;
        (string Name, string Value)[][] all = [_ring, _jaccl, _mlxNccl, handed, named, .. _leftOver, .. _launchers];
        foreach ((string Name, string)[] complete in all)
        {
            foreach (string variable in complete.Select(static one => one.Name))
            {
                (string, string)[] variables = [.. complete.Where(one => one.Name != variable), (variable, secret)];
                foreach (string text in Texts(variables))
                {
                    faults++;
                    Assert.That(text, Does.Not.Contain("c9c9"), variable);
                }
            }
        }

        Assert.That(faults, Is.GreaterThan(20));
    }

    /// <summary>
    /// The variable by which mistral.rs's daemon hands the id over, with something wrong beside the id or in it.
    /// </summary>
    [TestCase("""{"Init":{"id":[ID],"ids":null,"worker_rank":-1}}""")]
    [TestCase("""{"Init":{"id":[ID],"ids":null}}""")]
    [TestCase("""{"Init":{"id":[ID,201],"ids":null,"worker_rank":0}}""")]
    [TestCase("""{"Init":{"id":[ID],"ids":[[ID,201]],"worker_rank":0}}""")]
    [TestCase("""{"Init":{"id":[ID],"ids":[],"worker_rank":0}}""")]
    [TestCase("""{"Init":{"id":[ID],"ids":null,"worker_rank":0}""")]
    [TestCase("""{"id":[ID]}""")]
    [TestCase("""[ID]""")]
    [TestCase("""fffefdfcfbfaf9f8""")]
    public void A_malformed_daemon_variable_does_not_show_the_id(string text)
    {
        text = text.Replace(
            "ID",
            string.Join(',', Enumerable.Repeat("201", NcclUniqueId.Size)),
            StringComparison.Ordinal
        );
        string[] texts = Texts([("__MISTRALRS_DAEMON_INTERNAL", text), ("MISTRALRS_MN_GLOBAL_WORLD_SIZE", "2")]);
        Assert.That(texts, Has.Some.Contains("__MISTRALRS_DAEMON_INTERNAL should be JSON of the form"));
        Assert.That(texts, Has.None.Contains("201").And.None.Contains("fffe"));
    }

    [Test]
    public void A_message_is_one_line() =>
        Assert.That(
            Texts([("MLX_RANK", "1\nERROR: forged\r\u001b[2J"), ("MLX_HOSTFILE", "/h.json")])[0].Split('\n')[0],
            Does.Contain("""MLX_RANK is "1\nERROR: forged\r\u001b[2J", but should be""")
        );

    /// <summary>With a log there is nothing on the standard error stream; without one there is one line.</summary>
    [Test]
    [Category("Ring")]
    [NonParallelizable]
    public void A_warning_goes_to_the_log_or_else_to_standard_error()
    {
        var environment = new LaunchEnvironment(Configurations.LookUp(("MLX_RANK", "0")));
        List<string> log = [];
        TextWriter usual = Console.Error;
        using var errors = new StringWriter();
        Console.SetError(errors);
        try
        {
            DistributedGroup
                .Create(new() { Log = (level, message) => log.Add($"{level}: {message}") }, environment)
                .Dispose();
            Assert.That(errors.ToString(), Is.Empty);
            DistributedGroup.Create(new(), environment).Dispose();
        }
        finally
        {
            Console.SetError(usual);
        }

        Assert.That(log, Has.One.StartsWith("Warning: The group has this process as its only rank"));
        string[] lines = errors.ToString().Split(Environment.NewLine);
        Assert.That(lines, Has.Length.EqualTo(2));
        Assert.That(
            lines[0],
            Does.StartWith("NativeCollectives: The group has this process as its only rank")
                .And.Contain("MLX_RANK is set")
        );
        Assert.That(lines[1], Is.Empty);
    }

    /// <summary>Programs that were started with half a configuration, or by a launcher, and that have no log.</summary>
    [Test]
    [Category("Ring")]
    public async Task A_program_without_a_log_writes_one_line_to_standard_error(CancellationToken cancellation)
    {
        (string, string)[][] environments =
        [
            [("MLX_RANK", "0")],
            [("MLX_HOSTFILE", "/h.json")],
            [("MLX_IBV_DEVICES", "/d")],
            [("WORLD_SIZE", "2")],
            _launchers[0],
        ];
        foreach ((string Name, string)[] variables in environments)
        {
            var (code, output, errors) = await RunAsync("AllReduce", variables, cancellation);
            Assert.That((code, output.Trim()), Is.EqualTo((0, "rank 0 of 1: [1 0 0]")), errors);
            Assert.That(
                errors,
                Does.Match("^NativeCollectives: The group has this process as its only rank[^\n]+\n$")
                    .And.Contain(variables[^1].Name)
            );
        }
    }

    [Test]
    [Category("Ring")]
    public async Task A_strict_program_under_mpirun_fails_and_says_what_to_set(CancellationToken cancellation)
    {
        var (code, _, errors) = await RunAsync("MixedRing", _launchers[0], cancellation);
        Assert.That(code, Is.Not.Zero);
        Assert.That(
            errors,
            Does.Contain(nameof(BackendUnavailableException))
                .And.Contain("OMPI_COMM_WORLD_SIZE is \"2\"")
                .And.Contain("MLX_HOSTFILE")
        );
    }

    /// <summary>
    /// Two ranks of a ring whose environment would do for NCCL too, with NCCL at hand: they were two groups of one.
    /// </summary>
    [Test]
    [Category("Ring")]
    public async Task Two_ranks_with_a_hostfile_meet_whatever_is_left_over(CancellationToken cancellation)
    {
        using var hosts = new HostFile(2, 1);
        hosts.Release();
        (string, string)[] nccl = [.. NcclLibraries.Doubles().Select(static one => (one.Key, one.Value))];
        var runs = await Task.WhenAll(
            Enumerable
                .Range(0, 2)
                .Select(rank =>
                    RunAsync(
                        "AllReduce",
                        [
                            .. nccl,
                            .. _leftOver[0][..2],
                            ("MASTER_ADDR", "127.0.0.1"),
                            ("MASTER_PORT", "9"),
                            ("MLX_RANK", $"{rank}"),
                            ("MLX_HOSTFILE", hosts.Path),
                        ],
                        cancellation
                    )
                )
        );
        Assert.That(
            runs.Select(static run => (run.Code, run.Output.Trim())),
            Is.EqualTo(new[] { (0, "rank 0 of 2: [2 1 1]"), (0, "rank 1 of 2: [2 1 1]") })
        );
        Assert.That(runs.Select(static run => run.Errors), Is.All.Empty);
    }

    /// <summary>A job within a job does not take part in the outer one, whoever launched that.</summary>
    [Test]
    [Category("Tool")]
    public void A_launched_rank_gets_no_variables_of_an_outer_job() =>
        Assert.That(
            _leftOver
                .Concat(_launchers)
                .Append([.. _halves, ("RING_CONFIG", "f"), ("NC_NCCL_BOOTSTRAP", "mlx")])
                .SelectMany(static set => set)
                .Select(static one => one.Item1)
                .Except(["SLURM_JOB_ID", "SLURM_STEP_ID"]),
            Is.SubsetOf(NativeCollectives.Cli.Launch.JobPlanner.GroupVariables)
        );

    private static BackendKind? Decide(DistributedGroupOptions options, (string, string)[] variables)
    {
        BackendKind? alone = Plan(options, variables).Configuration?.Backend;
        DistributedGroupSettings settings = Settings(options, Configurations.Of(variables, []));
        GroupPlan hosted = GroupPlan.Make(settings.ToGroupOptions(), settings.Environment, static _ => null);
        Assert.That(hosted.Configuration?.Backend, Is.EqualTo(alone), "in a host it is decided alike");
        return alone;
    }

    // What code sets in AddDistributedGroup's delegate.
    private static DistributedGroupSettings Settings(
        DistributedGroupOptions options,
        Microsoft.Extensions.Configuration.IConfiguration configuration
    )
    {
        var settings = new DistributedGroupSettings();
        settings.Read(EffectiveConfiguration.Of(configuration));
        settings.Backend = options.Backend == BackendKind.Any ? settings.Backend : options.Backend;
        settings.Strict = options.Strict;
        settings.Ring.Rank = options.Ring?.Rank ?? settings.Ring.Rank;
        if (options.Ring?.Hosts is { } hosts)
        {
            settings.Ring.Hosts = hosts;
            settings.Ring.HostFile = null;
        }

        settings.Jaccl.Rank = options.Jaccl?.Rank ?? settings.Jaccl.Rank;
        settings.Jaccl.Coordinator = options.Jaccl?.Coordinator ?? settings.Jaccl.Coordinator;
        if (options.Jaccl?.Devices is { } devices)
        {
            settings.Jaccl.Devices = devices;
            settings.Jaccl.DeviceFile = null;
        }

        var result = new DistributedGroupSettingsValidator().Validate(null, settings);
        Assert.That(result.Failed, Is.False, result.FailureMessage);
        return settings;
    }

    private static BackendKind? Hosted((string, string)[] variables, params (string, string?)[] section)
    {
        var settings = DistributedGroupSettings.From(Configurations.Of(variables, section));
        return GroupPlan.Make(settings.ToGroupOptions(), settings.Environment, static _ => null).Configuration?.Backend;
    }

    private static GroupPlan Plan(DistributedGroupOptions options, params (string, string)[] variables) =>
        GroupPlan.Make(options, new LaunchEnvironment(Configurations.LookUp(variables)), static _ => null);

    // Everything that is said of an environment, by the library alone and in a host.
    private static string[] Texts((string, string)[] variables)
    {
        List<string> texts = [];
        try
        {
            GroupPlan plan = Plan(new(), variables);
            texts.AddRange([plan.Warning ?? "", plan.Note ?? "", .. plan.Missing]);
        }
        catch (CollectiveException exception)
        {
            for (Exception? one = exception; one is not null; one = one.InnerException)
            {
                texts.Add(one.Message);
            }
        }

        try
        {
            _ = DistributedGroupSettings.From(Configurations.Of(variables, []));
        }
        catch (Microsoft.Extensions.Options.OptionsValidationException exception)
        {
            texts.AddRange(exception.Failures);
        }

        return [.. texts];
    }

    private static async Task<(int Code, string Output, string Errors)> RunAsync(
        string sample,
        IEnumerable<(string Name, string Value)> variables,
        CancellationToken cancellation
    )
    {
        var start = new ProcessStartInfo(
            CollectivesTool.Dotnet,
            [Path.Combine(AppContext.BaseDirectory, $"{sample}.dll")]
        )
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string name in LaunchEnvironment.GroupVariables)
        {
            start.Environment.Remove(name);
        }

        foreach ((string name, string value) in variables)
        {
            start.Environment[name] = value;
        }

        Process process = ChildProcesses.Start(start);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(cancellation);
            Task<string> errors = process.StandardError.ReadToEndAsync(cancellation);
            await process.WaitForExitAsync(cancellation);
            return (process.ExitCode, await output, await errors);
        }
        finally
        {
            ChildProcesses.End(process);
        }
    }
}
