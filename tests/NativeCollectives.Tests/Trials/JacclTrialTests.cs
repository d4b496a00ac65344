using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Tests.Jaccl;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Trials;

/// <summary>
/// What outside trials found in JACCL: splits during which a rank dies or lacks something, and all-gathers in a ring
/// with ranks of MLX.
/// </summary>
[Category("Jaccl")]
[Category("Faults")]
public sealed partial class JacclTrialTests
{
    private readonly JacclRanks _processes = new();

    [OneTimeTearDown]
    public void End() => _processes.Dispose();

    /// <summary>
    /// Whichever call of the verbs is the last of a rank during Split: every survivor throws PeerLost, and the group is
    /// over for all of them.
    /// </summary>
    [TestCase(false, 3, 1, "post_send@1")]
    [TestCase(false, 3, 0, "post_send@2")]
    [TestCase(false, 3, 2, "poll_cq@1")]
    [TestCase(false, 3, 1, "open_device@1")]
    [TestCase(false, 3, 0, "open_device@2")]
    [TestCase(false, 3, 2, "create_qp@2")]
    [TestCase(false, 3, 0, "modify_qp:RTR@1")]
    [TestCase(false, 3, 1, "modify_qp:RTS@2")]
    [TestCase(false, 3, 2, "post_send@5")]
    [TestCase(false, 3, 0, "post_send@6")]
    [TestCase(true, 3, 1, "post_send@1")]
    [TestCase(true, 3, 0, "open_device@2")]
    [TestCase(true, 4, 3, "create_qp@1")]
    [TestCase(true, 4, 0, "modify_qp:RTR@2")]
    [TestCase(true, 4, 2, "poll_cq@9")]
    public void ARankThatDiesDuringSplitIsLostForAll(bool isRing, int size, int victim, string point)
    {
        var shape = new JacclShape(isRing, size, 1);
        _processes.OnGroup(
            shape,
            ranks =>
            {
                ranks.Play(shape, "check");
                ranks.Fault($"{point}=kill", victim);
                var calls = ranks.All(_ => LocalRanks.Play("split_whole", 0));
                Assert.That(ranks.Workers[victim].WaitForExit(WorkerProcess.Patience), Is.True, "the victim has died");
                foreach (var rank in Enumerable.Range(0, size).Where(rank => rank != victim))
                {
                    Fails(calls[rank], rank, nameof(PeerLostException));
                    Over(ranks.Workers[rank], rank);
                }
                ranks.Replace(victim);
            }
        );
    }

    /// <summary>
    /// Where no connection tells of deaths, some ranks may have to wait for their deadlines; but nobody goes on with a
    /// group whose ranks are out of step.
    /// </summary>
    [TestCase("post_send@3")]
    [TestCase("open_device@1")]
    [TestCase("modify_qp:RTR@2")]
    public void ARankThatDiesDuringSplitBehindACustomSideChannelEndsTheGroup(string point) =>
        _processes.On(
            3,
            ranks =>
            {
                var shape = JacclShape.Mesh(3);
                var folder = ranks.NewFolder("channel");
                ranks.Form(
                    shape,
                    operationSeconds: 4,
                    change: settings =>
                        settings with
                        {
                            Coordinator = null,
                            SideChannelFolder = folder,
                            QueuePairs = nameof(JacclQueuePairs.ReliableConnection),
                        }
                );
                ranks.Play(shape, "check");
                ranks.Fault($"{point}=kill", rank: 1);
                var calls = ranks.All(_ => LocalRanks.Play("split_whole", 0));
                Assert.That(ranks.Workers[1].WaitForExit(WorkerProcess.Patience), Is.True, "the victim has died");
                foreach (var rank in new[] { 0, 2 })
                {
                    Fails(calls[rank], rank, nameof(PeerLostException), nameof(CollectiveTimeoutException));
                    Over(ranks.Workers[rank], rank);
                }
                ranks.Replace(1);
            }
        );

