using System.Net;
using System.Net.Sockets;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Tests.Shared;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Jaccl;

/// <summary>
/// What is said on the side channel, and what is asked of the verbs while a group is formed, against sections 3 and 4
/// of the wire specification.
/// </summary>
[Category("Jaccl")]
public sealed class JacclHandshakeTests
{
    // Of rdma-core.
    private const int Uc = 3;
    private const int Rc = 2;

    private readonly JacclRanks _processes = new();

    [OneTimeTearDown]
    public void End() => _processes.Dispose();

    /// <summary>
    /// Section 4.2, queue pair by queue pair, with the attributes that each rank has told the others.
    /// </summary>
    [TestCase(false, 2, 1, false)]
    [TestCase(false, 3, 1, false)]
    [TestCase(true, 2, 2, false)]
    [TestCase(true, 3, 2, false)]
    [TestCase(false, 3, 1, true)]
    [TestCase(true, 3, 2, true)]
    public void QueuePairsAndTheirTransitions(bool isRing, int size, int wires, bool reliable)
    {
        var shape = new JacclShape(isRing, size, wires);
        var files = new string[size];
        using var ranks = new LocalJaccl(
            size,
            rank => new Dictionary<string, string>
            {
                ["NC_SOFTVERBS_RECORD"] = files[rank] =
                    Path.Combine(Path.GetTempPath(), $"nc-record-{Guid.NewGuid():N}"),
            }
        );
        try
        {
            using var tap = new CoordinatorTap(ranks.Port());
            var handshake = Form(ranks, shape, reliable, tap);
            handshake.CheckLengths();
            Assert.Multiple(() =>
            {
                for (var rank = 0; rank < size; rank++)
                {
                    Check(shape, handshake, rank, WireEvent.Read(files[rank]), reliable);
                }
            });
            ranks.Play(shape, "check");
            ranks.Do(new Command { Name = CommandNames.Dispose });
            ranks.NothingIsLeft();
        }
        finally
        {
            foreach (var file in files)
            {
                File.Delete(file);
            }
        }
    }

