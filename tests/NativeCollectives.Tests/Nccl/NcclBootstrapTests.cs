using System.Net;
using System.Net.Sockets;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Tests.Shared;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Nccl;

/// <summary>
/// The ways in which ranks of NCCL's meet, each with processes of its own, and what can go wrong before they have met.
/// </summary>
[Category("Nccl")]
public sealed class NcclBootstrapTests
{
    // Whatever a launcher may have set.
    private static readonly string[] _variables =
    [
        "NCCL_HOST_IP",
        "NCCL_PORT",
        "MLX_RANK",
        "MLX_WORLD_SIZE",
        "MLX_HOSTFILE",
        "MLX_NCCL_TIMEOUT",
        "MASTER_ADDR",
        "MASTER_PORT",
        "RANK",
        "WORLD_SIZE",
        "LOCAL_RANK",
        "TORCHELASTIC_USE_AGENT_STORE",
        "SLURM_PROCID",
        "SLURM_NTASKS",
        "SLURM_LOCALID",
        "NC_NCCL_BOOTSTRAP",
        "MISTRALRS_MN_GLOBAL_WORLD_SIZE",
        "MISTRALRS_MN_LOCAL_WORLD_SIZE",
        "MISTRALRS_MN_HEAD_NUM_WORKERS",
        "MISTRALRS_MN_HEAD_PORT",
        "MISTRALRS_MN_WORKER_SERVER_ADDR",
        "MISTRALRS_MN_WORKER_ID",
        "__MISTRALRS_DAEMON_INTERNAL",
    ];

    private readonly NcclRanks _processes = new();

    [OneTimeTearDown]
    public void End() => _processes.Dispose();

    // ---- MLX --------------------------------------------------------------------------------------------------------

    [TestCase(2, "0,1")]
    [TestCase(3, "0,1,2")]
    [TestCase(3, "2,1,0")]
    [TestCase(4, "1,0,3,2")]
    public void MlxVariables(int size, string order) =>
        _processes.On(
            size,
            ranks =>
            {
                using var ports = new Ports(1);
                ports.Release();
                var port = ports.Numbers[0];
                var calls = new WorkerProcess.Call[size];
                var first = true;
                foreach (var rank in order.Split(',').Select(int.Parse))
                {
                    calls[rank] = ranks.Workers[rank].Send(Mlx(rank, size, port));
                    calls[rank].Announced();
                    if (first && rank == 0)
                    {
                        Network.Listening(port);
                    }
                    if (first)
                    {
                        Thread.Sleep(700); // the lateness of everybody else
                    }
                    first = false;
                }
                AreRanks(LocalRanks.Succeed(calls));
                ranks.Play("check");
                ranks.Play("device_mixed");
            }
        );

    /// <summary>Rank 0 is MLX's: a listener that writes 128 bytes to whoever calls, and no more.</summary>
    [Test]
    public void AnMlxRank0() =>
        _processes.On(
            3,
            ranks =>
            {
                using var ports = new Ports(1);
                using var listener = ports.Take(0);
                ports.Release();
                listener.Listen();
                var id = ranks.CreateId();
                var served = Task.Run(() =>
                {
                    for (var caller = 0; caller < 2; caller++)
                    {
                        using var connection = listener.Accept();
                        connection.Send(Convert.FromHexString(id));
                    }
                });
                var calls = new[] { ranks.Workers[0].Send(ranks.Join(0, id)) }.Concat(
                    new[] { 1, 2 }.Select(rank => ranks.Workers[rank].Send(Mlx(rank, 3, ports.Numbers[0])))
                );
                AreRanks(LocalRanks.Succeed(calls.ToList()));
                Assert.That(served.Wait(WorkerProcess.Patience), Is.True);
                ranks.Play("check");
            }
        );

