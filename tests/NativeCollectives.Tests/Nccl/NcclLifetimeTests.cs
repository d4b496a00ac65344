using System.Globalization;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Nccl;

/// <summary>What groups and buffers leave behind, and what they cost while nothing happens.</summary>
[Category("Nccl")]
public sealed class NcclLifetimeTests
{
    private static readonly Command _usage = new() { Name = CommandNames.Usage };

    [TestCase(CommandNames.Dispose, 60)]
    [TestCase(CommandNames.Forget, 15)]
    public void ManyGroupsLeaveNothingBehind(string end, int times)
    {
        using var ranks = new LocalNccl(2, form: false);
        Cycle(ranks, 5, end);
        var before = Measure(ranks);
        Cycle(ranks, times, end);
        NcclRanks.NothingIsLeft(ranks);
        Compare(before, Measure(ranks));
    }

    [Test]
    public void GroupsThatCannotBeFormedLeaveNothingBehind()
    {
        using var ranks = new LocalNccl(2, form: false);
        void Fail(int times)
        {
            for (var i = 0; i < times; i++)
            {
                var reply = ranks.Workers[0].Do(ranks.Join(0, ranks.CreateId(), formingSeconds: 0.05));
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(RendezvousException)));
            }
        }
        Fail(5);
        var before = Measure(ranks);
        Fail(40);
        NcclRanks.NothingIsLeft(ranks);
        Compare(before, Measure(ranks));
        ranks.Form();
        ranks.Play("check");
    }

    [Test]
    public void SplitGroupsLeaveNothingBehind()
    {
        using var ranks = new LocalNccl(3);
        ranks.Play("split_many");
        var before = Measure(ranks);
        for (var i = 0; i < 3; i++)
        {
            ranks.Play("split_many");
        }
        Compare(before, Measure(ranks));
    }

    [Test]
    public void AnIdleGroupUsesNoProcessor()
    {
        using var ranks = new LocalNccl(2);
        ranks.Play("check");
        ranks.Play("device_mixed");
        foreach (var reply in ranks.Play("idle"))
        {
            Assert.That(Number(reply, "processor"), Is.LessThan(100), "milliseconds of processor time in one second");
        }
    }

    [Test]
    public void WaitingForASlowPeerUsesLittleProcessor()
    {
        using var ranks = new LocalNccl(3);
        ranks.Play("check");
        foreach (var reply in ranks.Play("wait_for_slow_peer").Skip(1))
        {
            Assert.That(Number(reply, "waited"), Is.GreaterThan(1000), "time spent waiting");
            Assert.That(
                Number(reply, "processor"),
                Is.LessThan(0.2 * Number(reply, "waited")),
                "processor time while waiting"
            );
        }
    }

    private static void Cycle(LocalNccl ranks, int times, string end)
    {
        for (var i = 0; i < times; i++)
        {
            ranks.Form();
            ranks.Play("check");
            ranks.Do(new Command { Name = end });
        }
    }

    private static List<Reply> Measure(LocalNccl ranks)
    {
        ranks.Do(_usage);
        return ranks.Do(_usage);
    }

    // The double keeps what it remembers of streams and communicators that are gone; a leak of one thread, descriptor
    // or staging buffer per group would show as dozens, or megabytes.
    private static void Compare(List<Reply> before, List<Reply> after) =>
        Assert.Multiple(() =>
        {
            for (var rank = 0; rank < before.Count; rank++)
            {
                double Growth(string name) => Number(after[rank], name) - Number(before[rank], name);

                Assert.That(Growth("descriptors"), Is.LessThanOrEqualTo(4), $"rank {rank}: descriptors");
                Assert.That(Growth("threads"), Is.LessThanOrEqualTo(6), $"rank {rank}: threads");
                Assert.That(Growth("managed"), Is.LessThan(2 << 20), $"rank {rank}: managed memory");
                Assert.That(Growth("resident"), Is.LessThan(48 << 20), $"rank {rank}: resident memory");
            }
        });

    private static double Number(Reply reply, string name) =>
        double.Parse(reply.Data[name], CultureInfo.InvariantCulture);
}