    /// <summary>The GID is looked for in the table; the index where it was found is used.</summary>
    [Test]
    public void AnIpV4GidAtAnotherIndex()
    {
        var file = Path.Combine(Path.GetTempPath(), $"nc-record-{Guid.NewGuid():N}");
        using var ranks = new LocalJaccl(
            2,
            rank => new Dictionary<string, string>
            {
                ["NC_SOFTVERBS_FAULTS"] = "mapped_gid=3",
                ["NC_SOFTVERBS_RECORD"] = rank == 0 ? file : "",
            }
        );
        try
        {
            var shape = JacclShape.Mesh(2);
            using var tap = new CoordinatorTap(ranks.Port());
            var handshake = Form(ranks, shape, reliable: false, tap);
            var ready = WireEvent.Read(file).Single(each => each.Call == "modify_qp" && each.Text("state") == "RTR");
            Assert.That(ready.Number("sgid_index"), Is.EqualTo(3));
            Assert.That(handshake.Of(0, WireLink.To(1)).Gid, Does.StartWith("00000000000000000000ffff"));
            ranks.Play(shape, "check");
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>The test is rank 0: hello, then the rounds, byte for byte (3.1 to 3.3).</summary>
    [TestCase(2, 0xEE)]
    [TestCase(2, 0x00)]
    [TestCase(3, 0xFF)]
    public void ARankSaysWhatMlxsSays(int size, int padding) =>
        _processes.On(
            size,
            ranks =>
            {
                var shape = JacclShape.Mesh(size);
                using var ports = new Ports(1);
                using var listener = ports.Take(0);
                listener.Listen();
                var calls = Enumerable
                    .Range(1, size - 1)
                    .Select(rank =>
                    {
                        var join = ranks.Join(rank, shape);
                        return ranks
                            .Workers[rank]
                            .Send(
                                join with
                                {
                                    Jaccl = join.Jaccl! with
                                    {
                                        Coordinator = $"127.0.0.1:{ports.Numbers[0]}",
                                        QueuePairs = nameof(JacclQueuePairs.UnreliableConnection),
                                    },
                                }
                            );
                    })
                    .ToList();

                var sockets = new Socket[size];
                try
                {
                    for (var rank = 1; rank < size; rank++)
                    {
                        var socket = listener.Accept();
                        sockets[BitConverter.ToInt32(Network.Read(socket, 4))] = socket;
                    }
                    Assert.That(sockets.Skip(1), Is.All.Not.Null, "hellos of all ranks");
                    byte[][] Round(byte[] own)
                    {
                        byte[][] all = [own, .. sockets.Skip(1).Select(socket => Network.Read(socket, own.Length))];
                        foreach (var socket in sockets.Skip(1))
                        {
                            socket.Send(all.SelectMany(bytes => bytes).ToArray());
                        }
                        return all;
                    }
                    Assert.That(
                        Round(BitConverter.GetBytes(size)).Select(bytes => BitConverter.ToInt32(bytes)),
                        Is.All.EqualTo(size),
                        "the lengths of the lists"
                    );
                    // Whatever is in the records' padding, MLX's ranks leave there what was.
                    var records = Round([
                        .. Enumerable.Range(0, size).SelectMany(peer => Invented(peer).ToBytes((byte)padding)),
                    ]);
                    Assert.That(
                        Round(new byte[4]).Concat(Round(new byte[4])).Select(bytes => BitConverter.ToInt32(bytes)),
                        Is.All.Zero,
                        "the last two rounds"
                    );
                    Assert.That(
                        LocalRanks.Answers(calls).Select(reply => reply.Failure),
                        Is.All.Null,
                        "the groups are formed"
                    );

                    for (var rank = 1; rank < size; rank++)
                    {
                        for (var peer = 0; peer < size; peer++)
                        {
                            var record = Destination.Read(
                                records[rank].AsSpan(peer * Destination.Length, Destination.Length)
                            );
                            if (peer == rank)
                            {
                                Assert.That(record.Lid, Is.EqualTo(-1), "the LID of a rank's record of itself");
                                continue;
                            }
                            Assert.That(record.SequenceNumber, Is.EqualTo(7));
                            Assert.That(record.Gid, Does.StartWith("00000000000000000000ffff"), "an IPv4-mapped GID");
                            Assert.That(record.QueuePair, Is.GreaterThan(0));
                        }
                        Assert.That(sockets[rank].Available, Is.Zero, $"bytes that rank {rank} says after that");
                    }
                    // What came of it is a group, until rank 0 goes away.
                    foreach (var socket in sockets.Skip(1))
                    {
                        socket.Dispose();
                    }
                    for (var rank = 1; rank < size; rank++)
                    {
                        var reply = ranks
                            .Workers[rank]
                            .Do(new Command { Name = CommandNames.Loop, Operation = "Barrier" });
                        Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(PeerLostException)), reply.Failure?.Text);
                    }
                }
                finally
                {
                    foreach (var socket in sockets)
                    {
                        socket?.Dispose();
                    }
                }
            }
        );