    /// <summary>Rank 0 is ours, and another rank MLX's: it reads 128 bytes, in its own time.</summary>
    [Test]
    public void AnMlxRankThatCallsOurs() =>
        _processes.On(
            3,
            ranks =>
            {
                using var ports = new Ports(1);
                ports.Release();
                var first = ranks.Workers[0].Send(Mlx(0, 3, ports.Numbers[0]));
                Network.Listening(ports.Numbers[0]);
                using var mlx = Network.Connect("127.0.0.1", ports.Numbers[0]);
                var second = ranks.Workers[1].Send(Mlx(1, 3, ports.Numbers[0]));
                var id = Convert.ToHexString(Network.Read(mlx, 128));
                Assert.That(mlx.Receive(new byte[1]), Is.Zero, "there is nothing after the id");
                AreRanks(LocalRanks.Succeed([first, second, ranks.Workers[2].Send(ranks.Join(2, id))]));
                ranks.Play("check");
            }
        );

    /// <summary>
    /// Somebody who is no rank comes first, takes an id, talks or leaves at once: rank 0 has ids enough.
    /// </summary>
    [TestCase(false, false)]
    [TestCase(true, false)]
    [TestCase(false, true)]
    [TestCase(true, true)]
    public void AStrangerHarmsNothing(bool talks, bool leaves) =>
        _processes.On(
            3,
            ranks =>
            {
                using var ports = new Ports(1);
                ports.Release();
                var first = ranks.Workers[0].Send(Mlx(0, 3, ports.Numbers[0]));
                Network.Listening(ports.Numbers[0]);
                var strangers = Enumerable
                    .Range(0, 5)
                    .Select(_ => Network.Connect("127.0.0.1", ports.Numbers[0]))
                    .ToList();
                foreach (var stranger in strangers)
                {
                    if (talks)
                    {
                        Network.Babble(stranger);
                    }
                    if (leaves)
                    {
                        stranger.Dispose();
                    }
                }
                AreRanks(
                    LocalRanks.Succeed([
                        first,
                        ranks.Workers[1].Send(Mlx(1, 3, ports.Numbers[0])),
                        ranks.Workers[2].Send(Mlx(2, 3, ports.Numbers[0])),
                    ])
                );
                ranks.Play("check");
                strangers.ForEach(stranger => stranger.Dispose());
            }
        );

