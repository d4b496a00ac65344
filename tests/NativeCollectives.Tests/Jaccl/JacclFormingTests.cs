using System.Diagnostics;
using System.Net.Sockets;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Jaccl;

/// <summary>Everything that can go wrong before a group exists.</summary>
[Category("Jaccl")]
[Category("Faults")]
public sealed class JacclFormingTests
{
    private readonly JacclRanks _processes = new();

    [OneTimeTearDown]
    public void End() => _processes.Dispose();

    // ---- who comes when ---------------------------------------------------------------------------------------------

    [TestCase("0,1")]
    [TestCase("1,0")]
    [TestCase("2,1,0")]
    [TestCase("1,0,2")]
    public void PeersMayStartInAnyOrder(string order)
    {
        var sequence = order.Split(',').Select(int.Parse).ToList();
        _processes.On(
            sequence.Count,
            ranks =>
            {
                var shape = JacclShape.Mesh(ranks.Size);
                var calls = new WorkerProcess.Call[ranks.Size];
                foreach (var rank in sequence)
                {
                    calls[rank] = ranks.Workers[rank].Send(ranks.Join(rank, shape));
                    calls[rank].Announced();
                    if (rank == 0)
                    {
                        Network.Listening(ranks.Port());
                    }
                    if (rank == sequence[0])
                    {
                        Thread.Sleep(700); // the lateness of everybody else
                    }
                }
                LocalRanks.Succeed(calls);
                ranks.Play(shape, "check");
            }
        );
    }

    [TestCase(false)]
    [TestCase(true)]
    public void ARankThatNeverComesIsNamed(bool isRing) =>
        _processes.On(
            3,
            ranks =>
            {
                const double Deadline = 1.5;
                var calls = new[] { 0, 1 }
                    .Select(rank =>
                        ranks
                            .Workers[rank]
                            .Send(ranks.Join(rank, new JacclShape(isRing, 3, 1), formingSeconds: Deadline))
                    )
                    .ToList();
                foreach (var (call, rank) in calls.Select((call, rank) => (call, rank)))
                {
                    var reply = call.Answer();
                    Assert.That(
                        reply.Failure?.Type,
                        Is.EqualTo(nameof(RendezvousException)),
                        $"rank {rank}: {reply.Failure?.Text}"
                    );
                    Assert.That(
                        Seconds(reply),
                        Is.GreaterThan(Deadline - 0.2).And.LessThan(Deadline + 3),
                        $"rank {rank}"
                    );
                    Assert.That(reply.Failure!.Rank, Is.EqualTo(rank));
                }
                Assert.That(
                    calls[0].Answer().Failure!.Message,
                    Does.Contain("rank 2").IgnoreCase,
                    "whom rank 0 has waited for"
                );
            }
        );

