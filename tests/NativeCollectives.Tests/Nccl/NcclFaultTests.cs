using System.Diagnostics;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Nccl;

/// <summary>
/// Everything that can go wrong while a group is in use: peers that die, libraries that fail, operations that do not
/// end.
/// </summary>
[Category("Nccl")]
[Category("Faults")]
public sealed class NcclFaultTests
{
    /// <summary>From a failure to the exceptions of all ranks, and from Dispose to its return.</summary>
    private const double Bound = 5;

    private readonly NcclRanks _processes = new();

    [OneTimeTearDown]
    public void End() => _processes.Dispose();

    // ---- peers ------------------------------------------------------------------------------------------------------

    /// <summary>
    /// kill -9 of a random rank at a random moment of random operations; the survivors then form a group with a new
    /// process.
    /// </summary>
    [TestCase(2, CallPlace.Host)]
    [TestCase(3, CallPlace.Device)]
    [TestCase(4, CallPlace.Host)]
    [TestCase(3, CallPlace.Stream)]
    public void AKilledRankIsNoticedByAll(int size, CallPlace place)
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        TestContext.Out.WriteLine($"seed {seed}");
        var slowest = 0.0;
        _processes.On(
            size,
            ranks =>
            {
                for (var round = 0; round < 4; round++)
                {
                    ranks.Form();
                    var command = Loop("Any", 1 << 20, place) with
                    {
                        Iterations = int.MaxValue,
                        AnnounceAfter = random.Next(30),
                        Seed = (ulong)random.Next(),
                    };
                    var victim = random.Next(size);
                    var calls = ranks.All(_ => command);
                    calls[victim].Announced();
                    Thread.SpinWait(random.Next(200_000));
                    var killed = ranks.Workers[victim].Kill();
                    foreach (var rank in Enumerable.Range(0, size).Where(rank => rank != victim))
                    {
                        var reply = calls[rank].Answer();
                        var what = $"round {round}, rank {victim} of {size} killed, rank {rank}";
                        Assert.That(
                            reply.Failure?.Type,
                            Is.EqualTo(nameof(PeerLostException)),
                            $"{what}: {reply.Failure?.Text}"
                        );
                        var elapsed = Stopwatch.GetElapsedTime(killed, reply.Ended).TotalSeconds;
                        slowest = Math.Max(slowest, elapsed);
                        Assert.That(elapsed, Is.LessThan(Bound), what);
                    }
                    foreach (
                        var (worker, rank) in ranks
                            .Workers.Select((worker, rank) => (worker, rank))
                            .Where(each => each.rank != victim)
                    )
                    {
                        Faulted(worker, nameof(PeerLostException));
                        DisposeInTime(worker);
                    }
                    NcclRanks.Replace(ranks, victim);
                }
                ranks.Form();
                ranks.Play("check");
            }
        );
        TestContext.Out.WriteLine($"slowest: {slowest * 1000:F1} ms");
    }

    [Test]
    public void AnIdleRankNoticesAPeersDeath() =>
        _processes.OnGroup(
            3,
            ranks =>
            {
                ranks.Play("check");
                ranks.Workers[2].Kill();
                foreach (var rank in new[] { 0, 1 })
                {
                    var reply = ranks.Workers[rank].Do(Loop("AllReduce", 1000));
                    Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(PeerLostException)), reply.Failure?.Text);
                    Assert.That(NcclRanks.Seconds(reply), Is.LessThan(Bound));
                    Faulted(ranks.Workers[rank], nameof(PeerLostException));
                }
                NcclRanks.Replace(ranks, 2);
            }
        );

    /// <summary>A rank that leaves in good order is missed as well.</summary>
    [Test]
    public void ARankThatHasLeftIsMissed() =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                ranks.Play("check");
                var pending = ranks.Workers[0].Send(Loop("AllReduce", 1000));
                pending.Announced();
                DisposeInTime(ranks.Workers[1]);
                Assert.That(
                    pending.Answer().Failure?.Type,
                    Is.EqualTo(nameof(PeerLostException)),
                    pending.Answer().Failure?.Text
                );
            }
        );

    /// <summary>A program that ends without Dispose, and without a word.</summary>
    [Test]
    public void ProcessesEndByThemselvesWithGroupsOpen()
    {
        using var ranks = new LocalNccl(3);
        ranks.Play("check");
        ranks.Play("device_on_stream_async");
        ranks.Workers[0].Send(new Command { Name = CommandNames.Exit });
        Assert.That(ranks.Workers[0].WaitForExit(TimeSpan.FromSeconds(20)), Is.True, "the process ends");
        Assert.That(ranks.Workers[0].ExitCode, Is.Zero, ranks.Workers[0].Errors);
        Assert.That(ranks.Workers[1].Do(Loop("Barrier", 0)).Failure?.Type, Is.EqualTo(nameof(PeerLostException)));
        foreach (var worker in ranks.Workers.Skip(1))
        {
            worker.Send(new Command { Name = CommandNames.Exit });
            Assert.That(worker.WaitForExit(TimeSpan.FromSeconds(20)), Is.True, "the process ends");
            Assert.That(worker.ExitCode, Is.Zero, worker.Errors);
            Assert.That(worker.Errors, Is.Empty);
        }
    }

    /// <summary>While an operation runs, too.</summary>
    [TestCase(CallPlace.Host)]
    [TestCase(CallPlace.Stream)]
    public void AProcessEndsInTheMiddleOfAnOperation(CallPlace place)
    {
        using var ranks = new LocalNccl(2);
        var pending = ranks.Workers[0].Send(Loop("AllReduce", 100_000, place));
        pending.Announced();
        ranks.Workers[0].Send(new Command { Name = CommandNames.Exit });
        Assert.That(ranks.Workers[0].WaitForExit(TimeSpan.FromSeconds(20)), Is.True, "the process ends");
        Assert.That(ranks.Workers[0].ExitCode, Is.Zero, ranks.Workers[0].Errors);
        Assert.That(ranks.Workers[0].Errors, Is.Empty);
    }

    [TestCase(CallPlace.Host)]
    [TestCase(CallPlace.Device)]
    [TestCase(CallPlace.Stream)]
    public void AStoppedRankTimesTheOthersOut(CallPlace place) =>
        _processes.OnGroup(
            3,
            ranks =>
            {
                ranks.Play("check");
                ranks.Workers[1].Stop();
                const double Deadline = 1.5;
                foreach (
                    var (call, rank) in new[] { 0, 2 }
                        .Select(rank =>
                            (
                                ranks
                                    .Workers[rank]
                                    .Send(
                                        Loop("AllReduce", 1 << 20, place) with
                                        {
                                            TimeoutSeconds = Deadline,
                                            Iterations = 2,
                                        }
                                    ),
                                rank
                            )
                        )
                        .ToList()
                )
                {
                    var reply = call.Answer();
                    Assert.That(
                        reply.Failure?.Type,
                        Is.EqualTo(nameof(CollectiveTimeoutException)).Or.EqualTo(nameof(PeerLostException)),
                        $"rank {rank}: {reply.Failure?.Text}"
                    );
                    // The others' deadlines lie close together, and whoever is first tells the rest.
                    Assert.That(
                        NcclRanks.Seconds(reply),
                        Is.GreaterThan(Deadline - 0.7).And.LessThan(Deadline + Bound)
                    );
                    DisposeInTime(ranks.Workers[rank]);
                }
                ranks.Workers[1].Kill();
                NcclRanks.Replace(ranks, 1);
            }
        );

    /// <summary>A healthy group, one rank stopped: Dispose and the end of a process do not wait for it.</summary>
    [Test]
    public void DisposeDoesNotWaitForAStoppedRank() =>
        _processes.OnGroup(
            3,
            ranks =>
            {
                ranks.Play("check");
                ranks.Workers[1].Stop();
                DisposeInTime(ranks.Workers[0]);
                ranks.Workers[2].Send(new Command { Name = CommandNames.Exit });
                Assert.That(ranks.Workers[2].WaitForExit(TimeSpan.FromSeconds(20)), Is.True, "the process ends");
                ranks.Workers[1].Kill();
                NcclRanks.Replace(ranks, 1);
                NcclRanks.Replace(ranks, 2);
            }
        );

    // ---- NCCL fails -------------------------------------------------------------------------------------------------

    /// <summary>
    /// At the third call, at once or while NCCL works on it: the exception has the function's name and NCCL's own
    /// words; the other rank hears of it.
    /// </summary>
    [TestCase("ncclSystemError", "a system call failed (2)")]
    [TestCase("ncclUnhandledCudaError", "a CUDA call failed (1)")]
    [TestCase("ncclInternalError", "internal error (3)")]
    [TestCase("ncclInvalidUsage", "invalid usage (5)")]
    [TestCase("later:ncclSystemError", "a system call failed (2)")]
    [TestCase("later:ncclInternalError", "internal error (3)")]
    public void AFailureOfNcclIsNamed(string code, string words) =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                ranks.Fault($"nccl:ncclAllReduce@3={code}(the cable is cut)", rank: 0);
                var calls = ranks.All(_ => Loop("AllReduce", 1000) with { Iterations = 10 });
                var failed = calls[0].Answer();
                Assert.That(failed.Failure?.Type, Is.EqualTo(nameof(CollectiveException)), failed.Failure?.Text);
                Assert.That(
                    failed.Failure!.Message,
                    Does.Contain("ncclAllReduce").And.Contain(words).And.Contain("the cable is cut")
                );
                Assert.That(failed.Data["done"], Is.EqualTo("2"));
                Assert.That(failed.Failure.Operation, Is.EqualTo("AllReduce"));
                Assert.That(failed.Failure.SequenceNumber, Is.EqualTo(3));
                var other = calls[1].Answer();
                Assert.That(other.Failure?.Type, Is.EqualTo(nameof(PeerLostException)), other.Failure?.Text);
                Assert.That(Stopwatch.GetElapsedTime(failed.Ended, other.Ended).TotalSeconds, Is.LessThan(Bound));
                Faulted(ranks.Workers[0], nameof(CollectiveException), "the cable is cut");
                Faulted(ranks.Workers[1], nameof(PeerLostException));
                DisposeInTime(ranks.Workers[0]);
                DisposeInTime(ranks.Workers[1]);
            }
        );

    /// <summary>Every function that an operation uses.</summary>
    [TestCase("AllGather", "ncclAllGather")]
    [TestCase("ReduceScatter", "ncclReduceScatter")]
    [TestCase("Broadcast", "ncclBroadcast")]
    [TestCase("Reduce", "ncclReduce")]
    [TestCase("Gather", "ncclGather")]
    [TestCase("Scatter", "ncclScatter")]
    [TestCase("AllToAll", "ncclAlltoAll")]
    [TestCase("SendReceive", "ncclSend")]
    [TestCase("SendReceive", "ncclRecv")]
    [TestCase("Barrier", "ncclAllReduce")]
    public void AFailureOfEveryFunctionIsNamed(string operation, string function) =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                ranks.Fault($"nccl:{function}@1=ncclSystemError(the cable is cut)", rank: 1);
                var calls = ranks.All(_ => Loop(operation, 1000));
                var failed = calls[1].Answer();
                Assert.That(failed.Failure?.Type, Is.EqualTo(nameof(CollectiveException)), failed.Failure?.Text);
                Assert.That(failed.Failure!.Message, Does.Contain(function).And.Contain("the cable is cut"));
                Assert.That(
                    calls[0].Answer().Failure?.Type,
                    Is.EqualTo(nameof(PeerLostException)),
                    calls[0].Answer().Failure?.Text
                );
            }
        );

    /// <summary>An argument that NCCL refuses on every rank: nothing has begun, and the group goes on.</summary>
    [TestCase(CallPlace.Host)]
    [TestCase(CallPlace.Device)]
    [TestCase(CallPlace.Stream)]
    public void WhatNcclCallsAnInvalidArgumentIsOne(CallPlace place) =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                ranks.Fault("nccl:ncclAllReduce@1=ncclInvalidArgument(the count is unlucky)");
                foreach (var reply in LocalRanks.Answers(ranks.All(_ => Loop("AllReduce", 1000, place))))
                {
                    Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(ArgumentException)), reply.Failure?.Text);
                    Assert.That(reply.Failure!.Message, Does.Contain("the count is unlucky"));
                }
                ranks.Play("check");
                ranks.Play("device_mixed");
            }
        );

    /// <summary>
    /// What NCCL finds only later, or after the first of several pieces has been sent, has not left the group as it
    /// was.
    /// </summary>
    [TestCase(CallPlace.Host, "2=ncclInvalidArgument")]
    [TestCase(CallPlace.Host, "1=later:ncclInvalidArgument")]
    [TestCase(CallPlace.Device, "1=later:ncclInvalidArgument")]
    [TestCase(CallPlace.Stream, "1=later:ncclInvalidArgument")]
    public void AnInvalidArgumentThatIsFoundTooLateEndsTheGroup(CallPlace place, string rule) =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                ranks.Fault($"nccl:ncclAllReduce@{rule}(the count is unlucky)", rank: 0);
                var calls = ranks.All(_ => Loop("AllReduce", 9 << 20, place) with { Iterations = 3 });
                var reply = calls[0].Answer();
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(CollectiveException)), reply.Failure?.Text);
                Assert.That(reply.Failure!.Message, Does.Contain("the count is unlucky"));
                Assert.That(
                    calls[1].Answer().Failure?.Type,
                    Is.EqualTo(nameof(PeerLostException)),
                    calls[1].Answer().Failure?.Text
                );
                Faulted(ranks.Workers[0], nameof(CollectiveException));
            }
        );

    [Test]
    public void AFailedSplitEndsTheGroup() =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                ranks.Fault("nccl:ncclCommSplit@1=later:ncclSystemError(no more groups)", rank: 0);
                var replies = LocalRanks.Answers(ranks.All(_ => LocalRanks.Play("split_whole", 0)));
                Assert.That(
                    replies[0].Failure?.Type,
                    Is.EqualTo(nameof(CollectiveException)),
                    replies[0].Failure?.Text
                );
                Assert.That(replies[0].Failure!.Message, Does.Contain("ncclCommSplit").And.Contain("no more groups"));
                Assert.That(replies[1].Failure, Is.Not.Null);
                Faulted(ranks.Workers[0], nameof(CollectiveException));
            }
        );

    // ---- asynchronous errors ----------------------------------------------------------------------------------------

    /// <summary>
    /// An error that comes up while the operation is under way: the call that waits for it throws it.
    /// </summary>
    [TestCase(CallPlace.Host, false)]
    [TestCase(CallPlace.Device, false)]
    [TestCase(CallPlace.Host, true)]
    [TestCase(CallPlace.Device, true)]
    [TestCase(CallPlace.Stream, true)]
    public void AnErrorOfARunningOperation(CallPlace place, bool isAsync) =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                ranks.Fault("nccl:async@2=ncclSystemError(the cable is cut)", rank: 0);
                var calls = ranks.All(_ => Loop("AllReduce", 1000, place) with { Iterations = 5, IsAsync = isAsync });
                var failed = calls[0].Answer();
                Assert.That(failed.Failure?.Type, Is.EqualTo(nameof(CollectiveException)), failed.Failure?.Text);
                Assert.That(
                    failed.Failure!.Message,
                    Does.Contain("a system call failed (2)").And.Contain("the cable is cut")
                );
                Assert.That(failed.Failure.Operation, Is.EqualTo("AllReduce"));
                Assert.That(failed.Failure.SequenceNumber, Is.EqualTo(2));
                Assert.That(
                    calls[1].Answer().Failure?.Type,
                    Is.EqualTo(nameof(PeerLostException)),
                    calls[1].Answer().Failure?.Text
                );
                Faulted(ranks.Workers[0], nameof(CollectiveException), "the cable is cut");
            }
        );

    /// <summary>
    /// A blocking call on a stream has returned by then: the group is faulted before long, and the next call says why.
    /// </summary>
    [TestCase("ncclSystemError", nameof(CollectiveException))]
    [TestCase("ncclRemoteError", nameof(PeerLostException))]
    public void AnErrorOnAStreamIsThrownByTheNextCall(string code, string exception) =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                ranks.Fault($"nccl:async@1={code}(the cable is cut)", rank: 0);
                var replies = LocalRanks.Answers(ranks.All(_ => LocalRanks.Play("device_on_stream_failing", 0)));
                Assert.That(replies[0].Failure?.Type, Is.EqualTo(exception), replies[0].Failure?.Text);
                Assert.That(replies[0].Failure!.InnerType, Is.EqualTo(exception).Or.Null);
                Assert.That(replies[0].Failure!.Message, Does.Contain("the cable is cut"));
                Assert.That(NcclRanks.Number(replies[0], "after"), Is.LessThan(Bound));
                Assert.That(replies[1].Failure?.Type, Is.EqualTo(nameof(PeerLostException)), replies[1].Failure?.Text);
            }
        );

    /// <summary>Between operations: an idle group learns of it too.</summary>
    [Test]
    public void AGroupThatIsDoingNothingNoticesAPeersEnd() =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                ranks.Play("check");
                ranks.Workers[1].Kill();
                var clock = Stopwatch.StartNew();
                while (ranks.Workers[0].Do(new Command { Name = CommandNames.State }).Data["faulted"] == "no")
                {
                    Assert.That(clock.Elapsed.TotalSeconds, Is.LessThan(Bound), "the group is not faulted");
                }
                NcclRanks.Replace(ranks, 1);
            }
        );

    // ---- deadlines --------------------------------------------------------------------------------------------------

    /// <summary>NCCL does not come to an end with it, or the peer does not come at all.</summary>
    [TestCase(CallPlace.Host, false, true)]
    [TestCase(CallPlace.Device, false, true)]
    [TestCase(CallPlace.Stream, false, true)]
    [TestCase(CallPlace.Host, true, true)]
    [TestCase(CallPlace.Device, true, true)]
    [TestCase(CallPlace.Stream, true, true)]
    [TestCase(CallPlace.Host, false, false)]
    [TestCase(CallPlace.Device, true, false)]
    [TestCase(CallPlace.Stream, false, false)]
    [TestCase(CallPlace.Stream, true, false)]
    public void AnOperationThatDoesNotEndIsAnErrorAtItsDeadline(CallPlace place, bool isAsync, bool peerComes) =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                const double Deadline = 1;
                ranks.Play("check");
                var command = Loop("AllReduce", 1000, place) with
                {
                    TimeoutSeconds = Deadline,
                    IsAsync = isAsync,
                    Iterations = 2,
                };
                if (peerComes)
                {
                    ranks.Fault("nccl:async@1=never", rank: 0);
                }
                var calls = ranks.Workers.Take(peerComes ? 2 : 1).Select(worker => worker.Send(command)).ToList();
                var reply = calls[0].Answer();
                Assert.That(
                    reply.Failure?.Type,
                    Is.EqualTo(nameof(CollectiveTimeoutException))
                        .Or.EqualTo(peerComes ? nameof(PeerLostException) : ""),
                    reply.Failure?.Text
                );
                Assert.That(NcclRanks.Seconds(reply), Is.GreaterThan(Deadline - 0.5).And.LessThan(Deadline + Bound));
                if (peerComes)
                {
                    Assert.That(
                        calls[1].Answer().Failure?.Type,
                        Is.EqualTo(nameof(CollectiveTimeoutException)).Or.EqualTo(nameof(PeerLostException)),
                        calls[1].Answer().Failure?.Text
                    );
                }
                DisposeInTime(ranks.Workers[0]);
            }
        );

    [Test]
    public void TheGroupsTimeoutHoldsForCallsWithoutOne() =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                var reply = ranks.Workers[0].Do(Loop("AllReduce", 1000));
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(CollectiveTimeoutException)), reply.Failure?.Text);
                Assert.That(NcclRanks.Seconds(reply), Is.GreaterThan(0.9).And.LessThan(1 + Bound));
            },
            operationSeconds: 1
        );

    // ---- abort, dispose, cancel -------------------------------------------------------------------------------------

    [TestCase(CallPlace.Host, false)]
    [TestCase(CallPlace.Device, false)]
    [TestCase(CallPlace.Device, true)]
    [TestCase(CallPlace.Stream, true)]
    public void AbortEndsAPendingCallAtOnce(CallPlace place, bool isAsync) =>
        _processes.OnGroup(
            3,
            ranks =>
            {
                ranks.Play("check");
                // Rank 1 does not come.
                var calls = new[] { 0, 2 }
                    .Select(rank =>
                        ranks.Workers[rank].Send(Loop("AllReduce", 100_000, place) with { IsAsync = isAsync })
                    )
                    .ToList();
                calls.ForEach(call => call.Announced());
                var aborted = Stopwatch.GetTimestamp();
                Assert.That(
                    ranks
                        .Workers[0]
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
                var reply = calls[0].Answer();
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(GroupAbortedException)), reply.Failure?.Text);
                Assert.That(reply.Failure!.Message, Does.Contain("the test's reason"));
                Assert.That(Stopwatch.GetElapsedTime(aborted, reply.Ended).TotalSeconds, Is.LessThan(Bound));
                // NCCL tells the peers what the double tells them: that the connection has ended.
                Assert.That(
                    calls[1].Answer().Failure?.Type,
                    Is.EqualTo(nameof(PeerLostException)),
                    calls[1].Answer().Failure?.Text
                );
                Faulted(ranks.Workers[0], nameof(GroupAbortedException), "the test's reason");
            }
        );

    [Test]
    public void AbortLetsGoOfAStream() =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                var pending = ranks.Workers[0].Send(LocalRanks.Play("device_on_stream_held", 0));
                pending.Announced();
                Assert.That(
                    ranks
                        .Workers[0]
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
                var reply = pending.Answer();
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(GroupAbortedException)), reply.Failure?.Text);
                Assert.That(reply.Failure!.Message, Does.Contain("the test's reason"));
            }
        );

    [TestCase(CallPlace.Host, false)]
    [TestCase(CallPlace.Device, false)]
    [TestCase(CallPlace.Device, true)]
    public void DisposeEndsAPendingCall(CallPlace place, bool isAsync) =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                ranks.Play("check");
                var pending = ranks.Workers[0].Send(Loop("AllReduce", 100_000, place) with { IsAsync = isAsync });
                pending.Announced();
                DisposeInTime(ranks.Workers[0], "other");
                Assert.That(
                    pending.Answer().Failure?.Type,
                    Is.EqualTo(nameof(ObjectDisposedException)),
                    pending.Answer().Failure?.Text
                );
                var reply = ranks.Workers[1].Do(Loop("AllReduce", 100_000, place));
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(PeerLostException)), reply.Failure?.Text);
            }
        );

    /// <summary>
    /// With operations on a stream whose end does not come: Dispose waits for them a moment, and no longer.
    /// </summary>
    [TestCase("device_on_stream_held")]
    [TestCase("device_on_stream_async_held")]
    public void DisposeWithOperationsOnAStream(string scenario) =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                var pending = ranks.Workers[0].Send(LocalRanks.Play(scenario, 0));
                pending.Announced();
                DisposeInTime(ranks.Workers[0], "other");
                var reply = pending.Answer();
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(ObjectDisposedException)), reply.Failure?.Text);
                if (reply.Data.TryGetValue("second", out var second))
                {
                    Assert.That(
                        second,
                        Is.EqualTo(nameof(ObjectDisposedException)),
                        "what became of the second operation"
                    );
                }
            }
        );

    /// <summary>An operation that is on a stream when its group is left, and that comes to its end, is done.</summary>
    [Test]
    public void WhatIsOnAStreamIsDoneBeforeTheGroupIsLeft() =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                ranks.Fault("nccl:async@1=delay:300");
                var calls = ranks.All(_ => LocalRanks.Play("device_on_stream_async_held", 0));
                foreach (var call in calls)
                {
                    call.Announced();
                }
                foreach (var worker in ranks.Workers)
                {
                    DisposeInTime(worker, "other");
                }
                foreach (var reply in LocalRanks.Succeed(calls))
                {
                    Assert.That(reply.Data["second"], Is.EqualTo("none"), "what became of the second operation");
                }
            }
        );

    /// <summary>NCCL's leave-taking does not come to an end.</summary>
    [TestCase("never")]
    [TestCase("later:ncclSystemError")]
    [TestCase("ncclInternalError")]
    public void DisposeReturnsWhateverNcclDoes(string action) =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                ranks.Play("check");
                ranks.Fault($"nccl:ncclCommFinalize@*={action}");
                foreach (var call in ranks.All(_ => new Command { Name = CommandNames.Dispose }))
                {
                    var reply = call.Answer();
                    Assert.That(reply.Failure, Is.Null, reply.Failure?.Text);
                    Assert.That(NcclRanks.Seconds(reply), Is.LessThan(Bound));
                }
            }
        );

    [TestCase(CallPlace.Device)]
    [TestCase(CallPlace.Stream)]
    public void CancellingARunningOperationEndsTheGroup(CallPlace place) =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                var reply = ranks.Workers[0].Do(LocalRanks.Play("device_cancelled", 0) with { Place = place });
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(GroupAbortedException)), reply.Failure?.Text);
                Assert.That(reply.Failure!.InnerType, Is.EqualTo(nameof(OperationCanceledException)));
                var other = ranks.Workers[1].Do(Loop("AllReduce", 1000));
                Assert.That(other.Failure?.Type, Is.EqualTo(nameof(PeerLostException)), other.Failure?.Text);
            }
        );

    /// <summary>A fault of one group is none of the other's.</summary>
    [Test]
    public void TheOtherGroupOfTheProcessGoesOn() =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                ranks.Form(group: "second");
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
                ranks.Do(LocalRanks.Play("check", 0, group: "second") with { Thread = "second" });
                ranks.Do(LocalRanks.Play("device_mixed", 0, group: "second") with { Thread = "second" });
            }
        );

    /// <summary>
    /// Group after group, ended by abort and by dispose from another thread while operations of all kinds run.
    /// </summary>
    [Test]
    public void AbortAndDisposeAtAnyMoment() =>
        _processes.On(
            3,
            ranks =>
            {
                for (var round = 0; round < 8; round++)
                {
                    ranks.Form();
                    var place = (CallPlace)(round % 4);
                    var calls = ranks.All(_ =>
                        Loop("Any", 1 << 18, place) with
                        {
                            Iterations = int.MaxValue,
                            AnnounceAfter = 5 + round,
                            Seed = (ulong)round,
                            IsAsync = round % 3 == 1,
                        }
                    );
                    calls[0].Announced();
                    var ended = ranks
                        .Workers[0]
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
                }
            }
        );

    // ---- the device fails -------------------------------------------------------------------------------------------

    /// <summary>
    /// Memory for what goes through the device runs out: that is the exception, and the end of the group.
    /// </summary>
    [TestCase("cuMemAlloc_v2@1=CUDA_ERROR_OUT_OF_MEMORY")]
    [TestCase("cuMemHostAlloc@1=CUDA_ERROR_OUT_OF_MEMORY")]
    [TestCase("cuStreamCreate@1=CUDA_ERROR_OUT_OF_MEMORY")]
    public void TheDeviceRunsOutOfMemory(string rule) =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                ranks.Fault($"cuda:{rule}", rank: 0);
                // So large that it goes through the device in several pieces, for which streams are made.
                var calls = ranks.All(_ => Loop("AllReduce", 9 << 20));
                Assert.That(
                    calls[0].Answer().Failure?.Type,
                    Is.EqualTo(nameof(CollectiveOutOfMemoryException)),
                    calls[0].Answer().Failure?.Text
                );
                Assert.That(
                    calls[1].Answer().Failure?.Type,
                    Is.EqualTo(nameof(PeerLostException)),
                    calls[1].Answer().Failure?.Text
                );
                Faulted(ranks.Workers[0], nameof(CollectiveOutOfMemoryException));
            }
        );

    [TestCase("cuMemcpyHtoDAsync_v2@1=CUDA_ERROR_ILLEGAL_ADDRESS", CallPlace.Host)]
    [TestCase("cuMemcpyDtoHAsync_v2@1=CUDA_ERROR_ILLEGAL_ADDRESS", CallPlace.Host)]
    [TestCase("cuStreamQuery@3=CUDA_ERROR_ILLEGAL_ADDRESS", CallPlace.Device)]
    [TestCase("cuEventRecord@1=CUDA_ERROR_ILLEGAL_ADDRESS", CallPlace.Stream)]
    public void AFailureOfTheDriverIsNamed(string rule, CallPlace place) =>
        _processes.OnGroup(
            2,
            ranks =>
            {
                ranks.Fault($"cuda:{rule}", rank: 0);
                var calls = ranks.All(_ => Loop("AllReduce", 1000, place) with { Iterations = 20 });
                var reply = calls[0].Answer();
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(CollectiveException)), reply.Failure?.Text);
                Assert.That(reply.Failure!.Message, Does.Contain("CUDA_ERROR_ILLEGAL_ADDRESS"));
                Assert.That(
                    calls[1].Answer().Failure?.Type,
                    Is.EqualTo(nameof(PeerLostException)),
                    calls[1].Answer().Failure?.Text
                );
            }
        );

    [Test]
    public void ABufferThatTheDeviceHasNoRoomFor() =>
        _processes.On(
            1,
            ranks =>
            {
                ranks.Do(new Command { Name = CommandNames.Allocate, Count = 1000 });
                // It is tried once more, when all that is being given back has been.
                ranks.Fault("cuda:cuMemAlloc_v2@1=CUDA_ERROR_OUT_OF_MEMORY;cuMemAlloc_v2@2=CUDA_ERROR_OUT_OF_MEMORY");
                var reply = ranks.Workers[0].Do(new Command { Name = CommandNames.Allocate, Count = 1000 });
                Assert.That(
                    reply.Failure?.Type,
                    Is.EqualTo(nameof(CollectiveOutOfMemoryException)),
                    reply.Failure?.Text
                );
                ranks.Do(new Command { Name = CommandNames.Allocate, Count = 1000 });
                ranks.Do(new Command { Name = CommandNames.Allocate, Count = 0 });
            }
        );

    // ---- helpers ----------------------------------------------------------------------------------------------------

    private static Command Loop(string operation, int count, CallPlace place = CallPlace.Host) =>
        new()
        {
            Name = CommandNames.Loop,
            Operation = operation,
            Count = count,
            Place = place,
        };

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
        Assert.That(NcclRanks.Seconds(later), Is.LessThan(1), "it throws at once");
    }

    private static void DisposeInTime(WorkerProcess worker, string thread = "main")
    {
        var reply = worker.Do(new Command { Name = CommandNames.Dispose, Thread = thread });
        Assert.That(reply.Failure, Is.Null, reply.Failure?.Text);
        Assert.That(NcclRanks.Seconds(reply), Is.LessThan(Bound), "Dispose");
    }
}