    /// <summary>
    /// A rank stops in the middle of a split over the group itself: its messages are under way, and nobody may take
    /// them for those of the next operation.
    /// </summary>
    [Test]
    public void ASplitThatStallsBehindACustomSideChannelEndsTheGroup() =>
        _processes.On(
            3,
            ranks =>
            {
                var shape = JacclShape.Mesh(3);
                var folder = ranks.NewFolder("channel");
                ranks.Form(
                    shape,
                    operationSeconds: 2,
                    change: settings =>
                        settings with
                        {
                            Coordinator = null,
                            SideChannelFolder = folder,
                            QueuePairs = nameof(JacclQueuePairs.UnreliableConnection),
                        }
                );
                ranks.Play(shape, "check");
                // After the announcements.
                ranks.Fault("link@9=down", rank: 2);
                var calls = ranks.All(_ => LocalRanks.Play("split_whole", 0));
                foreach (var (call, rank) in calls.Select((call, rank) => (call, rank)))
                {
                    Fails(call, rank, nameof(CollectiveTimeoutException));
                    Over(ranks.Workers[rank], rank);
                }
            }
        );

    /// <summary>
    /// As under ulimit -n: the split fails for all, the group goes on, and once there are descriptors again it can be
    /// split.
    /// </summary>
    [TestCase(false)]
    [TestCase(true)]
    public void RunningOutOfDescriptorsDuringSplitLeavesTheGroupUsable(bool isRing)
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Ignore("only Linux can set another process's limits");
        }
        var shape = new JacclShape(isRing, 3, 1);
        _processes.OnGroup(
            shape,
            ranks =>
            {
                // Whatever the runtime itself opens once.
                ranks.Play(shape, "split_whole");
                var process = ranks.Workers[1].Id;
                var before = LimitOf(process);
                var failures = 0;
                for (var more = 0UL; ; more += 3)
                {
                    Assert.That(more, Is.LessThan(200), "the split succeeds with some more descriptors");
                    SetLimit(process, before with { Soft = LimitFor(process, more) });
                    var calls = ranks.All(_ => LocalRanks.Play("split_whole", 0));
                    var replies = LocalRanks.Answers(calls);
                    SetLimit(process, before);
                    if (replies.All(reply => reply.Failure is null))
                    {
                        break;
                    }
                    failures++;
                    for (var rank = 0; rank < 3; rank++)
                    {
                        Fails(calls[rank], rank, nameof(RendezvousException));
                        Assert.That(
                            IsFaulted(ranks.Workers[rank]),
                            Is.False,
                            $"rank {rank} with {more} more descriptors"
                        );
                    }
                    ranks.Play(shape, "check");
                }
                Assert.That(failures, Is.GreaterThan(0));
                ranks.Play(shape, "split_whole");
            }
        );
    }

    /// <summary>
    /// The test is rank 0, and one of MLX's: nothing is sent to it, and the group can go on without such a call.
    /// </summary>
    [Test]
    public void AllGatherInARingWithMlxIsRefusedUnlessThePeersAreRepaired([Values] bool isRepaired)
    {
        SoftVerbsLibrary.Require("a record");
        var record = Path.Combine(Path.GetTempPath(), $"nc-record-{Guid.NewGuid():N}");
        using var ranks = new LocalJaccl(
            2,
            rank => new Dictionary<string, string> { ["NC_SOFTVERBS_RECORD"] = rank == 1 ? record : "" }
        );
        using var ports = new Shared.Ports(1);
        using var listener = ports.Take(0);
        try
        {
            listener.Listen();
            var shape = JacclShape.Ring(2, 1);
            var join = ranks.Join(1, shape);
            var call = ranks
                .Workers[1]
                .Send(
                    join with
                    {
                        Jaccl = join.Jaccl! with
                        {
                            Coordinator = $"127.0.0.1:{ports.Numbers[0]}",
                            QueuePairs = nameof(JacclQueuePairs.UnreliableConnection),
                            MlxRingAllGather = isRepaired ? true : null,
                        },
                    }
                );
            using var socket = listener.Accept();
            Assert.That(BitConverter.ToInt32(Network.Read(socket, 4)), Is.EqualTo(1), "the hello");
            void Round(byte[] own) => socket.Send([.. own, .. Network.Read(socket, own.Length)]);
            for (var side = 0; side < 2; side++)
            {
                Round(BitConverter.GetBytes(1));
                Round(new Destination(0, 0x7000 + side, 7, "00000000000000000000ffff7f0000fe").ToBytes());
            }
            Round(new byte[4]);
            Round(new byte[4]);
            Assert.That(call.Answer().Failure, Is.Null, call.Answer().Failure?.Text);

            var gather = new Command
            {
                Name = CommandNames.Loop,
                Operation = "AllGather",
                Count = 1009,
                TimeoutSeconds = 1,
            };
            // Of nothing, nothing is sent: MLX would divide by zero.
            Assert.That(ranks.Workers[1].Do(gather with { Count = 0 }).Failure, Is.Null);
            var reply = ranks.Workers[1].Do(gather);
            var sends = WireEvent.Read(record).Where(each => each.IsSend).ToList();
            if (isRepaired)
            {
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(CollectiveTimeoutException)), "nobody answers");
                Assert.That(sends, Is.Not.Empty);
                return;
            }
            Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(NotSupportedException)), reply.Failure?.Text);
            Assert.That(reply.Failure!.Message, Does.Contain("v0.32.2").And.Contain("MlxRingAllGather"));
            Assert.That(sends, Is.Empty);
            Assert.That(IsFaulted(ranks.Workers[1]), Is.False);
            // What MLX does itself.
            var changes = WireEvent.Read(record).Where(each => each.Call == "modify_qp");
            foreach (var ready in changes.Where(each => each.Text("state") == "RTR"))
            {
                Assert.That((ready.Number("path_mtu"), ready.Number("hop_limit")), Is.EqualTo((3L, 1L)));
            }
        }
        finally
        {
            File.Delete(record);
        }
    }

    private static void Fails(WorkerProcess.Call call, int rank, params string[] types)
    {
        var failure = call.Answer().Failure;
        Assert.That(types, Has.Some.EqualTo(failure?.Type), $"rank {rank}: {failure?.Text}");
    }

    private static bool IsFaulted(WorkerProcess worker) =>
        worker.Do(new Command { Name = CommandNames.State }).Data["faulted"] == "yes";

    // Soon, that is: the news may come a moment after the call has ended.
    private static void Over(WorkerProcess worker, int rank)
    {
        var clock = Stopwatch.StartNew();
        while (!IsFaulted(worker))
        {
            Assert.That(clock.Elapsed, Is.LessThan(WorkerProcess.Patience), $"the group of rank {rank} is over");
        }
        var later = worker.Do(
            new Command
            {
                Name = CommandNames.Loop,
                Operation = "AllReduce",
                Count = 1,
            }
        );
        Assert.That(later.Failure, Is.Not.Null, $"rank {rank}: a group that is over works");
    }

    // The limit under which a process can open so many more.
    private static ulong LimitFor(int process, ulong more)
    {
        var files = Directory.GetFiles($"/proc/{process}/fd").Select(Path.GetFileName);
        var open = files.Select(name => ulong.Parse(name!, CultureInfo.InvariantCulture)).ToHashSet();
        var limit = 0UL;
        for (var free = 0UL; free < more; limit++)
        {
            free += open.Contains(limit) ? 0UL : 1UL;
        }
        // poll takes no more entries than that.
        return Math.Max(limit, 32);
    }

    [StructLayout(LayoutKind.Sequential)]
    private record struct Limit(ulong Soft, ulong Hard);

    private static Limit LimitOf(int process)
    {
        Assert.That(Prlimit(process, 7, IntPtr.Zero, out var limit), Is.Zero, "prlimit");
        return limit;
    }

    private static void SetLimit(int process, Limit limit) =>
        Assert.That(Prlimit(process, 7, in limit, IntPtr.Zero), Is.Zero, "prlimit");

    [LibraryImport("libc", EntryPoint = "prlimit", SetLastError = true)]
    private static partial int Prlimit(int process, int resource, IntPtr none, out Limit limit);

    [LibraryImport("libc", EntryPoint = "prlimit", SetLastError = true)]
    private static partial int Prlimit(int process, int resource, in Limit limit, IntPtr none);
}