    /// <summary>The test is all the other ranks.</summary>
    [TestCase(2)]
    [TestCase(3)]
    public void Rank0SaysWhatMlxsSays(int size) =>
        _processes.On(
            size,
            ranks =>
            {
                var shape = JacclShape.Mesh(size);
                var join = ranks.Join(0, shape);
                var call = ranks
                    .Workers[0]
                    .Send(
                        join with
                        {
                            Jaccl = join.Jaccl! with { QueuePairs = nameof(JacclQueuePairs.UnreliableConnection) },
                        }
                    );
                Network.Listening(ranks.Port());
                var sockets = new Socket[size];
                try
                {
                    // The last one first: they come in any order.
                    for (var rank = size - 1; rank > 0; rank--)
                    {
                        sockets[rank] = Network.Connect("127.0.0.1", ranks.Port());
                        sockets[rank].Send(BitConverter.GetBytes(rank));
                    }
                    byte[] Round(Func<int, byte[]> own)
                    {
                        for (var rank = 1; rank < size; rank++)
                        {
                            sockets[rank].Send(own(rank));
                        }
                        var heard = sockets
                            .Skip(1)
                            .Select(socket => Network.Read(socket, own(1).Length * size))
                            .ToList();
                        Assert.That(heard, Is.All.EqualTo(heard[0]), "all ranks are sent the same");
                        for (var rank = 1; rank < size; rank++)
                        {
                            Assert.That(
                                heard[0].AsSpan(rank * own(rank).Length, own(rank).Length).ToArray(),
                                Is.EqualTo(own(rank)),
                                $"the part of rank {rank}"
                            );
                        }
                        return heard[0][..own(1).Length];
                    }
                    Assert.That(
                        BitConverter.ToInt32(Round(_ => BitConverter.GetBytes(size))),
                        Is.EqualTo(size),
                        "the length of the list"
                    );
                    var records = Round(_ =>
                        [.. Enumerable.Range(0, size).SelectMany(peer => Invented(peer).ToBytes())]
                    );
                    Assert.That(BitConverter.ToInt32(Round(_ => new byte[4])), Is.Zero);
                    Assert.That(BitConverter.ToInt32(Round(_ => new byte[4])), Is.Zero);
                    Assert.That(call.Answer().Failure, Is.Null, call.Answer().Failure?.Text);
                    Assert.That(Destination.Read(records).Lid, Is.EqualTo(-1), "the LID of a rank's record of itself");
                    for (var peer = 1; peer < size; peer++)
                    {
                        var record = Destination.Read(records.AsSpan(peer * Destination.Length));
                        Assert.That(record.SequenceNumber, Is.EqualTo(7));
                        Assert.That(record.Gid, Does.StartWith("00000000000000000000ffff"), "an IPv4-mapped GID");
                    }
                    Assert.That(
                        sockets.Skip(1).Sum(socket => socket.Available),
                        Is.Zero,
                        "bytes that rank 0 says after that"
                    );
                }
                finally
                {
                    foreach (var socket in sockets)
                    {
                        socket?.Dispose();
                    }
                }
            }
        );

    /// <summary>
    /// Ranks 0 and 1 are ours, the test is rank 2: nobody says anything but MLX's rounds, though two of the three know
    /// each other.
    /// </summary>
    [TestCase(0xEE)]
    [TestCase(0x00)]
    public void AMixedGroupHasMlxsRounds(int padding) =>
        _processes.On(
            3,
            ranks =>
            {
                var shape = JacclShape.Mesh(3);
                var calls = new[] { 0, 1 }
                    .Select(rank =>
                    {
                        var join = ranks.Join(rank, shape);
                        return ranks
                            .Workers[rank]
                            .Send(
                                join with
                                {
                                    Jaccl = join.Jaccl! with
                                    {
                                        QueuePairs = nameof(JacclQueuePairs.UnreliableConnection),
                                    },
                                }
                            );
                    })
                    .ToList();
                Network.Listening(ranks.Port());
                using var socket = Network.Connect("127.0.0.1", ranks.Port());
                socket.Send(BitConverter.GetBytes(2));
                byte[] own = [.. Enumerable.Range(0, 3).SelectMany(peer => Invented(peer).ToBytes((byte)padding))];
                foreach (var round in new[] { BitConverter.GetBytes(3), own, new byte[4], new byte[4] })
                {
                    socket.Send(round);
                    var heard = Network.Read(socket, 3 * round.Length);
                    Assert.That(heard.AsSpan(2 * round.Length).ToArray(), Is.EqualTo(round));
                }
                Assert.That(
                    LocalRanks.Answers(calls).Select(reply => reply.Failure),
                    Is.All.Null,
                    "the groups are formed"
                );
                Assert.That(socket.Available, Is.Zero, "bytes that rank 0 says after that");
                socket.Dispose();
                // Rank 2 has left before anything was done.
                foreach (var rank in new[] { 0, 1 })
                {
                    var reply = ranks.Workers[rank].Do(new Command { Name = CommandNames.Loop, Operation = "Barrier" });
                    Assert.That(
                        reply.Failure?.Type,
                        Is.EqualTo(nameof(PeerLostException)),
                        $"rank {rank}: {reply.Failure?.Text}"
                    );
                }
            }
        );

