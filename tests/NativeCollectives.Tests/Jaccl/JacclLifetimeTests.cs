using System.Globalization;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Jaccl;

/// <summary>What groups leave behind, and what they cost while nothing happens.</summary>
[Category("Jaccl")]
public sealed class JacclLifetimeTests
{
    private static readonly Command _usage = new() { Name = CommandNames.Usage };

    [TestCase(false, 2, 1, CommandNames.Dispose)]
    [TestCase(true, 2, 2, CommandNames.Dispose)]
    [TestCase(false, 2, 1, CommandNames.Forget)]
    public void ManyGroupsLeaveNothingBehind(bool isRing, int size, int wires, string dispose)
    {
        var shape = new JacclShape(isRing, size, wires);
        using var ranks = new LocalJaccl(size);
        void Cycle(int times)
        {
            for (var i = 0; i < times; i++)
            {
                ranks.Form(shape);
                ranks.Play(shape, "check");
                ranks.Do(new Command { Name = dispose });
                ranks.NothingIsLeft(patience: dispose == CommandNames.Forget ? WorkerProcess.Patience : null);
            }
        }
        Cycle(6);
        var before = Measure(ranks);
        Cycle(30);
        Compare(before, Measure(ranks));
    }

    [Test]
    public void GroupsThatCannotBeFormedLeaveNothingBehind()
    {
        var shape = JacclShape.Mesh(2);
        using var ranks = new LocalJaccl(2);
        void Fail(int times)
        {
            for (var i = 0; i < times; i++)
            {
                var reply = ranks.Workers[i % 2].Do(ranks.Join(i % 2, shape, formingSeconds: 0.05));
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(RendezvousException)), reply.Failure?.Text);
                ranks.NothingIsLeft();
            }
        }
        Fail(8);
        var before = Measure(ranks);
        Fail(30);
        Compare(before, Measure(ranks));
        ranks.Form(shape);
        ranks.Play(shape, "check");
    }

    [TestCase(false, "0")]
    [TestCase(true, "1")]
    public void AnIdleGroupUsesNoProcessor(bool isRing, string withoutChannel)
    {
        var shape = new JacclShape(isRing, 2, isRing ? 3 : 1);
        using var ranks = new LocalJaccl(
            2,
            withoutChannel == "0"
                ? null
                : _ => new Dictionary<string, string> { ["NC_SOFTVERBS_NO_CHANNEL"] = withoutChannel }
        );
        ranks.Form(shape);
        ranks.Play(shape, "check");
        foreach (var reply in ranks.Play(shape, "idle"))
        {
            Assert.That(Milliseconds(reply, "processor"), Is.LessThan(100), "processor time in one second");
        }
    }

    /// <summary>Polling ends in sleep: on the completion channel where there is one.</summary>
    [TestCase(false, 2, 1, "0", 0.2)]
    [TestCase(true, 3, 3, "0", 0.2)]
    [TestCase(true, 2, 2, "1", 0.5)]
    public void WaitingForASlowPeerUsesLittleProcessor(
        bool isRing,
        int size,
        int wires,
        string withoutChannel,
        double share
    )
    {
        var shape = new JacclShape(isRing, size, wires);
        using var ranks = new LocalJaccl(
            size,
            withoutChannel == "0"
                ? null
                : _ => new Dictionary<string, string> { ["NC_SOFTVERBS_NO_CHANNEL"] = withoutChannel }
        );
        ranks.Form(shape);
        ranks.Play(shape, "check");
        foreach (var reply in ranks.Play(shape, "wait_for_slow_peer").Skip(1))
        {
            Assert.That(Milliseconds(reply, "waited"), Is.GreaterThan(1000), "time spent waiting");
            Assert.That(
                Milliseconds(reply, "processor"),
                Is.LessThan(share * Milliseconds(reply, "waited")),
                "processor time while waiting"
            );
        }
    }

    private static List<Reply> Measure(LocalJaccl ranks)
    {
        ranks.Do(_usage);
        return ranks.Do(_usage);
    }

    // As in the ring's tests: a leak of one thread, descriptor or 64 KiB per group would show.
    private static void Compare(List<Reply> before, List<Reply> after)
    {
        Assert.Multiple(() =>
        {
            for (var rank = 0; rank < before.Count; rank++)
            {
                long Growth(string name) => Number(after[rank], name) - Number(before[rank], name);

                Assert.That(Growth("descriptors"), Is.LessThanOrEqualTo(4), $"rank {rank}: descriptors");
                Assert.That(Growth("threads"), Is.LessThanOrEqualTo(6), $"rank {rank}: threads");
                Assert.That(Growth("managed"), Is.LessThan(2 << 20), $"rank {rank}: managed memory");
                Assert.That(Growth("resident"), Is.LessThan(48 << 20), $"rank {rank}: resident memory");
            }
        });
    }

    private static long Number(Reply reply, string name) => long.Parse(reply.Data[name], CultureInfo.InvariantCulture);

    private static double Milliseconds(Reply reply, string name) =>
        double.Parse(reply.Data[name], CultureInfo.InvariantCulture);
}
