using System.Diagnostics;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Jaccl;

/// <summary>
/// Everything that can go wrong while a group is in use: peers that die or stop, cables that break, work requests that
/// fail.
/// </summary>
[Category("Jaccl")]
[Category("Faults")]
public sealed class JacclFaultTests
{
    /// <summary>From the death of a rank to the exception of every other.</summary>
    private const double Bound = 1;

    private static readonly string[] _ends = [nameof(PeerLostException), nameof(GroupAbortedException)];

    private readonly JacclRanks _processes = new();

    [OneTimeTearDown]
    public void End() => _processes.Dispose();

    // ---- peers that die ---------------------------------------------------------------------------------------------

    /// <summary>
    /// kill -9 of each rank in turn, at a random moment of random operations. The survivors then form a group with a
    /// new process, at once, for the next round.
    /// </summary>
    [TestCase(false, 2, 1, null)]
    [TestCase(false, 4, 1, null)]
    [TestCase(false, 3, 1, nameof(JacclQueuePairs.UnreliableConnection))]
    [TestCase(true, 2, 2, nameof(JacclQueuePairs.UnreliableConnection))]
    [TestCase(true, 4, 1, null)]
    [TestCase(true, 3, 3, null)]
    public void AKilledRankIsNoticedByAllWithinASecond(bool isRing, int size, int wires, string? queuePairs)
    {
        var shape = new JacclShape(isRing, size, wires);
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        TestContext.Out.WriteLine($"seed {seed}");
        var slowest = 0.0;
        _processes.On(
            size,
            ranks =>
            {
                for (var victim = 0; victim < size; victim++)
                {
                    ranks.Form(shape, change: settings => settings with { QueuePairs = queuePairs });
                    var command = Loop("Any", 1 << 20) with
                    {
                        Iterations = int.MaxValue,
                        AnnounceAfter = random.Next(40),
                        Seed = (ulong)random.Next(),
                    };
                    var calls = ranks.All(_ => command);
                    calls[victim].Announced();
                    Thread.SpinWait(random.Next(200_000));
                    var killed = ranks.Workers[victim].Kill();
                    foreach (var rank in Enumerable.Range(0, size).Where(rank => rank != victim))
                    {
                        var reply = calls[rank].Answer();
                        var what =
                            $"rank {victim} of a {shape} killed, rank {rank} after "
                            + $"{(reply.Data.TryGetValue("done", out var done) ? done : "?")} operations";
                        Assert.That(
                            reply.Failure?.Type,
                            Is.EqualTo(nameof(PeerLostException)),
                            $"{what}: {reply.Failure?.Text}"
                        );
                        var elapsed = Stopwatch.GetElapsedTime(killed, reply.Ended).TotalSeconds;
                        slowest = Math.Max(slowest, elapsed);
                        Assert.That(elapsed, Is.LessThan(Bound), $"{what}: {reply.Failure!.Text}");
                    }
                    foreach (var rank in Enumerable.Range(0, size).Where(rank => rank != victim))
                    {
                        Faulted(ranks.Workers[rank], nameof(PeerLostException));
                        DisposeInTime(ranks.Workers[rank]);
                    }
                    ranks.Replace(victim);
                }
                ranks.Form(shape);
                ranks.Play(shape, "check");
            }
        );
        TestContext.Out.WriteLine($"slowest: {slowest * 1000:F1} ms");
    }