    /// <summary>The delegate is called for the same rounds, and nobody listens or connects.</summary>
    [TestCase(false, 3, 1)]
    [TestCase(true, 2, 2)]
    public void ACustomSideChannelCarriesTheSameRounds(bool isRing, int size, int wires) =>
        _processes.On(
            size,
            ranks =>
            {
                var shape = new JacclShape(isRing, size, wires);
                var folder = ranks.NewFolder("channel");
                ranks.Form(shape, change: settings => settings with { Coordinator = null, SideChannelFolder = folder });
                var lengths = Handshake.Rounds(shape);
                Assert.That(
                    Directory.GetFiles(folder),
                    Has.Length.EqualTo(lengths.Length * size).Or.Length.EqualTo((lengths.Length + 1) * size),
                    "exchanges, with at most one more among ranks of ours"
                );
                var handshake = new Handshake(
                    shape,
                    [
                        .. lengths.Select(
                            (_, round) =>
                                Enumerable
                                    .Range(0, size)
                                    .Select(rank => File.ReadAllBytes(Path.Combine(folder, $"{round}-{rank}")))
                                    .ToArray()
                        ),
                    ]
                );
                for (var round = 0; round < lengths.Length; round++)
                {
                    Assert.That(
                        Enumerable
                            .Range(0, size)
                            .Select(rank => new FileInfo(Path.Combine(folder, $"{round}-{rank}")).Length),
                        Is.All.EqualTo(lengths[round]),
                        $"round {round}"
                    );
                }
                handshake.CheckLengths();
                ranks.Play(shape, "check");
            }
        );

    private static Destination Invented(int peer) => new(0, 0x7000 + peer, 7, "00000000000000000000ffff7f0000fe");

    // Forms a group, by way of a tap that hears what is said.
    private static Handshake Form(LocalJaccl ranks, JacclShape shape, bool reliable, CoordinatorTap tap)
    {
        LocalRanks.Succeed(
            ranks.All(rank =>
            {
                var join = ranks.Join(rank, shape);
                return join with
                {
                    Jaccl = join.Jaccl! with
                    {
                        Coordinator = rank == 0 ? join.Jaccl.Coordinator : tap.Address,
                        QueuePairs = reliable
                            ? nameof(JacclQueuePairs.ReliableConnection)
                            : nameof(JacclQueuePairs.UnreliableConnection),
                    },
                };
            })
        );
        return Handshake.Read(shape, tap.Conversations());
    }