    /// <summary>Where rank 0 should be, somebody else listens: the error says what came of it.</summary>
    [TestCase(0, true)]
    [TestCase(64, true)]
    [TestCase(0, false)]
    [TestCase(64, false)]
    public void ARank0ThatIsNone(int bytes, bool hangsUp) =>
        _processes.On(
            2,
            ranks =>
            {
                using var ports = new Ports(1);
                using var listener = ports.Take(0);
                ports.Release();
                listener.Listen();
                var accepted = new List<Socket>();
                var accepting = Task.Run(() =>
                {
                    try
                    {
                        while (true)
                        {
                            var connection = listener.Accept();
                            accepted.Add(connection);
                            connection.Send(new byte[bytes]);
                            if (hangsUp)
                            {
                                connection.Dispose();
                            }
                        }
                    }
                    catch (SocketException)
                    {
                        // the end of the test
                    }
                });
                var reply = ranks.Workers[1].Do(Mlx(1, 2, ports.Numbers[0], formingSeconds: 1.5));
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(RendezvousException)), reply.Failure?.Text);
                Assert.That(
                    reply.Failure!.Message,
                    Does.Contain($"127.0.0.1:{ports.Numbers[0]}").And.Contain($"{bytes} of 128")
                );
                Assert.That(reply.Failure.Message, Does.Contain("rank 0").IgnoreCase);
                Assert.That(NcclRanks.Seconds(reply), Is.GreaterThan(1.4).And.LessThan(5));
                listener.Dispose();
                Assert.That(accepting.Wait(WorkerProcess.Patience), Is.True);
                accepted.ForEach(connection => connection.Dispose());
            }
        );

    [Test]
    public void AnIdThatIsNone() =>
        _processes.On(
            2,
            ranks =>
            {
                using var ports = new Ports(1);
                using var listener = ports.Take(0);
                ports.Release();
                listener.Listen();
                var served = Task.Run(() =>
                {
                    using var connection = listener.Accept();
                    connection.Send(new byte[128]);
                });
                var reply = ranks.Workers[1].Do(Mlx(1, 2, ports.Numbers[0], formingSeconds: 5));
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(RendezvousException)), reply.Failure?.Text);
                Assert.That(reply.Failure!.Message, Does.Contain("ncclCommInitRankConfig"));
                Assert.That(served.Wait(WorkerProcess.Patience), Is.True);
            }
        );

    [Test]
    public void APortInUseIsNamed() =>
        _processes.On(
            2,
            ranks =>
            {
                using var ports = new Ports(1);
                using var holder = ports.Take(0);
                ports.Release();
                holder.Listen();
                var reply = ranks.Workers[0].Do(Mlx(0, 2, ports.Numbers[0]));
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(RendezvousException)), reply.Failure?.Text);
                Assert.That(
                    reply.Failure!.Message,
                    Does.Contain($"{ports.Numbers[0]}").And.Contain("in use").IgnoreCase
                );
                Assert.That(NcclRanks.Seconds(reply), Is.LessThan(5));
            }
        );

    [Test]
    public void AHostThatCannotBeResolvedIsNamed() =>
        _processes.On(
            2,
            ranks =>
            {
                var variables = Variables(
                    ("NCCL_HOST_IP", "no-such-host.invalid"),
                    ("NCCL_PORT", "17000"),
                    ("MLX_RANK", "1"),
                    ("MLX_WORLD_SIZE", "2")
                );
                var reply = ranks.Workers[1].Do(FromVariables(variables, 20));
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(RendezvousException)), reply.Failure?.Text);
                Assert.That(reply.Failure!.Message, Does.Contain("no-such-host.invalid"));
            }
        );

    /// <summary>
    /// Rank 0 waits for a rank that never comes; a rank for a rank 0 that never comes. Neither waits longer than it
    /// may.
    /// </summary>
    [Test]
    public void AMissingRankIsAnErrorAtTheDeadline() =>
        _processes.On(
            3,
            ranks =>
            {
                using var ports = new Ports(2);
                ports.Release();
                const double Deadline = 1.5;
                // Rank 2 of the group at the first port never comes; nobody is at the second.
                var calls = new[]
                {
                    ranks.Workers[0].Send(Mlx(0, 3, ports.Numbers[0], Deadline)),
                    ranks.Workers[1].Send(Mlx(1, 3, ports.Numbers[0], Deadline)),
                    ranks.Workers[2].Send(Mlx(2, 3, ports.Numbers[1], Deadline)),
                };
                var replies = LocalRanks.Answers(calls);
                foreach (var reply in replies)
                {
                    Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(RendezvousException)), reply.Failure?.Text);
                    // Whoever is first to give up tells the rest.
                    Assert.That(NcclRanks.Seconds(reply), Is.GreaterThan(Deadline - 0.7).And.LessThan(Deadline + 4));
                }
                Assert.That(
                    replies[0].Failure!.Message,
                    Does.Contain("2 other ranks").And.Contain(" 1 had"),
                    "who asked for the id"
                );
                Assert.That(
                    replies[2].Failure!.Message,
                    Does.Contain($"127.0.0.1:{ports.Numbers[1]}").And.Contain("refused").IgnoreCase
                );
            }
        );

    /// <summary>MLX's own variable for the deadline, where the program sets none.</summary>
    [Test]
    public void MlxsTimeoutIsKept() =>
        _processes.On(
            2,
            ranks =>
            {
                using var ports = new Ports(1);
                ports.Release();
                var command = Mlx(1, 2, ports.Numbers[0], formingSeconds: 0);
                command.Variables!["MLX_NCCL_TIMEOUT"] = "800";
                var reply = ranks.Workers[1].Do(command);
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(RendezvousException)), reply.Failure?.Text);
                Assert.That(NcclRanks.Seconds(reply), Is.GreaterThan(0.7).And.LessThan(4));
            }
        );

    // ---- other launchers --------------------------------------------------------------------------------------------

    [TestCase(false)]
    [TestCase(true)]
    public void Torchrun(bool hasAgent) =>
        _processes.On(
            3,
            ranks =>
            {
                using var ports = new Ports(1);
                // The agent's store holds the port itself; the ranks meet at the next.
                using var agent = hasAgent ? ports.Take(0) : null;
                agent?.Listen();
                ports.Release();
                var replies = LocalRanks.Succeed(
                    ranks.All(rank =>
                        FromVariables(
                            Variables(
                                ("MASTER_ADDR", "localhost"),
                                ("MASTER_PORT", $"{ports.Numbers[0]}"),
                                ("RANK", $"{rank}"),
                                ("WORLD_SIZE", "3"),
                                ("LOCAL_RANK", $"{2 - rank}"),
                                ("TORCHELASTIC_USE_AGENT_STORE", hasAgent ? "True" : "False")
                            )
                        )
                    )
                );
                AreRanks(replies);
                Assert.That(
                    replies.Select(reply => reply.Data["device"]),
                    Is.EqualTo(new[] { "0", "1", "0" }),
                    "the local rank chooses the device"
                );
                ranks.Play("check");
            }
        );

    [Test]
    public void MistralsHeadAndWorkers() =>
        _processes.On(
            3,
            ranks =>
            {
                using var ports = new Ports(1);
                ports.Release();
                AreRanks(
                    LocalRanks.Succeed(
                        ranks.All(rank =>
                            FromVariables(
                                rank == 0
                                    ? Variables(
                                        ("MISTRALRS_MN_GLOBAL_WORLD_SIZE", "3"),
                                        ("MISTRALRS_MN_HEAD_NUM_WORKERS", "2"),
                                        ("MISTRALRS_MN_HEAD_PORT", $"{ports.Numbers[0]}")
                                    )
                                    : Variables(
                                        ("MISTRALRS_MN_GLOBAL_WORLD_SIZE", "3"),
                                        ("MISTRALRS_MN_WORKER_SERVER_ADDR", $"127.0.0.1:{ports.Numbers[0]}"),
                                        ("MISTRALRS_MN_WORKER_ID", $"{rank - 1}")
                                    )
                            )
                        )
                    )
                );
                ranks.Play("check");
            }
        );

    /// <summary>What mistral.rs's head, which has rank 0, hands to the processes that it starts.</summary>
    [Test]
    public void MistralsOwnProcesses() =>
        _processes.On(
            3,
            ranks =>
            {
                var id = ranks.CreateId();
                var numbers = string.Join(',', Convert.FromHexString(id));
                string Init(int rank) =>
                    $$$"""{"Init":{"id":[{{{numbers}}}],"ids":null,"worker_rank":{{{rank - 1}}}}}""";
                AreRanks(
                    LocalRanks.Succeed(
                        ranks.All(rank =>
                            rank == 0
                                ? ranks.Join(0, id)
                                : FromVariables(
                                    Variables(
                                        ("MISTRALRS_MN_LOCAL_WORLD_SIZE", "3"),
                                        ("__MISTRALRS_DAEMON_INTERNAL", Init(rank))
                                    )
                                )
                        )
                    )
                );
                ranks.Play("check");
            }
        );

    /// <summary>NCCL itself makes the ranks meet at NCCL_COMM_ID; Slurm says who is who.</summary>
    [Test]
    public void CommId()
    {
        using var ports = new Ports(1);
        ports.Release();
        using var ranks = new LocalNccl(
            3,
            rank => new Dictionary<string, string>(NcclLibraries.Doubles())
            {
                ["NCCL_COMM_ID"] = $"127.0.0.1:{ports.Numbers[0]}",
                ["SLURM_PROCID"] = $"{rank}",
                ["SLURM_NTASKS"] = "3",
                ["SLURM_LOCALID"] = $"{rank}",
            },
            form: false
        );
        var replies = LocalRanks.Succeed(ranks.All(_ => FromVariables([])));
        AreRanks(replies);
        Assert.That(replies.Select(reply => reply.Data["device"]), Is.EqualTo(new[] { "0", "1", "0" }));
        ranks.Play("check");
    }

    // ---- in code ----------------------------------------------------------------------------------------------------

    [Test]
    public void ARendezvousInCode() =>
        _processes.On(
            3,
            ranks =>
            {
                using var ports = new Ports(1);
                ports.Release();
                AreRanks(
                    LocalRanks.Succeed(
                        ranks.All(rank =>
                            ranks.Join(rank, null) with
                            {
                                Nccl = new NcclSettings
                                {
                                    Rank = rank,
                                    Size = 3,
                                    Rendezvous = $"localhost:{ports.Numbers[0]}",
                                },
                            }
                        )
                    )
                );
                ranks.Play("check");
            }
        );

    [Test]
    public void AGroupOfOne() =>
        _processes.On(
            1,
            ranks =>
            {
                var reply = LocalRanks.Succeed([ranks.Workers[0].Send(ranks.Join(0, null))])[0];
                Assert.That(
                    (reply.Data["rank"], reply.Data["size"], reply.Data["backend"], reply.Data["device"]),
                    Is.EqualTo(("0", "1", "nccl", "0"))
                );
                ranks.Play("device_mixed");
            }
        );

    /// <summary>
    /// The id is given by rank 0 over a ring of the same processes; afterwards both groups work side by side.
    /// </summary>
    [Test]
    public void AnIdOverARing()
    {
        using var ring = new LocalRing(3, 1, environment: NcclLibraries.Doubles());
        AreRanks(LocalRanks.Succeed(ring.All(_ => OverRing())));
        for (var round = 0; round < 3; round++)
        {
            ring.Play("check", group: "gpus");
            ring.Play("check");
            ring.Play("device_refused_on_host");
        }
        var first = ring.All(_ => LocalRanks.Play("two_groups", 1, group: "world", seed: 3));
        var second = ring.All(_ => LocalRanks.Play("two_groups", 0, group: "gpus", seed: 7) with { Thread = "second" });
        LocalRanks.Succeed(first.Concat(second));
        // The ring is no longer needed.
        ring.Do(new Command { Name = CommandNames.Dispose, Group = "world" });
        ring.Play("check", group: "gpus");
    }

    /// <summary>
    /// A rank that cannot use NCCL, or cannot make an id: all learn it, from it, and the ring goes on.
    /// </summary>
    [TestCase(0, true)]
    [TestCase(0, false)]
    [TestCase(1, false)]
    [TestCase(2, false)]
    public void AFailureOverARingReachesEveryone(int failing, bool whileMakingTheId)
    {
        using var ring = new LocalRing(3, 1, environment: NcclLibraries.Doubles());
        if (whileMakingTheId)
        {
            LocalRanks.Succeed([
                ring.Workers[failing]
                    .Send(
                        new Command
                        {
                            Name = CommandNames.Faults,
                            Operation = "nccl:ncclGetUniqueId@1=ncclSystemError(no network)",
                        }
                    ),
            ]);
        }
        var replies = LocalRanks.Answers(
            ring.All(rank =>
                rank == failing && !whileMakingTheId
                    ? OverRing() with
                    {
                        Nccl = new NcclSettings { BootstrapGroup = "world", Library = "/nowhere/libnccl.so.2" },
                    }
                    : OverRing()
            )
        );
        foreach (var (reply, rank) in replies.Select((reply, rank) => (reply, rank)))
        {
            Assert.That(
                reply.Failure?.Type,
                Is.EqualTo(nameof(BackendUnavailableException)),
                $"rank {rank}: {reply.Failure?.Text}"
            );
            Assert.That(
                reply.Failure!.Message,
                Does.Contain($"rank {failing}").And.Contain(whileMakingTheId ? "no network" : "/nowhere/libnccl.so.2"),
                $"rank {rank}"
            );
        }
        ring.Play("check");
        if (!whileMakingTheId)
        {
            AreRanks(LocalRanks.Succeed(ring.All(_ => OverRing())));
            ring.Play("check", group: "gpus");
        }
    }

    [Test]
    public void ADeadRankOverARing()
    {
        using var ring = new LocalRing(3, 1, environment: NcclLibraries.Doubles());
        var calls = new[] { 0, 1 }.Select(rank => ring.Workers[rank].Send(OverRing())).ToList();
        calls.ForEach(call => call.Announced());
        ring.Workers[2].Kill();
        foreach (var call in calls)
        {
            var reply = call.Answer();
            Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(RendezvousException)), reply.Failure?.Text);
            Assert.That(reply.Failure!.InnerType, Is.EqualTo(nameof(PeerLostException)));
        }
    }

    // ---- devices ----------------------------------------------------------------------------------------------------

    [Test]
    public void TheDeviceIsTheRanksUnlessItIsChosen() =>
        _processes.On(
            3,
            ranks =>
            {
                var id = ranks.CreateId();
                var replies = LocalRanks.Succeed(ranks.All(rank => ranks.Join(rank, id)));
                Assert.That(
                    replies.Select(reply => reply.Data["device"]),
                    Is.EqualTo(new[] { "0", "1", "0" }),
                    "rank modulo devices"
                );
                id = ranks.CreateId();
                replies = LocalRanks.Succeed(
                    ranks.All(rank => ranks.Join(rank, id, group: "chosen", device: rank == 1 ? 0 : 1))
                );
                Assert.That(
                    replies.Select(reply => reply.Data["device"]),
                    Is.EqualTo(new[] { "1", "0", "1" }),
                    "the option"
                );
                ranks.Play("device_mixed", group: "chosen");
                ranks.Play("device_mixed");
            }
        );

    [Test]
    public void AMissingDeviceIsNamed() =>
        _processes.On(
            2,
            ranks =>
            {
                var reply = ranks.Workers[0].Do(ranks.Join(0, null, size: 1, device: 5));
                Assert.That(
                    reply.Failure?.Type,
                    Is.EqualTo(nameof(ArgumentException)).Or.EqualTo(nameof(RendezvousException)),
                    reply.Failure?.Text
                );
                Assert.That(reply.Failure!.Message, Does.Contain("5").And.Contain("2"));
            }
        );

    /// <summary>A launcher that shows each process one device: every rank uses it, whatever its number.</summary>
    [Test]
    public void OneVisibleDevice()
    {
        using var ranks = new LocalNccl(
            2,
            rank => new Dictionary<string, string>(NcclLibraries.Doubles()) { ["NC_DOUBLE_DEVICES"] = "1" },
            form: false
        );
        var id = ranks.CreateId();
        var replies = LocalRanks.Succeed(ranks.All(rank => ranks.Join(rank, id)));
        Assert.That(replies.Select(reply => reply.Data["device"]), Is.All.EqualTo("0"));
        ranks.Play("device_mixed");
    }

    // ---- NCCL fails while the group is formed -----------------------------------------------------------------------

    [TestCase("never", 1.5, nameof(RendezvousException), "1500 ms")]
    [TestCase("later:ncclSystemError(no network)", 20, nameof(RendezvousException), "no network")]
    [TestCase("ncclInternalError(no luck)", 20, nameof(RendezvousException), "no luck")]
    public void AFailureOfNcclWhileForming(string action, double deadline, string exception, string words) =>
        _processes.On(
            2,
            ranks =>
            {
                ranks.Fault($"nccl:ncclCommInitRankConfig@1={action}", rank: 0);
                var id = ranks.CreateId();
                var calls = ranks.All(rank => ranks.Join(rank, id, formingSeconds: rank == 0 ? deadline : 3));
                var reply = calls[0].Answer();
                Assert.That(reply.Failure?.Type, Is.EqualTo(exception), reply.Failure?.Text);
                Assert.That(reply.Failure!.Message, Does.Contain(words));
                Assert.That(NcclRanks.Seconds(reply), Is.LessThan(5));
                // Where the other had been formed, it finds out at its first operation.
                var other = calls[1].Answer();
                if (other.Failure is null)
                {
                    other = ranks.Workers[1].Do(new Command { Name = CommandNames.Loop, Operation = "Barrier" });
                }
                Assert.That(
                    other.Failure?.Type,
                    Is.EqualTo(nameof(RendezvousException)).Or.EqualTo(nameof(PeerLostException)),
                    other.Failure?.Text
                );
            }
        );

    [TestCase(false)]
    [TestCase(true)]
    public void FormingCanBeCancelled(bool atTheRendezvous) =>
        _processes.On(
            2,
            ranks =>
            {
                using var ports = new Ports(1);
                ports.Release();
                var command = atTheRendezvous ? Mlx(1, 2, ports.Numbers[0]) : ranks.Join(0, ranks.CreateId());
                var reply = ranks.Workers[0].Do(command with { CancelAfterMilliseconds = 500 });
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(OperationCanceledException)), reply.Failure?.Text);
                Assert.That(NcclRanks.Seconds(reply), Is.GreaterThan(0.4).And.LessThan(5));
            }
        );

    /// <summary>Two ranks that both say they are rank 0.</summary>
    [Test]
    public void TwoRanksWithTheSameNumber() =>
        _processes.On(
            2,
            ranks =>
            {
                var id = ranks.CreateId();
                var replies = LocalRanks.Answers(ranks.All(_ => ranks.Join(0, id, formingSeconds: 2)));
                Assert.That(
                    replies.Select(reply => reply.Failure?.Type),
                    Is.All.EqualTo(nameof(RendezvousException)),
                    replies[0].Failure?.Text
                );
                foreach (var reply in replies)
                {
                    Assert.That(NcclRanks.Seconds(reply), Is.LessThan(6));
                }
            }
        );

    // NCCL's own variable that would make its calls wait for ever.
    [Test]
    public void BlockingCommunicatorsAreRefused() =>
        _processes.On(
            1,
            _ =>
            {
                using var ranks = new LocalNccl(
                    1,
                    _ => new Dictionary<string, string>(NcclLibraries.Doubles()) { ["NCCL_COMM_BLOCKING"] = "1" },
                    form: false
                );
                var reply = ranks.Workers[0].Do(ranks.Join(0, null));
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(RendezvousException)), reply.Failure?.Text);
                Assert.That(reply.Failure!.Message, Does.Contain("NCCL_COMM_BLOCKING"));
            }
        );

    // ---- helpers ----------------------------------------------------------------------------------------------------

    private static Command Mlx(int rank, int size, int port, double formingSeconds = 60) =>
        FromVariables(
            Variables(
                ("NCCL_HOST_IP", "127.0.0.1"),
                ("NCCL_PORT", $"{port}"),
                ("MLX_RANK", $"{rank}"),
                ("MLX_WORLD_SIZE", $"{size}")
            ),
            formingSeconds
        );

    private static Command FromVariables(Dictionary<string, string> variables, double formingSeconds = 60) =>
        new()
        {
            Name = CommandNames.Create,
            Backend = nameof(BackendKind.Nccl),
            Variables = variables,
            FormingSeconds = formingSeconds,
        };

    private static Command OverRing() =>
        new()
        {
            Name = CommandNames.Create,
            Backend = nameof(BackendKind.Nccl),
            Group = "gpus",
            Nccl = new NcclSettings { BootstrapGroup = "world" },
        };

    // These, and none of a test before.
    private static Dictionary<string, string> Variables(params (string Name, string Value)[] given)
    {
        var variables = _variables.ToDictionary(name => name, _ => "");
        foreach (var (name, value) in given)
        {
            variables[name] = value;
        }
        return variables;
    }

    private static void AreRanks(List<Reply> replies) =>
        Assert.That(
            replies.Select(reply => (reply.Data["rank"], reply.Data["size"], reply.Data["backend"])),
            Is.EqualTo(Enumerable.Range(0, replies.Count).Select(rank => ($"{rank}", $"{replies.Count}", "nccl")))
        );
}
