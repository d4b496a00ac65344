using System.Diagnostics;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Faults;

/// <summary>Peers that die or stop while the group is in use.</summary>
[Category("Faults")]
public sealed class PeerLossTests
{
    /// <summary>From the death of a rank to the exception of every other.</summary>
    private static readonly TimeSpan _bound = TimeSpan.FromSeconds(1);

    /// <summary>
    /// kill -9 of a random rank at a random moment of random operations. The survivors then form a group with a new
    /// process on the same addresses, at once, for the next round.
    /// </summary>
    [TestCase(2, 1, 10)]
    [TestCase(3, 2, 10)]
    [TestCase(4, 1, 10)]
    [TestCase(5, 3, 10)]
    public void AKilledRankIsNoticedByAllWithinASecond(int size, int sockets, int rounds)
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        TestContext.Out.WriteLine($"seed {seed}");
        using var ring = new LocalRing(size, sockets, form: false);
        var slowest = TimeSpan.Zero;
        for (var round = 0; round < rounds; round++)
        {
            ring.Form();
            var command = new Command
            {
                Name = CommandNames.Loop,
                Operation = "Any",
                Count = 4 << 20,
                Iterations = int.MaxValue,
                AnnounceAfter = random.Next(60),
                Seed = (ulong)random.Next(),
            };
            var victim = random.Next(size);
            var calls = ring.All(_ => command);
            calls[victim].Announced();
            Thread.SpinWait(random.Next(200_000));
            var killed = ring.Workers[victim].Kill();
            for (var rank = 0; rank < size; rank++)
            {
                if (rank != victim)
                {
                    var reply = calls[rank].Answer();
                    var what =
                        $"round {round}, rank {victim} of {size} killed, rank {rank} after "
                        + $"{(reply.Data.TryGetValue("done", out var done) ? done : "?")} operations";
                    Assert.That(reply.Failure, Is.Not.Null, what);
                    Assert.That(
                        reply.Failure!.Type,
                        Is.EqualTo(nameof(PeerLostException)),
                        $"{what}: {reply.Failure.Text}"
                    );
                    var elapsed = Stopwatch.GetElapsedTime(killed, reply.Ended);
                    slowest = elapsed > slowest ? elapsed : slowest;
                    Assert.That(elapsed, Is.LessThan(_bound), $"{what}: {reply.Failure.Text}");
                }
            }
            ring.Workers[victim].Dispose();
            ring.Workers[victim] = WorkerPool.Take();
            LocalRing.Succeed(
                ring.Workers.Where((_, rank) => rank != victim)
                    .Select(worker => worker.Send(new Command { Name = CommandNames.Dispose }))
            );
        }
        TestContext.Out.WriteLine($"slowest: {slowest.TotalMilliseconds:F1} ms");
        ring.Form();
        ring.Do(LocalRing.Play("check"));
    }

    /// <summary>An idle rank learns of it at its next call, whatever that is.</summary>
    [TestCase("AllReduce")]
    [TestCase("AllGather")]
    [TestCase("Broadcast")]
    [TestCase("Barrier")]
    [TestCase("ReceiveLeft")]
    [TestCase("ReceiveRight")]
    [TestCase("AllToAll")]
    public void AnIdleRankNoticesAtItsNextCall(string operation)
    {
        using var ring = new LocalRing(4, 2);
        ring.Do(LocalRing.Play("check"));
        var killed = ring.Workers[1].Kill();
        Assert.That(ring.Workers[1].WaitForExit(TimeSpan.FromSeconds(10)), Is.True);
        foreach (var rank in new[] { 2, 0, 3 })
        {
            var reply = ring.Workers[rank].Do(Once(operation, 1000));
            Assert.That(
                reply.Failure?.Type,
                Is.EqualTo(nameof(PeerLostException)),
                $"rank {rank}: {reply.Failure?.Text}"
            );
            Assert.That(
                Stopwatch.GetElapsedTime(Math.Max(killed, reply.Began), reply.Ended),
                Is.LessThan(_bound),
                $"rank {rank}"
            );
        }
    }

    /// <summary>Ranks that wait for others than the victim, and a rank that computes meanwhile.</summary>
    [Test]
    public void RanksThatWaitForAnotherNoticeToo()
    {
        using var ring = new LocalRing(5, 1);
        ring.Do(LocalRing.Play("check"));
        // Rank 0 waits for 1 and 2 for 1; rank 3 is idle; 4 dies.
        var calls = new[]
        {
            (Rank: 0, Call: ring.Workers[0].Send(Once("ReceiveRight", 10))),
            (Rank: 2, Call: ring.Workers[2].Send(Once("ReceiveLeft", 10))),
        };
        foreach (var (_, call) in calls)
        {
            call.Announced();
        }
        var killed = ring.Workers[4].Kill();
        foreach (var (rank, call) in calls)
        {
            var reply = call.Answer();
            Assert.That(
                reply.Failure?.Type,
                Is.EqualTo(nameof(PeerLostException)),
                $"rank {rank}: {reply.Failure?.Text}"
            );
            Assert.That(Stopwatch.GetElapsedTime(killed, reply.Ended), Is.LessThan(_bound), $"rank {rank}");
        }
        foreach (var rank in new[] { 1, 3 })
        {
            var reply = ring.Workers[rank].Do(Once("Barrier", 0));
            Assert.That(
                reply.Failure?.Type,
                Is.EqualTo(nameof(PeerLostException)),
                $"rank {rank}: {reply.Failure?.Text}"
            );
        }
    }

    [Test]
    public void AKilledRankEndsSplitGroupsToo()
    {
        using var ring = new LocalRing(4, 1);
        var calls = ring.All(_ => LocalRing.Play("split_loop"));
        calls[3].Announced();
        var killed = ring.Workers[3].Kill();
        foreach (var rank in new[] { 0, 1, 2 })
        {
            var reply = calls[rank].Answer();
            Assert.That(
                reply.Failure?.Type,
                Is.EqualTo(nameof(PeerLostException)),
                $"rank {rank}: {reply.Failure?.Text}"
            );
            Assert.That(Stopwatch.GetElapsedTime(killed, reply.Ended), Is.LessThan(_bound), $"rank {rank}");
        }
    }

    [Test]
    public void AFaultedGroupKeepsThrowingItsFirstCause()
    {
        using var ring = new LocalRing(3, 1);
        ring.Do(LocalRing.Play("check"));
        ring.Workers[2].Kill();
        var first = ring.Workers[0].Do(Once("AllReduce", 1000));
        Assert.That(first.Failure?.Type, Is.EqualTo(nameof(PeerLostException)), first.Failure?.Text);
        Assert.Multiple(() =>
        {
            Assert.That(first.Failure!.Rank, Is.Zero);
            Assert.That(first.Failure.Operation, Is.EqualTo("AllReduce"));
            Assert.That(first.Failure.SequenceNumber, Is.GreaterThan(0));
        });
        // An idle group may have learnt of it before the first call, which then has the cause as its inner exception
        // like every later one.
        var cause = first.Failure!.InnerMessage ?? first.Failure.Message;
        foreach (var operation in new[] { "AllReduce", "Barrier", "ReceiveLeft", "AllGather" })
        {
            var later = ring.Workers[0].Do(Once(operation, 1000));
            Assert.Multiple(() =>
            {
                Assert.That(later.Failure?.Type, Is.EqualTo(nameof(PeerLostException)), later.Failure?.Text);
                Assert.That(later.Failure?.InnerType, Is.EqualTo(nameof(PeerLostException)));
                Assert.That(later.Failure?.InnerMessage, Is.EqualTo(cause));
                Assert.That(
                    Stopwatch.GetElapsedTime(later.Began, later.Ended),
                    Is.LessThan(_bound),
                    "it throws at once"
                );
            });
        }
    }

    /// <summary>
    /// By at least one of its neighbours, the one from which the news runs around the ring: it may reach the other from
    /// both sides at once.
    /// </summary>
    [Test]
    public void TheLostPeerIsNamedByANeighbour()
    {
        using var ring = new LocalRing(4, 1);
        ring.Do(LocalRing.Play("check"));
        var calls = new[] { 1, 3 }.Select(rank => ring.Workers[rank].Send(Once("Barrier", 0))).ToList();
        calls.ForEach(call => call.Announced());
        ring.Workers[2].Kill();
        var failures = LocalRing.Answers(calls).Select(reply => reply.Failure).ToList();
        Assert.That(failures.Select(failure => failure?.Type), Is.All.EqualTo(nameof(PeerLostException)));
        Assert.That(failures.Select(failure => failure!.Peer), Has.Some.EqualTo(2).And.All.AnyOf(0, 2));
    }

    [Test]
    public void AStoppedRankTimesTheOthersOut()
    {
        using var ring = new LocalRing(4, 2);
        ring.Do(LocalRing.Play("check"));
        ring.Workers[1].Stop();
        const double Deadline = 2;
        var survivors = new[] { 0, 2, 3 };
        var calls = survivors
            .Select(rank => ring.Workers[rank].Send(Once("AllReduce", 3 << 20) with { TimeoutSeconds = Deadline }))
            .ToList();
        foreach (var (call, rank) in calls.Zip(survivors))
        {
            var reply = call.Answer();
            Assert.That(
                reply.Failure?.Type,
                Is.EqualTo(nameof(CollectiveTimeoutException)),
                $"rank {rank}: {reply.Failure?.Text}"
            );
            var elapsed = Stopwatch.GetElapsedTime(reply.Began, reply.Ended);
            // The others' deadlines lie close together, and whoever is first tells the rest.
            Assert.That(
                elapsed,
                Is.GreaterThan(TimeSpan.FromSeconds(Deadline - 0.5)).And.LessThan(TimeSpan.FromSeconds(Deadline + 2)),
                $"rank {rank}"
            );
        }
        // A group whose peer is stopped can be left: by disposing of it, and by ending the process.
        foreach (var rank in new[] { 0, 2 })
        {
            var reply = ring.Workers[rank].Do(new Command { Name = CommandNames.Dispose });
            Assert.That(reply.Failure, Is.Null, reply.Failure?.Text);
            Assert.That(
                Stopwatch.GetElapsedTime(reply.Began, reply.Ended),
                Is.LessThan(TimeSpan.FromSeconds(2)),
                $"rank {rank}: Dispose"
            );
        }
        ring.Workers[3].Send(new Command { Name = CommandNames.Exit });
        Assert.That(ring.Workers[3].WaitForExit(TimeSpan.FromSeconds(20)), Is.True, "the process ends");
    }

    /// <summary>
    /// A healthy group, one rank stopped: no call was made, Dispose and process exit do not wait for it.
    /// </summary>
    [Test]
    public void DisposeAndExitDoNotWaitForAStoppedRank()
    {
        using var ring = new LocalRing(3, 1);
        ring.Do(LocalRing.Play("check"));
        ring.Workers[1].Stop();
        var reply = ring.Workers[0].Do(new Command { Name = CommandNames.Dispose });
        Assert.That(reply.Failure, Is.Null, reply.Failure?.Text);
        Assert.That(Stopwatch.GetElapsedTime(reply.Began, reply.Ended), Is.LessThan(TimeSpan.FromSeconds(2)));
        ring.Workers[2].Send(new Command { Name = CommandNames.Exit });
        Assert.That(ring.Workers[2].WaitForExit(TimeSpan.FromSeconds(20)), Is.True, "the process ends");
    }

    /// <summary>Stopped for a while is not lost.</summary>
    [Test]
    public void ARankThatWasStoppedForAWhileGoesOn()
    {
        using var ring = new LocalRing(3, 2);
        ring.Do(LocalRing.Play("check"));
        ring.Workers[1].Stop();
        var calls = ring.All(_ => Once("AllReduce", 3 << 20));
        calls[0].Announced();
        calls[2].Announced();
        Thread.SpinWait(1_000_000);
        ring.Workers[1].Continue();
        LocalRing.Succeed(calls);
        ring.Do(LocalRing.Play("check"));
    }

    [Test]
    public void ATimeoutOfOneCallIsItsOwn()
    {
        using var ring = new LocalRing(2, 1, operationSeconds: 1);
        // The group's timeout is a second; a call's own may be longer, enough for a peer that comes later than that.
        var waiting = ring.Workers[1].Send(Once("ReceiveLeft", 100) with { TimeoutSeconds = 60 });
        waiting.Announced();
        Thread.Sleep(1500); // how late the peer is
        LocalRing.Succeed([ring.Workers[0].Send(Once("SendRight", 100)), waiting]);
        var reply = ring.Workers[0].Do(Once("ReceiveLeft", 100));
        Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(CollectiveTimeoutException)), reply.Failure?.Text);
        Assert.That(
            Stopwatch.GetElapsedTime(reply.Began, reply.Ended),
            Is.GreaterThan(TimeSpan.FromSeconds(0.9)).And.LessThan(TimeSpan.FromSeconds(5))
        );
    }

    [Test]
    public void AbortEndsAPendingCallAtOnceAndThePeersToo()
    {
        using var ring = new LocalRing(4, 1);
        ring.Do(LocalRing.Play("check"));
        var calls = new[] { 0, 2, 3 }
            .Select(rank => (Rank: rank, Call: ring.Workers[rank].Send(Once("Barrier", 0))))
            .ToList();
        calls.ForEach(call => call.Call.Announced());
        var aborted = Stopwatch.GetTimestamp();
        var abort = ring.Workers[0]
            .Do(
                new Command
                {
                    Name = CommandNames.Abort,
                    Thread = "other",
                    Operation = "the test's reason",
                }
            );
        Assert.That(abort.Failure, Is.Null, abort.Failure?.Text);
        foreach (var (rank, call) in calls)
        {
            var reply = call.Answer();
            Assert.That(Stopwatch.GetElapsedTime(aborted, reply.Ended), Is.LessThan(_bound), $"rank {rank}");
            if (rank == 0)
            {
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(GroupAbortedException)), reply.Failure?.Text);
                Assert.That(reply.Failure!.Message, Does.Contain("the test's reason"));
            }
            else
            {
                Assert.That(
                    reply.Failure?.Type,
                    Is.EqualTo(nameof(GroupAbortedException)).Or.EqualTo(nameof(PeerLostException)),
                    $"rank {rank}: {reply.Failure?.Text}"
                );
            }
        }
        var later = ring.Workers[0].Do(Once("Barrier", 0));
        Assert.That(later.Failure?.Type, Is.EqualTo(nameof(GroupAbortedException)), later.Failure?.Text);
        var idle = ring.Workers[1].Do(Once("Barrier", 0));
        Assert.That(
            idle.Failure?.Type,
            Is.EqualTo(nameof(GroupAbortedException)).Or.EqualTo(nameof(PeerLostException)),
            idle.Failure?.Text
        );
    }

    [Test]
    public void DisposeEndsAPendingCallAtOnce()
    {
        using var ring = new LocalRing(3, 1);
        ring.Do(LocalRing.Play("check"));
        var pending = ring.Workers[0].Send(Once("AllReduce", 1 << 20));
        pending.Announced();
        var dispose = ring.Workers[0].Do(new Command { Name = CommandNames.Dispose, Thread = "other" });
        Assert.That(dispose.Failure, Is.Null, dispose.Failure?.Text);
        Assert.That(Stopwatch.GetElapsedTime(dispose.Began, dispose.Ended), Is.LessThan(TimeSpan.FromSeconds(2)));
        Assert.That(pending.Answer().Failure?.Type, Is.EqualTo(nameof(ObjectDisposedException)));
        foreach (var rank in new[] { 1, 2 })
        {
            var reply = ring.Workers[rank].Do(Once("AllReduce", 1 << 20));
            Assert.That(
                reply.Failure?.Type,
                Is.EqualTo(nameof(PeerLostException)),
                $"rank {rank}: {reply.Failure?.Text}"
            );
        }
    }

    [Test]
    public void CancellingARunningOperationEndsTheGroup()
    {
        using var ring = new LocalRing(3, 1);
        var replies = LocalRing.Answers(ring.All(_ => LocalRing.Play("async_cancelled_while_running")));
        Assert.That(replies[0].Failure, Is.Null, replies[0].Failure?.Text);
        Assert.That(replies[0].Data["later"], Is.EqualTo(nameof(GroupAbortedException)));
        Assert.That(replies[0].Data["cause"], Is.EqualTo(nameof(OperationCanceledException)));
        foreach (var reply in replies.Skip(1))
        {
            Assert.That(
                reply.Failure?.Type,
                Is.EqualTo(nameof(GroupAbortedException)).Or.EqualTo(nameof(PeerLostException)),
                reply.Failure?.Text
            );
        }
    }

    /// <summary>A fault of one group is none of the other's.</summary>
    [Test]
    public void TheOtherGroupOfTheProcessGoesOn()
    {
        using var ring = new LocalRing(2, 1);
        using var hosts = ring.NewHostFile(2, 1);
        hosts.Release();
        ring.Form(group: "second", hostFile: hosts);
        var pending = ring.Workers[0].Send(Once("Barrier", 0));
        pending.Announced();
        ring.Workers[0]
            .Do(
                new Command
                {
                    Name = CommandNames.Abort,
                    Thread = "other",
                    Operation = "enough",
                }
            );
        Assert.That(pending.Answer().Failure?.Type, Is.EqualTo(nameof(GroupAbortedException)));
        ring.Do(LocalRing.Play("check", group: "second") with { Thread = "second" });
    }

    private static Command Once(string operation, int count) =>
        new()
        {
            Name = CommandNames.Loop,
            Operation = operation,
            Count = count,
        };
}