    /// <summary>
    /// In the middle of one operation: the process ends at its n-th work request, or when it looks for completions.
    /// </summary>
    [TestCase(false, 3, 1, 0, "post_send@3=kill")]
    [TestCase(false, 3, 1, 2, "post_recv@4=kill")]
    [TestCase(false, 4, 1, 1, "post_send@12=kill")]
    [TestCase(true, 3, 2, 0, "post_send@4=kill")]
    [TestCase(true, 4, 1, 3, "post_send@7=kill")]
    [TestCase(true, 4, 2, 2, "poll_cq@9=kill")]
    public void AKillInTheMiddleOfAnOperation(bool isRing, int size, int wires, int victim, string rule) =>
        _processes.OnGroup(
            new JacclShape(isRing, size, wires),
            ranks =>
            {
                ranks.Play(new JacclShape(isRing, size, wires), "check");
                ranks.Fault(rule, victim);
                var calls = ranks.All(_ => Loop("AllReduce", 5 << 20));
                Assert.That(
                    ranks.Workers[victim].WaitForExit(TimeSpan.FromSeconds(20)),
                    Is.True,
                    "the victim has died"
                );
                var died = Stopwatch.GetTimestamp();
                foreach (var rank in Enumerable.Range(0, size).Where(rank => rank != victim))
                {
                    var reply = calls[rank].Answer();
                    Assert.That(
                        reply.Failure?.Type,
                        Is.EqualTo(nameof(PeerLostException)),
                        $"rank {rank}: {reply.Failure?.Text}"
                    );
                    Assert.That(
                        Stopwatch.GetElapsedTime(died, reply.Ended).TotalSeconds,
                        Is.LessThan(Bound),
                        $"rank {rank}"
                    );
                }
                ranks.Replace(victim);
            }
        );

    /// <summary>An idle rank learns of it before, or at, its next call, whatever that is.</summary>
    [TestCase(false, 3, 1, 1, "AllReduce")]
    [TestCase(false, 3, 1, 0, "Barrier")]
    [TestCase(false, 3, 1, 2, "ReceiveLeft")]
    [TestCase(true, 4, 2, 1, "AllGather")]
    [TestCase(true, 4, 2, 0, "ReceiveRight")]
    public void AnIdleRankNoticesAtItsNextCall(bool isRing, int size, int wires, int victim, string operation) =>
        _processes.OnGroup(
            new JacclShape(isRing, size, wires),
            ranks =>
            {
                ranks.Play(new JacclShape(isRing, size, wires), "check");
                var killed = ranks.Workers[victim].Kill();
                Assert.That(ranks.Workers[victim].WaitForExit(TimeSpan.FromSeconds(10)), Is.True);
                foreach (var rank in Enumerable.Range(0, size).Where(rank => rank != victim))
                {
                    var reply = ranks.Workers[rank].Do(Loop(operation, 1000));
                    Assert.That(
                        reply.Failure?.Type,
                        Is.EqualTo(nameof(PeerLostException)),
                        $"rank {rank}: {reply.Failure?.Text}"
                    );
                    Assert.That(
                        Stopwatch.GetElapsedTime(Math.Max(killed, reply.Began), reply.Ended).TotalSeconds,
                        Is.LessThan(Bound),
                        $"rank {rank}"
                    );
                }
                ranks.Replace(victim);
            }
        );

    /// <summary>Without any call: the group knows.</summary>
    [TestCase(false, 0)]
    [TestCase(false, 2)]
    [TestCase(true, 0)]
    [TestCase(true, 1)]
    public void AGroupThatIsDoingNothingNoticesAPeersEnd(bool isRing, int victim) =>
        _processes.OnGroup(
            new JacclShape(isRing, 3, 1),
            ranks =>
            {
                ranks.Play(new JacclShape(isRing, 3, 1), "check");
                ranks.Workers[victim].Kill();
                var clock = Stopwatch.StartNew();
                foreach (var worker in ranks.Workers.Where((_, rank) => rank != victim))
                {
                    while (worker.Do(new Command { Name = CommandNames.State }).Data["faulted"] == "no")
                    {
                        Assert.That(clock.Elapsed.TotalSeconds, Is.LessThan(Bound), "the group is not faulted");
                    }
                }
                ranks.Replace(victim);
            }
        );

