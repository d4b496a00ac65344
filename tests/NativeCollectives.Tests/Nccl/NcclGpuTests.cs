using System.Diagnostics;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Nccl;

/// <summary>
/// The same on a GPU, with this machine's own libnccl.so.2 and libcuda.so.1: tests/gpu/run.sh runs them, by setting
/// NC_TEST_NCCL to "real". A group of one, and two ranks on one GPU, which talk over sockets as if each were on a
/// machine of its own.
/// </summary>
[Category("NcclGpu")]
public abstract class NcclGpuFixture
{
    private static bool _saidSo;

    [OneTimeSetUp]
    public void NeedsAGpu()
    {
        if (!NcclLibraries.AreReal)
        {
            const string Reason =
                "no GPU test: NC_TEST_NCCL is not \"real\" (tests/gpu/run.sh sets it on a machine with a GPU)";
            if (!_saidSo)
            {
                _saidSo = true;
                TestContext.Progress.WriteLine(Reason);
            }
            Assert.Ignore(Reason);
        }
        using var worker = new WorkerProcess(NcclLibraries.OneGpu(0));
        var reply = worker.Do(new Command { Name = CommandNames.Available, Backend = nameof(BackendKind.Nccl) });
        Assert.That(
            reply.Data["available"],
            Is.EqualTo("yes"),
            $"NC_TEST_NCCL is \"real\", but NCCL cannot be used here: {reply.Data["reason"]}"
        );
    }
}

/// <summary>Every operation with every type.</summary>
[TestFixture(1)]
[TestFixture(2)]
public sealed class NcclGpuOperationTests(int size) : NcclGpuFixture
{
    private readonly NcclMatrix _matrix = new(() => LocalNccl.OnGpu(size));

    public static IEnumerable<string> Operations => OperationPlan.Operations;

    [OneTimeTearDown]
    public void End() => _matrix.Dispose();

    [TestCaseSource(nameof(Operations))]
    public void Operation(string operation) => _matrix.Run(operation, NcclPart.Forms);

    [Test]
    public void WhatNcclCannotDoIsRefused() => _matrix.RunRefused();

    [TestCase(65536)]
    [TestCase(0)]
    public void HostMemoryInPieces(int stagingBytes)
    {
        var group = $"pieces of {stagingBytes}";
        _matrix.Form(group, stagingBytes);
        foreach (var operation in Operations)
        {
            _matrix.Run(operation, NcclPart.Pieces, group);
        }
    }

    [TestCaseSource(nameof(Operations))]
    public void LargeBuffers(string operation) => _matrix.Run(operation, NcclPart.Large);
}

/// <summary>Scenarios that the ranks play together.</summary>
public sealed class NcclGpuScenarioTests : NcclGpuFixture
{
    private readonly Dictionary<int, LocalNccl> _groups = [];

    [OneTimeTearDown]
    public void End()
    {
        foreach (var ranks in _groups.Values)
        {
            ranks.Dispose();
        }
    }

    [TestCase("check")]
    [TestCase("test_all_reduce")]
    [TestCase("test_all_gather")]
    [TestCase("test_send_recv")]
    [TestCase("test_sum_scatter")]
    [TestCase("swift_pair")]
    [TestCase("split_colors")]
    [TestCase("split_keys")]
    [TestCase("split_alone")]
    [TestCase("split_skip")]
    [TestCase("split_interleaved")]
    [TestCase("split_parent_disposed")]
    [TestCase("split_async")]
    [TestCase("async_in_order")]
    [TestCase("async_mixed_with_sync")]
    [TestCase("async_from_threads")]
    [TestCase("async_pinned")]
    [TestCase("tensors")]
    [TestCase("native_buffers")]
    [TestCase("arrays")]
    [TestCase("refused")]
    [TestCase("device_on_stream")]
    [TestCase("device_on_stream_async")]
    [TestCase("device_on_two_streams")]
    [TestCase("device_on_default_stream")]
    [TestCase("device_behind_default_stream")]
    [TestCase("device_mixed")]
    [TestCase("device_buffer_disposed_meanwhile")]
    [TestCase("device_buffer_forgotten_meanwhile")]
    [TestCase("device_host_pointer")]
    public void TwoRanks(string name) => OnGroup(2, ranks => ranks.Play(name));

    [TestCase("check")]
    [TestCase("split_keys")]
    [TestCase("split_alone")]
    [TestCase("async_in_order")]
    [TestCase("tensors")]
    [TestCase("device_on_stream")]
    [TestCase("device_on_stream_async")]
    [TestCase("device_on_two_streams")]
    [TestCase("device_on_default_stream")]
    [TestCase("device_behind_default_stream")]
    [TestCase("device_mixed")]
    [TestCase("device_host_pointer")]
    public void AGroupOfOne(string name) => OnGroup(1, ranks => ranks.Play(name));

    [TestCase(1)]
    [TestCase(2)]
    public void BlockingOperationsOnDeviceMemoryAllocateNothing(int size) =>
        OnGroup(
            size,
            ranks =>
                Assert.That(
                    ranks.Play("device_allocates_nothing").Select(reply => reply.Data["allocated"]),
                    Is.All.EqualTo("0"),
                    "bytes on the managed heap"
                )
        );

    [Test]
    public void TheHostDoesNotWaitForAStream() =>
        OnGroup(
            2,
            ranks =>
            {
                var play = LocalRanks.Play("device_on_stream_begun", 0);
                var first = ranks.Workers[0].Send(play);
                first.Announced();
                var replies = LocalRanks.Succeed([first, ranks.Workers[1].Send(play)]);
                Assert.That(
                    replies[0].Data["done"],
                    Is.EqualTo("no"),
                    "rank 0's stream had come to its end without rank 1"
                );
            }
        );