    [Test]
    public void ACoordinatorThatNeverComesIsNamed() =>
        _processes.On(
            2,
            ranks =>
            {
                var reply = ranks.Workers[1].Do(ranks.Join(1, JacclShape.Mesh(2), formingSeconds: 1.2));
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(RendezvousException)), reply.Failure?.Text);
                Assert.That(reply.Failure!.Message, Does.Contain(ranks.Coordinator()));
                Assert.That(Seconds(reply), Is.GreaterThan(1.0).And.LessThan(4));
            }
        );

    [Test]
    public void TwoRanksWithTheSameNumberAreAnError() =>
        _processes.On(
            3,
            ranks =>
            {
                var shape = JacclShape.Mesh(3);
                var replies = LocalRanks.Answers(
                    ranks.All(rank => ranks.Join(Math.Min(rank, 1), shape, formingSeconds: 4))
                );
                Assert.That(
                    replies.Select(reply => reply.Failure?.Type),
                    Is.All.EqualTo(nameof(RendezvousException)),
                    string.Join('\n', replies.Select(reply => reply.Failure?.Message))
                );
                Assert.That(replies[0].Failure!.Message, Does.Contain("rank 1").IgnoreCase);
            }
        );

    [Test]
    public void TwoRanksZeroAreAnError() =>
        _processes.On(
            2,
            ranks =>
            {
                var first = ranks.Workers[0].Send(ranks.Join(0, JacclShape.Mesh(2), formingSeconds: 3));
                Network.Listening(ranks.Port());
                var second = ranks.Workers[1].Do(ranks.Join(0, JacclShape.Mesh(2), formingSeconds: 3));
                Assert.That(second.Failure?.Type, Is.EqualTo(nameof(RendezvousException)), second.Failure?.Text);
                Assert.That(second.Failure!.Message, Does.Contain(ranks.Coordinator()));
                Assert.That(first.Answer().Failure?.Type, Is.EqualTo(nameof(RendezvousException)));
            }
        );

    [Test]
    public void ARankThatDiesWhileFormingDoesNotHangTheOthers(
        [Values(0, 1, 2)] int victim,
        [Values("create_qp@1", "reg_mr@1", "modify_qp:RTR@1", "modify_qp:RTS@2")] string moment
    ) =>
        _processes.On(
            3,
            ranks =>
            {
                var shape = JacclShape.Mesh(3);
                ranks.Fault($"{moment}=kill", victim);
                var calls = new WorkerProcess.Call[3];
                // The victim last, when the others have met: somebody who comes later cannot know.
                foreach (var rank in Enumerable.Range(0, 3).OrderBy(rank => rank == victim && rank > 0))
                {
                    calls[rank] = ranks.Workers[rank].Send(ranks.Join(rank, shape, formingSeconds: 20));
                    if (rank == 0)
                    {
                        Network.Listening(ranks.Port());
                    }
                    else if (victim > 0 && rank != victim)
                    {
                        Network.Connected(ranks.Port(), 1);
                    }
                }
                foreach (var rank in Enumerable.Range(0, 3).Where(rank => rank != victim))
                {
                    var reply = calls[rank].Answer();
                    Assert.That(
                        reply.Failure?.Type,
                        Is.EqualTo(nameof(RendezvousException)).Or.EqualTo(nameof(PeerLostException)),
                        $"rank {rank}: {reply.Failure?.Text}"
                    );
                    Assert.That(Seconds(reply), Is.LessThan(10), $"rank {rank}: long before its deadline");
                }
                ranks.Replace(victim);
            }
        );

    [Test]
    public void FormingCanBeCancelled() =>
        _processes.On(
            2,
            ranks =>
            {
                foreach (var rank in new[] { 0, 1 })
                {
                    var reply = ranks
                        .Workers[rank]
                        .Do(ranks.Join(rank, JacclShape.Mesh(2)) with { CancelAfterMilliseconds = 300 });
                    Assert.That(
                        reply.Failure?.Type,
                        Is.AnyOf(nameof(OperationCanceledException), nameof(TaskCanceledException)),
                        reply.Failure?.Text
                    );
                    Assert.That(Seconds(reply), Is.LessThan(5));
                }
            }
        );

    // ---- strangers on the coordinator's port ------------------------------------------------------------------------

    /// <summary>
    /// Either the group forms all the same, or the error tells of it; no wait beyond the deadline, and no crash.
    /// </summary>
    [TestCase("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", true)]
    [TestCase("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", false)]
    [TestCase("", true)]
    [TestCase("", false)]
    [TestCase("\u0007\0\0\0", false)]
    [TestCase("\0\0\0\0", false)]
    [TestCase("\u0001\0", true)]
    public void AStrangerIsFoundOut(string says, bool closes) =>
        _processes.On(
            3,
            ranks =>
            {
                var shape = JacclShape.Mesh(3);
                var first = ranks.Workers[0].Send(ranks.Join(0, shape, formingSeconds: 5));
                Network.Listening(ranks.Port());
                using var stranger = Network.Connect("127.0.0.1", ranks.Port());
                var name = stranger.LocalEndPoint!.ToString()!;
                stranger.Send(says.Select(character => (byte)character).ToArray());
                if (closes)
                {
                    stranger.Close();
                }
                var replies = LocalRanks.Answers([
                    first,
                    .. new[] { 1, 2 }.Select(rank =>
                        ranks.Workers[rank].Send(ranks.Join(rank, shape, formingSeconds: 5))
                    ),
                ]);
                if (replies.All(reply => reply.Failure is null))
                {
                    ranks.Play(shape, "check");
                    return;
                }
                Assert.That(replies.Select(reply => reply.Failure?.Type), Is.All.EqualTo(nameof(RendezvousException)));
                Assert.That(replies[0].Failure!.Message, Does.Contain(name), "the error names the stranger");
                Assert.That(replies.Select(Seconds), Is.All.LessThan(8));
            }
        );

    /// <summary>It says that it is rank 1, and then something else.</summary>
    [Test]
    public void AStrangerInTheMiddleOfTheRounds([Values("hello again, rank zero", "")] string says) =>
        _processes.On(
            2,
            ranks =>
            {
                var call = ranks.Workers[0].Send(ranks.Join(0, JacclShape.Mesh(2), formingSeconds: 3));
                Network.Listening(ranks.Port());
                using var stranger = Network.Connect("127.0.0.1", ranks.Port());
                stranger.Send(BitConverter.GetBytes(1));
                stranger.Send(says.Select(character => (byte)character).ToArray());
                if (says.Length == 0)
                {
                    stranger.Shutdown(SocketShutdown.Both);
                }
                var reply = call.Answer();
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(RendezvousException)), reply.Failure?.Text);
                Assert.That(reply.Failure!.Message, Does.Contain("rank 1").IgnoreCase);
                Assert.That(Seconds(reply), Is.LessThan(6));
            }
        );

    [Test]
    public void APortInUseIsNamed() =>
        _processes.On(
            2,
            ranks =>
            {
                using var holder = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
                {
                    ExclusiveAddressUse = true,
                };
                holder.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, ranks.Port()));
                holder.Listen();
                var reply = ranks.Workers[0].Do(ranks.Join(0, JacclShape.Mesh(2), formingSeconds: 5));
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(RendezvousException)), reply.Failure?.Text);
                Assert.That(reply.Failure!.Message, Does.Contain(ranks.Coordinator()).And.Contain("in use").IgnoreCase);
            }
        );

    // ---- device matrices --------------------------------------------------------------------------------------------

    [TestCase("[[null,\"rdma_m1\"],[\"rdma_m0\",null]", TestName = "{m}(truncated)")]
    [TestCase("", TestName = "{m}(empty)")]
    [TestCase("hello", TestName = "{m}(text)")]
    [TestCase("null", TestName = "{m}(null)")]
    [TestCase("{\"0\":[]}", TestName = "{m}(object)")]
    [TestCase("[]", TestName = "{m}(no ranks)")]
    [TestCase("[[null]]", TestName = "{m}(one rank)")]
    [TestCase("[[null,\"rdma_m1\"],[\"rdma_m0\"]]", TestName = "{m}(short row)")]
    [TestCase("[[null,\"rdma_m1\",null],[\"rdma_m0\",null]]", TestName = "{m}(long row)")]
    [TestCase("[[null,7],[\"rdma_m0\",null]]", TestName = "{m}(number for a name)")]
    [TestCase("[[null,[7]],[\"rdma_m0\",null]]", TestName = "{m}(number in a list)")]
    [TestCase("[[null,\"\"],[\"rdma_m0\",null]]", TestName = "{m}(empty name)")]
    [TestCase("[null,[\"rdma_m0\",null]]", TestName = "{m}(no row)")]
    [TestCase("[[null,null],[null,null]]", TestName = "{m}(no devices)")]
    [TestCase("[[null,\"rdma_m1\"],[null,null]]", TestName = "{m}(a cable with one end)")]
    [TestCase(
        "[[null,[\"a\",\"b\"],null,\"c\"],[\"a\",null,\"b\",null],[null,\"a\",null,\"b\"],[\"a\",null,\"b\",null]]",
        TestName = "{m}(unequal wires)"
    )]
    [TestCase(
        "[[\"d\",[\"a\",\"b\"],\"c\"],[\"a\",null,\"b\"],[\"a\",\"b\",null]]",
        TestName = "{m}(a device on the diagonal)"
    )]
    public void AMalformedDeviceMatrixIsNamed(string text) =>
        _processes.On(
            2,
            ranks =>
            {
                var path = ranks.NewFile(text);
                foreach (var prefersRing in new[] { false, true })
                {
                    var join = ranks.Join(0, JacclShape.Mesh(2), formingSeconds: 5);
                    var reply = ranks
                        .Workers[0]
                        .Do(
                            join with
                            {
                                Jaccl = join.Jaccl! with
                                {
                                    Devices = null,
                                    DeviceFile = path,
                                    PreferRing = prefersRing,
                                },
                            }
                        );
                    Assert.That(
                        reply.Failure?.Type,
                        Is.EqualTo(nameof(RendezvousException)),
                        $"{(prefersRing ? "ring" : "mesh")}: {reply.Failure?.Text}"
                    );
                    Assert.That(reply.Failure!.Message, Does.Contain(path), "the file is named");
                    Assert.That(Seconds(reply), Is.LessThan(2), "before any waiting");
                }
            }
        );

    [Test]
    public void AMissingDeviceFileIsNamed() =>
        _processes.On(
            2,
            ranks =>
            {
                var join = ranks.Join(0, JacclShape.Mesh(2), formingSeconds: 5);
                var reply = ranks
                    .Workers[0]
                    .Do(join with { Jaccl = join.Jaccl! with { Devices = null, DeviceFile = "/nowhere/matrix.json" } });
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(RendezvousException)), reply.Failure?.Text);
                Assert.That(reply.Failure!.Message, Does.Contain("/nowhere/matrix.json"));
            }
        );

    /// <summary>In code: W = 0, a ring that is broken, more than there may be, rows of the wrong length.</summary>
    [TestCase("[[[],[]],[[],[]]]", true)]
    [TestCase("[[[],[]],[[],[]]]", false)]
    [TestCase("[[[],[\"a\"],[]],[[\"a\"],[],[\"b\"]],[[],[\"b\"],[]]]", false)]
    [TestCase("[[[],[\"a\"],[]],[[\"a\"],[],[\"b\"]],[[],[\"b\"],[]]]", true)]
    [TestCase("[[[],[\"a\",\"b\",\"c\",\"d\",\"e\"]],[[\"a\",\"b\",\"c\",\"d\",\"e\"],[]]]", true)]
    [TestCase("[[[],[\"a\"]],[[\"a\"]]]", false)]
    [TestCase("[]", false)]
    public void AnImpossibleMatrixInCodeIsAnError(string text, bool preferRing) =>
        _processes.On(
            2,
            ranks =>
            {
                var matrix = System.Text.Json.JsonSerializer.Deserialize<string[][][]>(text)!;
                var join = ranks.Join(0, JacclShape.Mesh(2), formingSeconds: 5);
                var reply = ranks
                    .Workers[0]
                    .Do(join with { Jaccl = join.Jaccl! with { Devices = matrix, PreferRing = preferRing } });
                Assert.That(
                    reply.Failure?.Type,
                    Is.AnyOf(
                        nameof(RendezvousException),
                        nameof(ArgumentException),
                        nameof(ArgumentOutOfRangeException)
                    ),
                    reply.Failure?.Text
                );
                Assert.That(
                    reply.Failure!.Message,
                    Does.Contain("Devices").Or.Contain("matrix").Or.Contain("device"),
                    reply.Failure.Text
                );
                Assert.That(Seconds(reply), Is.LessThan(2), "before any waiting");
            }
        );

    [Test]
    public void AMeshOfNineIsTooLarge() =>
        _processes.On(
            2,
            ranks =>
            {
                var join = ranks.Join(0, JacclShape.Mesh(2), formingSeconds: 5);
                string[][][] matrix =
                [
                    .. Enumerable
                        .Range(0, 9)
                        .Select(row =>
                            Enumerable
                                .Range(0, 9)
                                .Select<int, string[]>(column => row == column ? [] : ["rdma_m1"])
                                .ToArray()
                        ),
                ];
                var reply = ranks.Workers[0].Do(join with { Jaccl = join.Jaccl! with { Devices = matrix } });
                Assert.That(
                    reply.Failure?.Type,
                    Is.EqualTo(nameof(RendezvousException)).Or.EqualTo(nameof(ArgumentException)),
                    reply.Failure?.Text
                );
                Assert.That(reply.Failure!.Message, Does.Contain("8"));
                Assert.That(Seconds(reply), Is.LessThan(2));
            }
        );

    [TestCase(2)]
    [TestCase(17)]
    [TestCase(-1)]
    public void ARankOutOfRangeIsNamed(int rank) =>
        _processes.On(
            2,
            ranks =>
            {
                foreach (var inCode in new[] { true, false })
                {
                    var join = ranks.Join(rank, JacclShape.Mesh(2), formingSeconds: 5);
                    var path = ranks.NewFile(LocalJaccl.Json(SoftVerbsLibrary.Matrix(JacclShape.Mesh(2))));
                    var reply = ranks
                        .Workers[0]
                        .Do(
                            inCode ? join : join with { Jaccl = join.Jaccl! with { Devices = null, DeviceFile = path } }
                        );
                    Assert.That(
                        reply.Failure?.Type,
                        Is.AnyOf(nameof(RendezvousException), nameof(ArgumentException)),
                        reply.Failure?.Text
                    );
                    Assert.That(reply.Failure!.Message, Does.Contain($"{rank}"));
                    Assert.That(Seconds(reply), Is.LessThan(2));
                }
            }
        );

    [Test]
    public void WithoutARankNothingIsConfigured() =>
        _processes.On(
            2,
            ranks =>
            {
                var join = ranks.Join(0, JacclShape.Mesh(2), formingSeconds: 5);
                var reply = ranks.Workers[0].Do(join with { Jaccl = join.Jaccl! with { Rank = null } });
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(BackendUnavailableException)), reply.Failure?.Text);
                Assert.That(reply.Failure!.Message, Does.Contain("RANK"));
            }
        );

    // ---- the environment --------------------------------------------------------------------------------------------

    [TestCase("MLX", false, 3, 1)]
    [TestCase("JACCL", false, 2, 1)]
    [TestCase("MLX", true, 3, 2)]
    [TestCase("JACCL", true, 2, 1)]
    public void AGroupFromTheEnvironment(string prefix, bool isRing, int size, int wires)
    {
        var shape = new JacclShape(isRing, size, wires);
        using var ranks = new LocalJaccl(size);
        var replies = LocalRanks.Succeed(ranks.All(rank => ranks.JoinByEnvironment(rank, shape, prefix)));
        Assert.That(
            replies.Select(reply => (reply.Data["backend"], reply.Data["size"])),
            Is.All.EqualTo(("jaccl", $"{size}"))
        );
        Assert.That(replies.Select((reply, rank) => reply.Data["rank"] == $"{rank}"), Is.All.True);
        ranks.Play(shape, "check");
        if (isRing && size > 3)
        {
            ranks.Play(shape, "not_neighbours");
        }
    }

    /// <summary>JACCL_… wins over MLX_…; what is in code over both.</summary>
    [Test]
    public void NamesOfJacclWinOverMlxs()
    {
        var shape = JacclShape.Mesh(2);
        using var ranks = new LocalJaccl(2);
        var replies = LocalRanks.Succeed(
            ranks.All(rank =>
            {
                var join = ranks.JoinByEnvironment(rank, shape, "JACCL");
                return join with
                {
                    Variables = new(join.Variables!)
                    {
                        ["MLX_RANK"] = "77",
                        ["MLX_IBV_DEVICES"] = "/nowhere",
                        ["MLX_JACCL_COORDINATOR"] = "127.0.0.1:1",
                    },
                };
            })
        );
        Assert.That(replies.Select(reply => reply.Data["backend"]), Is.All.EqualTo("jaccl"));
        ranks.Play(shape, "check");
    }

    [TestCase("MLX_RANK", "")]
    [TestCase("MLX_RANK", "one")]
    [TestCase("MLX_RANK", "-1")]
    [TestCase("MLX_JACCL_COORDINATOR", "127.0.0.1")]
    [TestCase("MLX_JACCL_COORDINATOR", "127.0.0.1:70000")]
    [TestCase("MLX_IBV_DEVICES", " ")]
    public void AWrongVariableIsNamed(string variable, string value)
    {
        using var ranks = new LocalJaccl(
            1,
            _ => new Dictionary<string, string>
            {
                ["MLX_RANK"] = "0",
                ["MLX_IBV_DEVICES"] = "/nowhere",
                ["MLX_JACCL_COORDINATOR"] = "127.0.0.1:1",
                [variable] = value,
            }
        );
        var reply = ranks
            .Workers[0]
            .Do(new Command { Name = CommandNames.Create, Backend = nameof(BackendKind.Jaccl) });
        Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(RendezvousException)), reply.Failure?.Text);
        Assert.That(reply.Failure!.Message, Does.Contain(variable).And.Contain($"\"{value}\""));
    }

    // ---- devices ----------------------------------------------------------------------------------------------------

    [TestCase(false)]
    [TestCase(true)]
    public void ADeviceThatIsNotThereIsNamedWithThoseThatAre(bool isRing) =>
        _processes.On(
            2,
            ranks =>
            {
                var present = SoftVerbsLibrary.IsReal ? SoftVerbsLibrary.RealDevices[0] : "rdma_m0";
                var shape = new JacclShape(isRing, 2, 1);
                var matrix = SoftVerbsLibrary.Matrix(shape);
                matrix[1][0] = ["rdma_en77"];
                var replies = LocalRanks.Answers(
                    ranks.All(rank =>
                    {
                        var join = ranks.Join(rank, shape, formingSeconds: 8);
                        return join with { Jaccl = join.Jaccl! with { Devices = matrix } };
                    })
                );
                Assert.That(
                    replies.Select(reply => reply.Failure?.Type),
                    Is.All.EqualTo(nameof(RendezvousException)).Or.All.EqualTo(nameof(CollectiveException))
                );
                Assert.That(
                    replies[1].Failure!.Message,
                    Does.Contain("rdma_en77").And.Contain(present),
                    "the device, and which there are"
                );
            }
        );

    /// <summary>
    /// What the verbs refuse is named, and the other rank learns of it long before its deadline; nothing stays behind.
    /// </summary>
    [TestCase("open_device@1=EACCES", "Permission denied")]
    [TestCase("query_port@1=EIO", "port")]
    [TestCase("mapped_gid=none", "GID")]
    [TestCase("query_gid=EIO", "GID")]
    [TestCase("alloc_pd@1=ENOMEM", "ibv_alloc_pd")]
    [TestCase("reg_mr@1=ENOMEM", "Cannot allocate memory")]
    [TestCase("reg_mr@2=ENOMEM", "Cannot allocate memory")]
    [TestCase("create_cq@1=ENOMEM", "ibv_create_cq")]
    [TestCase("create_qp@1=ENOMEM", "ibv_create_qp")]
    [TestCase("create_qp@1=EBUSY", "queue pair")]
    [TestCase("modify_qp:INIT@1=EINVAL", "INIT")]
    [TestCase("modify_qp:RTR@1=EINVAL", "RTR")]
    [TestCase("modify_qp:RTS@1=EINVAL", "RTS")]
    [TestCase("modify_qp:RTR@1=EBUSY", "busy")]
    [TestCase("queue_pairs=0", "queue pair")]
    [TestCase("queue_pairs:RTR=0", "busy")]
    public void WhatTheVerbsRefuseIsNamed(string rule, string words) =>
        _processes.On(
            2,
            ranks =>
            {
                var shape = JacclShape.Mesh(2);
                ranks.Fault(rule, rank: 1);
                var calls = ranks.All(rank => ranks.Join(rank, shape, formingSeconds: 20));
                var replies = LocalRanks.Answers(calls);
                Assert.That(
                    replies[1].Failure?.Type,
                    Is.AnyOf(
                        nameof(RendezvousException),
                        nameof(CollectiveException),
                        nameof(CollectiveOutOfMemoryException)
                    ),
                    replies[1].Failure?.Text
                );
                Assert.That(replies[1].Failure!.Message, Does.Contain(words).IgnoreCase);
                Assert.That(replies[1].Failure!.Message, Does.Contain("rdma_m0"), "the device");
                Assert.That(
                    replies[0].Failure?.Type,
                    Is.AnyOf(nameof(RendezvousException), nameof(PeerLostException)),
                    replies[0].Failure?.Text
                );
                Assert.That(replies.Select(Seconds), Is.All.LessThan(10));
                ranks.NothingIsLeft();
                // It was the fault's, and nothing else stands in the way.
                ranks.Fault("");
                ranks.Form(shape);
                ranks.Play(shape, "check");
            }
        );

    /// <summary>
    /// The only device of a rank is not there: it is not available, and the other waits for it in vain.
    /// </summary>
    [Test]
    public void ARankWithoutDevicesDoesNotCome() =>
        _processes.On(
            2,
            ranks =>
            {
                ranks.Fault("list=missing", rank: 1);
                var replies = LocalRanks.Answers(
                    ranks.All(rank => ranks.Join(rank, JacclShape.Mesh(2), formingSeconds: 1.5))
                );
                Assert.That(
                    replies[1].Failure?.Type,
                    Is.EqualTo(nameof(BackendUnavailableException)),
                    replies[1].Failure?.Text
                );
                Assert.That(
                    replies[0].Failure?.Type,
                    Is.EqualTo(nameof(RendezvousException)),
                    replies[0].Failure?.Text
                );
                Assert.That(replies[0].Failure!.Message, Does.Contain("rank 1"));
            }
        );

    /// <summary>EBUSY is what drivers say when there are no more queue pairs; that is explained.</summary>
    [TestCase("queue_pairs=0")]
    [TestCase("queue_pairs:RTR=0")]
    [TestCase("modify_qp:RTR@1=EBUSY")]
    public void TooManyQueuePairsExplainThemselves(string rule) =>
        _processes.On(
            2,
            ranks =>
            {
                ranks.Fault(rule, rank: 0);
                var replies = LocalRanks.Answers(
                    ranks.All(rank => ranks.Join(rank, JacclShape.Mesh(2), formingSeconds: 20))
                );
                Assert.That(
                    replies[0].Failure?.Message,
                    Does.Contain("queue pairs").IgnoreCase.And.Contain("reboot").Or.Contain("restart").IgnoreCase,
                    replies[0].Failure?.Text
                );
            }
        );

    [Test]
    public void APortThatIsDown() =>
        _processes.On(
            2,
            ranks =>
            {
                ranks.Fault("port=down", rank: 1);
                var replies = LocalRanks.Answers(
                    ranks.All(rank => ranks.Join(rank, JacclShape.Mesh(2), formingSeconds: 4, operationSeconds: 2))
                );
                if (replies.All(reply => reply.Failure is null))
                {
                    // MLX does not look at the port's state; then operations tell.
                    replies = LocalRanks.Answers(ranks.All(_ => LocalRanks.Play("check", 0)));
                }
                Assert.That(replies.Select(reply => reply.Failure), Is.All.Not.Null);
                Assert.That(replies.Select(Seconds), Is.All.LessThan(10));
            }
        );

    // ---- ranks that mean different things ---------------------------------------------------------------------------

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public void AMeshAndARingAreAnError(int wires) =>
        _processes.On(
            2,
            ranks =>
            {
                var replies = LocalRanks.Answers(
                    ranks.All(rank =>
                        ranks.Join(rank, rank == 0 ? JacclShape.Mesh(2) : JacclShape.Ring(2, wires), formingSeconds: 5)
                    )
                );
                Assert.That(
                    replies.Select(reply => reply.Failure?.Type),
                    Is.All.EqualTo(nameof(RendezvousException)).Or.All.EqualTo(nameof(CollectiveMismatchException))
                );
                Assert.That(
                    replies.Select(reply => reply.Failure!.Message),
                    Has.Some.Contains("mesh").Or.Some.Contains("ring").Or.Some.Contains("matrix")
                );
                Assert.That(replies.Select(Seconds), Is.All.LessThan(8));
            }
        );

    [Test]
    public void RingsOfDifferentWiresAreAnError() =>
        _processes.On(
            3,
            ranks =>
            {
                var replies = LocalRanks.Answers(
                    ranks.All(rank => ranks.Join(rank, JacclShape.Ring(3, rank == 2 ? 3 : 2), formingSeconds: 5))
                );
                Assert.That(
                    replies.Select(reply => reply.Failure?.Type),
                    Is.All.EqualTo(nameof(RendezvousException)).Or.All.EqualTo(nameof(CollectiveMismatchException))
                );
                Assert.That(
                    replies.Select(reply => reply.Failure!.Message),
                    Has.Some.Contains("2").And.Some.Contains("3")
                );
                Assert.That(replies.Select(Seconds), Is.All.LessThan(8));
            }
        );

    /// <summary>
    /// Ranks of different frames agree on everything but the length of messages: what would be a failure of the first
    /// larger operation is one of forming.
    /// </summary>
    [TestCase(false, nameof(JacclQueuePairs.UnreliableConnection))]
    [TestCase(true, nameof(JacclQueuePairs.ReliableConnection))]
    public void RanksWithDifferentFramesAreAnError(bool isRing, string queuePairs) =>
        _processes.On(
            3,
            ranks =>
            {
                var replies = LocalRanks.Answers(
                    ranks.All(rank =>
                    {
                        var join = ranks.Join(rank, new JacclShape(isRing, 3, 1), formingSeconds: 5);
                        return join with
                        {
                            Jaccl = join.Jaccl! with
                            {
                                Frames = rank == 2 ? "Small" : "Large",
                                QueuePairs = queuePairs,
                            },
                        };
                    })
                );
                Assert.That(replies.Select(reply => reply.Failure?.Type), Is.All.EqualTo(nameof(RendezvousException)));
                Assert.That(replies[0].Failure!.Message, Does.Contain("rank 2").And.Contain("frames"));
                Assert.That(replies[2].Failure!.Message, Does.Contain("frames"));
                Assert.That(replies.Select(Seconds), Is.All.LessThan(8));
            }
        );

    /// <summary>
    /// Rank 0 knows of two ranks, the others of three. Whatever they do ends with an error on each, at the latest at
    /// its deadline.
    /// </summary>
    [Test]
    public void GroupsOfDifferentSizesDoNotHang() =>
        _processes.On(
            3,
            ranks =>
            {
                var replies = LocalRanks.Answers(
                    ranks.All(rank => ranks.Join(rank, JacclShape.Mesh(rank == 0 ? 2 : 3), formingSeconds: 3))
                );
                Assert.That(replies.Select(reply => reply.Failure?.Type), Is.All.EqualTo(nameof(RendezvousException)));
                Assert.That(replies.Select(Seconds), Is.All.LessThan(6));
            }
        );

    /// <summary>
    /// One rank has UC queue pairs, the other RC ones: an error when the group is formed, or by the deadline of the
    /// first operation; not a hang.
    /// </summary>
    [Test]
    public void DifferentQueuePairsAreAnError() =>
        _processes.On(
            2,
            ranks =>
            {
                var replies = LocalRanks.Answers(
                    ranks.All(rank =>
                    {
                        var join = ranks.Join(rank, JacclShape.Mesh(2), formingSeconds: 5, operationSeconds: 2);
                        return join with
                        {
                            Jaccl = join.Jaccl! with
                            {
                                QueuePairs = rank == 0 ? "UnreliableConnection" : "ReliableConnection",
                            },
                        };
                    })
                );
                if (replies.All(reply => reply.Failure is null))
                {
                    replies = LocalRanks.Answers(ranks.All(_ => LocalRanks.Play("check", 0)));
                }
                Assert.That(replies.Select(reply => reply.Failure), Is.All.Not.Null);
                Assert.That(replies.Select(Seconds), Is.All.LessThan(8));
            }
        );

    // ---- custom side channels ---------------------------------------------------------------------------------------

    [TestCase("throw@0", "the side channel of the test is broken")]
    [TestCase("throw@3", "the side channel of the test is broken")]
    [TestCase("short@1", "byte")]
    [TestCase("never@1", "")]
    public void ASideChannelThatFails(string fault, string words) =>
        _processes.On(
            2,
            ranks =>
            {
                var folder = ranks.NewFolder("channel");
                var replies = LocalRanks.Answers(
                    ranks.All(rank =>
                    {
                        var join = ranks.Join(rank, JacclShape.Mesh(2), formingSeconds: 1);
                        return join with
                        {
                            Jaccl = join.Jaccl! with
                            {
                                Coordinator = null,
                                SideChannelFolder = folder,
                                SideChannelFault = rank == 1 ? fault : null,
                            },
                        };
                    })
                );
                Assert.That(
                    replies[1].Failure?.Type,
                    Is.EqualTo(nameof(RendezvousException)),
                    replies[1].Failure?.Text
                );
                Assert.That($"{replies[1].Failure!.Message} {replies[1].Failure!.InnerMessage}", Does.Contain(words));
                if (fault.StartsWith("throw", StringComparison.Ordinal))
                {
                    Assert.That(replies[1].Failure!.InnerType, Is.EqualTo(nameof(IOException)));
                }
                // After its last exchange rank 0 does not learn of it.
                if (replies[0].Failure is not null || fault != "throw@3")
                {
                    Assert.That(
                        replies[0].Failure?.Type,
                        Is.EqualTo(nameof(RendezvousException)),
                        replies[0].Failure?.Text
                    );
                }
                Assert.That(replies.Select(Seconds), Is.All.LessThan(5));
            }
        );

    private static double Seconds(Reply reply) => Stopwatch.GetElapsedTime(reply.Began, reply.Ended).TotalSeconds;
}