    /// <summary>Ranks that wait for others than the victim.</summary>
    [Test]
    public void RanksThatWaitForAnotherNoticeToo([Values] bool isRing, [Values(0, 3)] int victim) =>
        _processes.OnGroup(
            new JacclShape(isRing, 4, 1),
            ranks =>
            {
                ranks.Play(new JacclShape(isRing, 4, 1), "check");
                // Rank 1 waits for rank 2, which waits for rank 1.
                var calls = new[]
                {
                    (Rank: 1, Call: ranks.Workers[1].Send(Loop("ReceiveRight", 10))),
                    (Rank: 2, Call: ranks.Workers[2].Send(Loop("ReceiveLeft", 10))),
                };
                foreach (var (_, call) in calls)
                {
                    call.Announced();
                }
                var killed = ranks.Workers[victim].Kill();
                foreach (var (rank, call) in calls)
                {
                    var reply = call.Answer();
                    Assert.That(
                        reply.Failure?.Type,
                        Is.EqualTo(nameof(PeerLostException)),
                        $"rank {rank}: {reply.Failure?.Text}"
                    );
                    Assert.That(
                        reply.Failure!.Peer,
                        Is.EqualTo(victim).Or.EqualTo(0),
                        $"rank {rank}: the lost peer, or rank 0 that told of it"
                    );
                    Assert.That(
                        Stopwatch.GetElapsedTime(killed, reply.Ended).TotalSeconds,
                        Is.LessThan(Bound),
                        $"rank {rank}"
                    );
                }
                ranks.Replace(victim);
            }
        );

    [Test]
    public void AFaultedGroupKeepsThrowingItsFirstCause() =>
        _processes.OnGroup(
            JacclShape.Mesh(3),
            ranks =>
            {
                ranks.Play(JacclShape.Mesh(3), "check");
                ranks.Workers[2].Kill();
                var first = ranks.Workers[0].Do(Loop("AllReduce", 1000));
                Assert.That(first.Failure?.Type, Is.EqualTo(nameof(PeerLostException)), first.Failure?.Text);
                Assert.That(
                    (first.Failure!.Rank, first.Failure.Peer, first.Failure.Operation),
                    Is.EqualTo((0, 2, "AllReduce")),
                    first.Failure.Text
                );
                var cause = first.Failure.InnerMessage ?? first.Failure.Message;
                foreach (var operation in new[] { "AllReduce", "Barrier", "ReceiveLeft", "AllGather" })
                {
                    var later = ranks.Workers[0].Do(Loop(operation, 1000));
                    Assert.That(
                        (later.Failure?.Type, later.Failure?.InnerType, later.Failure?.InnerMessage),
                        Is.EqualTo((nameof(PeerLostException), nameof(PeerLostException), cause))
                    );
                }
                ranks.Replace(2);
            }
        );

    /// <summary>
    /// Over a custom side channel there is no connection that tells of a death. With RC the queue pairs do, with UC
    /// nothing does before the deadline.
    /// </summary>
    [TestCase(nameof(JacclQueuePairs.ReliableConnection))]
    [TestCase(nameof(JacclQueuePairs.UnreliableConnection))]
    public void AKilledRankBehindACustomSideChannel(string queuePairs) =>
        _processes.On(
            3,
            ranks =>
            {
                const double Deadline = 2;
                var shape = JacclShape.Mesh(3);
                var folder = ranks.NewFolder("channel");
                ranks.Form(
                    shape,
                    operationSeconds: Deadline,
                    change: settings =>
                        settings with
                        {
                            Coordinator = null,
                            SideChannelFolder = folder,
                            QueuePairs = queuePairs,
                        }
                );
                ranks.Play(shape, "check");
                ranks.Workers[1].Kill();
                var calls = new[] { 0, 2 }
                    .Select(rank => ranks.Workers[rank].Send(Loop("AllReduce", 1 << 20)))
                    .ToList();
                foreach (var call in calls)
                {
                    var reply = call.Answer();
                    Assert.That(
                        reply.Failure?.Type,
                        Is.AnyOf(nameof(PeerLostException), nameof(CollectiveTimeoutException)),
                        reply.Failure?.Text
                    );
                    Assert.That(Seconds(reply), Is.LessThan(Deadline + Bound));
                }
                ranks.Replace(1);
            }
        );

    // ---- peers that leave, or end by themselves ---------------------------------------------------------------------