    private static void Check(JacclShape shape, Handshake handshake, int rank, List<WireEvent> events, bool reliable)
    {
        var what = $"rank {rank}: ";
        var created = events.Where(each => each.Call == "create_qp").ToList();
        var links = handshake.QueuePairs(rank);
        Assert.That(
            created.Select(each => each.QueuePair),
            Is.EquivalentTo(links.Keys),
            $"{what}the queue pairs are those that the others were told"
        );
        foreach (var each in created)
        {
            Assert.That(
                each.Text("type"),
                Is.EqualTo(reliable ? $"{Rc}" : $"{Uc}").Or.EqualTo(reliable ? "RC" : "UC"),
                what
            );
            Assert.That(each.Number("max_send_wr"), Is.GreaterThanOrEqualTo(32), $"{what}max_send_wr");
            Assert.That(each.Number("max_recv_wr"), Is.GreaterThanOrEqualTo(32), $"{what}max_recv_wr");
            Assert.That(
                (
                    each.Number("max_send_sge"),
                    each.Number("max_recv_sge"),
                    each.Number("max_inline"),
                    each.Number("sq_sig_all")
                ),
                Is.EqualTo((1, 1, 0, 0)),
                what
            );
        }
        foreach (var (queuePair, link) in links)
        {
            var (otherRank, otherLink) = handshake.Other(rank, link);
            var (own, other) = (handshake.Of(rank, link), handshake.Of(otherRank, otherLink));
            Assert.That(own.SequenceNumber, Is.EqualTo(7), $"{what}{link}: the packet sequence number");
            Assert.That(own.Gid, Does.StartWith("00000000000000000000ffff"), $"{what}{link}: an IPv4-mapped GID");

            var steps = events.Where(each => each.Call == "modify_qp" && each.QueuePair == queuePair).ToList();
            Assert.That(
                steps.Select(each => each.Text("state")),
                Is.EqualTo(new[] { "INIT", "RTR", "RTS" }),
                $"{what}{link}"
            );
            if (steps.Count != 3)
            {
                return;
            }
            // state, pkey index, port, access: local write, remote write, remote read
            Attributes(steps[0], 0x39, ("port", 1), ("pkey_index", 0), ("access", 7));
            // state, AV, path MTU, destination, rq_psn; of RC also max_dest_rd_atomic and min_rnr_timer. Between ranks
            // of ours the ports' path MTU, and a hop limit that routers take.
            Attributes(
                steps[1],
                reliable ? 0x129181 : 0x101181,
                ("path_mtu", 5),
                ("rq_psn", other.SequenceNumber),
                ("dest_qp_num", other.QueuePair),
                ("dlid", other.Lid),
                ("is_global", 1),
                ("hop_limit", 64),
                ("sgid_index", 1)
            );
            Assert.That(steps[1].Text("dgid").ToLowerInvariant(), Is.EqualTo(other.Gid), $"{what}{link}: dgid");
            Assert.That(
                (steps[1].Text("peer_host"), steps[1].Text("peer_device")),
                Is.EqualTo(
                    ($"{otherRank}", SoftVerbsLibrary.Device(shape, otherRank, rank, shape.IsRing ? link.Number : 0))
                ),
                what
            );
            Assert.That(
                steps[1].Text("device"),
                Is.EqualTo(SoftVerbsLibrary.Device(shape, rank, otherRank, shape.IsRing ? link.Number : 0)),
                $"{what}{link}: the cable's own end"
            );
            // state, sq_psn; of RC also timeout, retry_cnt, rnr_retry, max_rd_atomic
            Attributes(steps[2], reliable ? 0x12E01 : 0x10001, ("sq_psn", 7));
            if (reliable)
            {
                Assert.That(steps[2].Number("rnr_retry"), Is.EqualTo(7), $"{what}{link}: tries without end");
            }
            // Every queue pair is initialised before the ranks tell each other, hence before any is made ready.
            Assert.That(
                steps[1].Order,
                Is.GreaterThan(
                    events
                        .Where(each => each.Call == "modify_qp" && each.Text("state") == "INIT")
                        .Max(each => each.Order)
                ),
                $"{what}all are initialised first"
            );

            void Attributes(WireEvent step, int mask, params (string Name, long Value)[] values)
            {
                Assert.That(step.Number("mask"), Is.EqualTo(mask), $"{what}{link}: the mask of {step}");
                foreach (var (name, value) in values)
                {
                    Assert.That(step.Number(name), Is.EqualTo(value), $"{what}{link}: {name} of {step}");
                }
            }
        }
        if (!shape.IsRing)
        {
            Assert.That(handshake.OfItself(rank).Lid, Is.EqualTo(-1), $"{what}the LID of the record of itself");
        }
    }
}