    private void OnGroup(int size, Action<LocalNccl> test)
    {
        if (!_groups.TryGetValue(size, out var ranks))
        {
            _groups.Add(size, ranks = LocalNccl.OnGpu(size));
        }
        try
        {
            test(ranks);
        }
        catch
        {
            _groups.Remove(size);
            ranks.Dispose();
            throw;
        }
    }
}

/// <summary>Failures: a killed peer, one that does not come, and what ends a group from outside.</summary>
[Category("Faults")]
public sealed class NcclGpuFaultTests : NcclGpuFixture
{
    /// <summary>NCCL's transport finds out in its own time.</summary>
    private const double Bound = 30;

    [TestCase(CallPlace.Host)]
    [TestCase(CallPlace.Device)]
    [TestCase(CallPlace.Stream)]
    public void AKilledRankIsNoticed(CallPlace place)
    {
        using var ranks = LocalNccl.OnGpu(2);
        for (var round = 0; round < 2; round++)
        {
            var calls = ranks.All(_ =>
                Loop(1 << 20, place) with
                {
                    Operation = "Any",
                    Iterations = int.MaxValue,
                    AnnounceAfter = 20,
                    Seed = (ulong)round,
                }
            );
            calls[1].Announced();
            var killed = ranks.Workers[1].Kill();
            var reply = calls[0].Answer();
            // NCCL says of a broken connection that it is a remote error or a system error.
            Assert.That(
                reply.Failure?.Type,
                Is.EqualTo(nameof(PeerLostException)).Or.EqualTo(nameof(CollectiveException)),
                reply.Failure?.Text
            );
            Assert.That(Stopwatch.GetElapsedTime(killed, reply.Ended).TotalSeconds, Is.LessThan(Bound));
            DisposeInTime(ranks.Workers[0]);
            ranks.Workers[1].Dispose();
            ranks.Workers[1] = new WorkerProcess(NcclLibraries.OneGpu(1));
            ranks.Form();
            ranks.Play("check");
        }
    }

    [TestCase(CallPlace.Host)]
    [TestCase(CallPlace.Device)]
    [TestCase(CallPlace.Stream)]
    public void APeerThatDoesNotComeIsAnErrorAtTheDeadline(CallPlace place)
    {
        using var ranks = LocalNccl.OnGpu(2);
        ranks.Play("check");
        var reply = ranks.Workers[0].Do(Loop(1000, place) with { TimeoutSeconds = 2, Iterations = 2 });
        Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(CollectiveTimeoutException)), reply.Failure?.Text);
        Assert.That(NcclRanks.Seconds(reply), Is.GreaterThan(1.9).And.LessThan(2 + Bound));
        DisposeInTime(ranks.Workers[0]);
    }

    [TestCase(CommandNames.Abort, nameof(GroupAbortedException))]
    [TestCase(CommandNames.Dispose, nameof(ObjectDisposedException))]
    public void APendingCallCanBeEnded(string command, string exception)
    {
        using var ranks = LocalNccl.OnGpu(2);
        ranks.Play("check");
        var pending = ranks.Workers[0].Send(Loop(100_000, CallPlace.Device));
        pending.Announced();
        Assert.That(
            ranks
                .Workers[0]
                .Do(
                    new Command
                    {
                        Name = command,
                        Thread = "other",
                        Operation = "enough",
                    }
                )
                .Failure,
            Is.Null
        );
        Assert.That(pending.Answer().Failure?.Type, Is.EqualTo(exception), pending.Answer().Failure?.Text);
    }

    [TestCase("device_on_stream_held")]
    [TestCase("device_on_stream_async_held")]
    public void DisposeWithOperationsOnAStream(string scenario)
    {
        using var ranks = LocalNccl.OnGpu(2);
        ranks.Play("check");
        var pending = ranks.Workers[0].Send(LocalRanks.Play(scenario, 0));
        pending.Announced();
        DisposeInTime(ranks.Workers[0], "other");
        Assert.That(
            pending.Answer().Failure?.Type,
            Is.EqualTo(nameof(ObjectDisposedException)),
            pending.Answer().Failure?.Text
        );
    }

    [Test]
    public void ARankThatNeverComesIsAnErrorAtTheDeadline()
    {
        using var ranks = LocalNccl.OnGpu(2, form: false);
        var reply = ranks.Workers[0].Do(ranks.Join(0, ranks.CreateId(), formingSeconds: 3));
        Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(RendezvousException)), reply.Failure?.Text);
        Assert.That(NcclRanks.Seconds(reply), Is.GreaterThan(2.9).And.LessThan(3 + Bound));
    }

    [Test]
    public void ProcessesEndByThemselvesWithGroupsOpen()
    {
        using var ranks = LocalNccl.OnGpu(2);
        ranks.Play("device_mixed");
        foreach (var worker in ranks.Workers)
        {
            worker.Send(new Command { Name = CommandNames.Exit });
        }
        foreach (var worker in ranks.Workers)
        {
            Assert.That(worker.WaitForExit(TimeSpan.FromSeconds(30)), Is.True, "the process ends");
            Assert.That(worker.ExitCode, Is.Zero, worker.Errors);
        }
    }

    private static Command Loop(int count, CallPlace place) =>
        new()
        {
            Name = CommandNames.Loop,
            Operation = "AllReduce",
            Count = count,
            Place = place,
        };

    private static void DisposeInTime(WorkerProcess worker, string thread = "main")
    {
        var reply = worker.Do(new Command { Name = CommandNames.Dispose, Thread = thread });
        Assert.That(reply.Failure, Is.Null, reply.Failure?.Text);
        Assert.That(NcclRanks.Seconds(reply), Is.LessThan(10), "Dispose");
    }
}