    [TestCase(false, 0)]
    [TestCase(false, 1)]
    [TestCase(true, 0)]
    [TestCase(true, 2)]
    public void ARankThatHasLeftIsMissed(bool isRing, int leaver) =>
        _processes.OnGroup(
            new JacclShape(isRing, 3, 1),
            ranks =>
            {
                ranks.Play(new JacclShape(isRing, 3, 1), "check");
                var pending = Enumerable
                    .Range(0, 3)
                    .Where(rank => rank != leaver)
                    .Select(rank => ranks.Workers[rank].Send(Loop("AllReduce", 1000)))
                    .ToList();
                pending.ForEach(call => call.Announced());
                DisposeInTime(ranks.Workers[leaver]);
                foreach (var call in pending)
                {
                    var reply = call.Answer();
                    Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(PeerLostException)), reply.Failure?.Text);
                    Assert.That(Seconds(reply), Is.LessThan(10));
                }
            }
        );

    /// <summary>
    /// All do what they have to and leave at once, the first of them while the last is still in the operation.
    /// </summary>
    [TestCase(false, 4, 1)]
    [TestCase(true, 4, 2)]
    public void NobodyIsDisturbedByThoseWhoLeaveEarlier(bool isRing, int size, int wires) =>
        _processes.On(
            size,
            ranks =>
            {
                var shape = new JacclShape(isRing, size, wires);
                for (var round = 0; round < 5; round++)
                {
                    ranks.Form(shape);
                    var calls = ranks
                        .Workers.SelectMany(worker =>
                            new[]
                            {
                                worker.Send(LocalRanks.Play("check", 0)),
                                worker.Send(new Command { Name = CommandNames.Dispose }),
                            }
                        )
                        .ToList();
                    LocalRanks.Succeed(calls);
                }
            }
        );

    [TestCase(false, 3, 1)]
    [TestCase(true, 3, 2)]
    public void ProcessesEndByThemselvesWithGroupsOpen(bool isRing, int size, int wires)
    {
        var shape = new JacclShape(isRing, size, wires);
        using var ranks = new LocalJaccl(size);
        ranks.Form(shape);
        ranks.Play(shape, "check");
        var pending = ranks.Workers[0].Send(Loop("AllReduce", 1 << 20));
        pending.Announced();
        foreach (var worker in ranks.Workers)
        {
            worker.Send(new Command { Name = CommandNames.Exit });
        }
        foreach (var worker in ranks.Workers)
        {
            Assert.That(worker.WaitForExit(TimeSpan.FromSeconds(20)), Is.True, "the process ends");
            Assert.That(worker.ExitCode, Is.Zero, worker.Errors);
            Assert.That(worker.Errors, Is.Empty);
        }
    }

    // ---- peers that stop, cables that break -------------------------------------------------------------------------

    [TestCase(false, 4, 1, 1)]
    [TestCase(false, 3, 1, 0)]
    [TestCase(true, 4, 2, 1)]
    [TestCase(true, 3, 1, 0)]
    public void AStoppedRankTimesTheOthersOut(bool isRing, int size, int wires, int stopped) =>
        _processes.OnGroup(
            new JacclShape(isRing, size, wires),
            ranks =>
            {
                const double Deadline = 1.5;
                ranks.Play(new JacclShape(isRing, size, wires), "check");
                ranks.Workers[stopped].Stop();
                var survivors = Enumerable.Range(0, size).Where(rank => rank != stopped).ToList();
                var calls = survivors
                    .Select(rank =>
                        ranks.Workers[rank].Send(Loop("AllReduce", 3 << 20) with { TimeoutSeconds = Deadline })
                    )
                    .ToList();
                foreach (var (call, rank) in calls.Zip(survivors))
                {
                    var reply = call.Answer();
                    Assert.That(
                        reply.Failure?.Type,
                        Is.EqualTo(nameof(CollectiveTimeoutException)),
                        $"rank {rank}: {reply.Failure?.Text}"
                    );
                    // The others' deadlines lie close together, and whoever is first tells the rest.
                    Assert.That(
                        Seconds(reply),
                        Is.GreaterThan(Deadline - 0.5).And.LessThan(Deadline + 2),
                        $"rank {rank}"
                    );
                }
                foreach (var rank in survivors)
                {
                    DisposeInTime(ranks.Workers[rank]);
                }
                ranks.Workers[stopped].Kill();
                ranks.Replace(stopped);
            }
        );

    [Test]
    public void DisposeAndExitDoNotWaitForAStoppedRank() =>
        _processes.OnGroup(
            JacclShape.Mesh(3),
            ranks =>
            {
                ranks.Play(JacclShape.Mesh(3), "check");
                ranks.Workers[1].Stop();
                DisposeInTime(ranks.Workers[0]);
                ranks.Workers[2].Send(new Command { Name = CommandNames.Exit });
                Assert.That(ranks.Workers[2].WaitForExit(TimeSpan.FromSeconds(20)), Is.True, "the process ends");
                ranks.Workers[1].Kill();
                ranks.Replace(1);
                ranks.Replace(2);
            }
        );

    /// <summary>Stopped for a while is not lost.</summary>
    [TestCase(false)]
    [TestCase(true)]
    public void ARankThatWasStoppedForAWhileGoesOn(bool isRing) =>
        _processes.OnGroup(
            new JacclShape(isRing, 3, 1),
            ranks =>
            {
                ranks.Play(new JacclShape(isRing, 3, 1), "check");
                ranks.Workers[1].Stop();
                var calls = ranks.All(_ => Loop("AllReduce", 3 << 20));
                calls[0].Announced();
                calls[2].Announced();
                Thread.SpinWait(1_000_000);
                ranks.Workers[1].Continue();
                LocalRanks.Succeed(calls);
                ranks.Play(new JacclShape(isRing, 3, 1), "check");
            }
        );

    [Test]
    public void TheGroupsTimeoutHoldsForCallsWithoutOne() =>
        _processes.OnGroup(
            JacclShape.Ring(2, 1),
            ranks =>
            {
                var reply = ranks.Workers[0].Do(Loop("AllReduce", 1000));
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(CollectiveTimeoutException)), reply.Failure?.Text);
                Assert.That(Seconds(reply), Is.GreaterThan(0.9).And.LessThan(1 + 2));
            },
            operationSeconds: 1
        );

    /// <summary>A cable that loses everything from some message on. Nothing tells UC; RC gives up trying.</summary>
    [TestCase(false, 3, 1, nameof(JacclQueuePairs.UnreliableConnection))]
    [TestCase(true, 3, 2, nameof(JacclQueuePairs.UnreliableConnection))]
    [TestCase(false, 3, 1, nameof(JacclQueuePairs.ReliableConnection))]
    [TestCase(true, 3, 2, nameof(JacclQueuePairs.ReliableConnection))]
    public void ABrokenCableIsAnErrorAtTheDeadline(bool isRing, int size, int wires, string queuePairs) =>
        _processes.On(
            size,
            ranks =>
            {
                const double Deadline = 2;
                var shape = new JacclShape(isRing, size, wires);
                ranks.Form(
                    shape,
                    operationSeconds: Deadline,
                    change: settings => settings with { QueuePairs = queuePairs }
                );
                ranks.Play(shape, "check");
                ranks.Fault($"device={SoftVerbsLibrary.Device(shape, 1, 2, 0)}:link@3=down", rank: 1);
                var calls = ranks.All(_ => Loop("AllReduce", 1 << 20) with { Iterations = 20 });
                var types = new List<string?>();
                foreach (var call in calls)
                {
                    var reply = call.Answer();
                    types.Add(reply.Failure?.Type);
                    Assert.That(
                        reply.Failure?.Type,
                        Is.AnyOf(
                            nameof(CollectiveTimeoutException),
                            nameof(PeerLostException),
                            nameof(CollectiveException)
                        ),
                        reply.Failure?.Text
                    );
                    Assert.That(Seconds(reply), Is.LessThan(Deadline + 3));
                }
                if (queuePairs == nameof(JacclQueuePairs.UnreliableConnection))
                {
                    Assert.That(types, Has.Some.EqualTo(nameof(CollectiveTimeoutException)));
                }
            }
        );

    // ---- work requests that fail ------------------------------------------------------------------------------------

    /// <summary>
    /// Every completion's status is looked at. The rank that sees it names it; the others learn that the rank has gone.
    /// </summary>
    [TestCase(false, 3, 1, "send@3=IBV_WC_GENERAL_ERR", "general error")]
    [TestCase(false, 3, 1, "recv@3=IBV_WC_LOC_PROT_ERR", "local protection error")]
    [TestCase(false, 2, 1, "recv@2=IBV_WC_LOC_LEN_ERR", "local length error")]
    [TestCase(false, 4, 1, "send@9=IBV_WC_REM_OP_ERR", "remote operation error")]
    [TestCase(true, 3, 2, "send@3=IBV_WC_GENERAL_ERR", "general error")]
    [TestCase(true, 3, 1, "recv@3=IBV_WC_FATAL_ERR", "fatal error")]
    [TestCase(true, 2, 3, "recv@5=IBV_WC_LOC_QP_OP_ERR", "local QP operation error")]
    [TestCase(true, 4, 1, "send@2=IBV_WC_RETRY_EXC_ERR", "retry counter exceeded")]
    public void AnErrorCompletionIsNoticedByAll(bool isRing, int size, int wires, string rule, string name) =>
        _processes.OnGroup(
            new JacclShape(isRing, size, wires),
            ranks =>
            {
                ranks.Play(new JacclShape(isRing, size, wires), "check");
                ranks.Fault(rule, rank: 1);
                var calls = ranks.All(_ => Loop("AllReduce", 3 << 20) with { Iterations = 5 });
                for (var rank = 0; rank < size; rank++)
                {
                    var reply = calls[rank].Answer();
                    // A length that does not fit has a reason that the exception's type tells.
                    Assert.That(
                        reply.Failure?.Type,
                        Is.AnyOf(
                            nameof(CollectiveException),
                            nameof(PeerLostException),
                            nameof(GroupAbortedException),
                            nameof(CollectiveMismatchException)
                        ),
                        $"rank {rank}: {reply.Failure?.Text}"
                    );
                    Assert.That(Seconds(reply), Is.LessThan(10), $"rank {rank}");
                }
                // As ibv_wc_status_str says it. The sender to a receive that fails may be told first, that it was the
                // peer's fault, and end the group before the receiver has looked.
                var messages = calls.Select(call => call.Answer().Failure!.Message).ToList();
                Assert.That(
                    messages.Any(message =>
                        message.Contains(name, StringComparison.OrdinalIgnoreCase)
                        || (
                            rule.StartsWith("recv", StringComparison.Ordinal)
                            && message.Contains("remote", StringComparison.OrdinalIgnoreCase)
                        )
                    ),
                    Is.True,
                    $"the status is named: {string.Join('\n', messages)}"
                );
                Faulted(ranks.Workers[1], calls[1].Answer().Failure!.Type);
            }
        );

    /// <summary>Work requests that cannot be posted, completions that cannot be polled: the errno is named.</summary>
    [TestCase(false, 3, 1, "post_send@3=EINVAL", "Invalid argument")]
    [TestCase(true, 3, 2, "post_recv@5=ENOMEM", "Cannot allocate memory")]
    [TestCase(false, 2, 1, "poll_cq@4=EIO", "poll")]
    public void AVerbThatFailsIsNoticedByAll(bool isRing, int size, int wires, string rule, string words) =>
        _processes.OnGroup(
            new JacclShape(isRing, size, wires),
            ranks =>
            {
                ranks.Play(new JacclShape(isRing, size, wires), "check");
                ranks.Fault(rule, rank: 1);
                var calls = ranks.All(_ => Loop("AllReduce", 3 << 20) with { Iterations = 5 });
                foreach (var (call, rank) in calls.Select((call, rank) => (call, rank)))
                {
                    var reply = call.Answer();
                    Assert.That(
                        reply.Failure?.Type,
                        Is.AnyOf(
                            nameof(CollectiveException),
                            nameof(PeerLostException),
                            nameof(GroupAbortedException),
                            nameof(CollectiveOutOfMemoryException)
                        ),
                        $"rank {rank}: {reply.Failure?.Text}"
                    );
                    Assert.That(Seconds(reply), Is.LessThan(10), $"rank {rank}");
                    if (rank == 1)
                    {
                        Assert.That(reply.Failure!.Message, Does.Contain(words).IgnoreCase);
                    }
                }
            }
        );

    // ---- abort, dispose, cancel -------------------------------------------------------------------------------------

    [TestCase(false, 0)]
    [TestCase(false, 2)]
    [TestCase(true, 0)]
    [TestCase(true, 3)]
    public void AbortEndsAPendingCallAtOnceAndThePeersToo(bool isRing, int aborting) =>
        _processes.OnGroup(
            new JacclShape(isRing, 4, 1),
            ranks =>
            {
                ranks.Play(new JacclShape(isRing, 4, 1), "check");
                // Rank 1 does not come.
                var calls = new[] { 0, 2, 3 }
                    .Select(rank => (Rank: rank, Call: ranks.Workers[rank].Send(Loop("Barrier", 0))))
                    .ToList();
                calls.ForEach(call => call.Call.Announced());
                var aborted = Stopwatch.GetTimestamp();
                Assert.That(
                    ranks
                        .Workers[aborting]
                        .Do(
                            new Command
                            {
                                Name = CommandNames.Abort,
                                Thread = "other",
                                Operation = "the test's reason",
                            }
                        )
                        .Failure,
                    Is.Null
                );
                foreach (var (rank, call) in calls)
                {
                    var reply = call.Answer();
                    Assert.That(
                        Stopwatch.GetElapsedTime(aborted, reply.Ended).TotalSeconds,
                        Is.LessThan(Bound),
                        $"rank {rank}"
                    );
                    Assert.That(
                        reply.Failure?.Type,
                        rank == aborting ? Is.EqualTo(nameof(GroupAbortedException)) : Is.AnyOf(_ends),
                        $"rank {rank}: {reply.Failure?.Text}"
                    );
                    if (rank == aborting)
                    {
                        Assert.That(reply.Failure!.Message, Does.Contain("the test's reason"));
                    }
                }
                var idle = ranks.Workers[1].Do(Loop("Barrier", 0));
                if (!isRing && idle.Failure is null)
                {
                    // In a mesh all of this barrier had been sent before the abort, and may come before the news of it.
                    idle = ranks.Workers[1].Do(Loop("Barrier", 0));
                }

                Assert.That(idle.Failure?.Type, Is.AnyOf(_ends), idle.Failure?.Text);
                Faulted(ranks.Workers[aborting], nameof(GroupAbortedException), "the test's reason");
            }
        );

    [TestCase(false)]
    [TestCase(true)]
    public void DisposeEndsAPendingCall(bool isAsync) =>
        _processes.OnGroup(
            JacclShape.Ring(3, 2),
            ranks =>
            {
                ranks.Play(JacclShape.Ring(3, 2), "check");
                var pending = ranks.Workers[0].Send(Loop("AllReduce", 1 << 20) with { IsAsync = isAsync });
                pending.Announced();
                DisposeInTime(ranks.Workers[0], "other");
                Assert.That(
                    pending.Answer().Failure?.Type,
                    Is.EqualTo(nameof(ObjectDisposedException)),
                    pending.Answer().Failure?.Text
                );
                foreach (var rank in new[] { 1, 2 })
                {
                    var reply = ranks.Workers[rank].Do(Loop("AllReduce", 1 << 20));
                    Assert.That(
                        reply.Failure?.Type,
                        Is.EqualTo(nameof(PeerLostException)),
                        $"rank {rank}: {reply.Failure?.Text}"
                    );
                }
            }
        );

    [TestCase(false)]
    [TestCase(true)]
    public void CancellingARunningOperationEndsTheGroup(bool isRing) =>
        _processes.OnGroup(
            new JacclShape(isRing, 3, 1),
            ranks =>
            {
                var replies = LocalRanks.Answers(ranks.All(_ => LocalRanks.Play("async_cancelled_while_running", 0)));
                Assert.That(replies[0].Failure, Is.Null, replies[0].Failure?.Text);
                Assert.That(
                    (replies[0].Data["later"], replies[0].Data["cause"]),
                    Is.EqualTo((nameof(GroupAbortedException), nameof(OperationCanceledException)))
                );
                foreach (var reply in replies.Skip(1))
                {
                    Assert.That(reply.Failure?.Type, Is.AnyOf(_ends), reply.Failure?.Text);
                }
            }
        );

    /// <summary>A fault of one group is none of the other's.</summary>
    [Test]
    public void TheOtherGroupOfTheProcessGoesOn() =>
        _processes.OnGroup(
            JacclShape.Ring(2, 1),
            ranks =>
            {
                ranks.Form(JacclShape.Mesh(2), group: "second");
                var pending = ranks.Workers[0].Send(Loop("Barrier", 0));
                pending.Announced();
                ranks
                    .Workers[0]
                    .Do(
                        new Command
                        {
                            Name = CommandNames.Abort,
                            Thread = "other",
                            Operation = "enough",
                        }
                    );
                Assert.That(pending.Answer().Failure?.Type, Is.EqualTo(nameof(GroupAbortedException)));
                LocalRanks.Succeed(
                    ranks.All(_ => LocalRanks.Play("check", 0, group: "second") with { Thread = "second" })
                );
            }
        );

    /// <summary>
    /// Group after group, ended by abort and by dispose from another thread while operations of all kinds run.
    /// </summary>
    [TestCase(false)]
    [TestCase(true)]
    public void AbortAndDisposeAtAnyMoment(bool isRing) =>
        _processes.On(
            3,
            ranks =>
            {
                for (var round = 0; round < 8; round++)
                {
                    ranks.Form(new JacclShape(isRing, 3, 1 + (isRing ? round % 4 : 0)));
                    var calls = ranks.All(_ =>
                        Loop("Any", 1 << 18) with
                        {
                            Iterations = int.MaxValue,
                            AnnounceAfter = 3 + round,
                            Seed = (ulong)round,
                            IsAsync = round % 3 == 1,
                        }
                    );
                    calls[round % 3].Announced();
                    var ended = ranks
                        .Workers[round % 3]
                        .Do(
                            new Command
                            {
                                Name = round % 2 == 0 ? CommandNames.Abort : CommandNames.Dispose,
                                Thread = "other",
                            }
                        );
                    Assert.That(ended.Failure, Is.Null, ended.Failure?.Text);
                    Assert.That(LocalRanks.Answers(calls).Select(reply => reply.Failure), Is.All.Not.Null);
                    LocalRanks.Succeed(ranks.All(_ => new Command { Name = CommandNames.Dispose }));
                    ranks.NothingIsLeft();
                }
            }
        );

    // ---- helpers ----------------------------------------------------------------------------------------------------

    private static Command Loop(string operation, int count) =>
        new()
        {
            Name = CommandNames.Loop,
            Operation = operation,
            Count = count,
        };

    private static double Seconds(Reply reply) => Stopwatch.GetElapsedTime(reply.Began, reply.Ended).TotalSeconds;

    // The group is at an end, and says why.
    private static void Faulted(WorkerProcess worker, string exception, string words = "")
    {
        Assert.That(
            worker.Do(new Command { Name = CommandNames.State }).Data["faulted"],
            Is.EqualTo("yes"),
            "the group is faulted"
        );
        var later = worker.Do(Loop("AllReduce", 10));
        Assert.That(later.Failure?.Type, Is.EqualTo(exception), later.Failure?.Text);
        Assert.That(later.Failure!.InnerType, Is.EqualTo(exception), later.Failure.Text);
        Assert.That(later.Failure.InnerMessage, Does.Contain(words));
        Assert.That(Seconds(later), Is.LessThan(Bound), "it throws at once");
    }

    private static void DisposeInTime(WorkerProcess worker, string thread = "main")
    {
        var reply = worker.Do(new Command { Name = CommandNames.Dispose, Thread = thread });
        Assert.That(reply.Failure, Is.Null, reply.Failure?.Text);
        Assert.That(Seconds(reply), Is.LessThan(2), "Dispose");
    }
}
