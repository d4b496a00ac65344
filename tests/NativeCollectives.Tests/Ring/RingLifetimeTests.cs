using System.Globalization;
using System.Net.Sockets;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Ring;

/// <summary>What groups leave behind, and what they cost while nothing happens.</summary>
[Category("Ring")]
public sealed class RingLifetimeTests
{
    private static readonly Command _usage = new() { Name = CommandNames.Usage };

    [TestCase(2, 2)]
    [TestCase(3, 1)]
    public void TwoHundredGroupsLeaveNothingBehind(int size, int sockets)
    {
        using var ring = new LocalRing(size, sockets, form: false);
        Cycle(ring, 20, dispose: CommandNames.Dispose);
        var before = Measure(ring);
        Cycle(ring, 200, dispose: CommandNames.Dispose);
        Compare(before, Measure(ring));
    }

    [Test]
    public void GroupsThatAreFinalisedLeaveNothingBehind()
    {
        using var ring = new LocalRing(2, 1, form: false);
        Cycle(ring, 10, dispose: CommandNames.Forget);
        var before = Measure(ring);
        Cycle(ring, 40, dispose: CommandNames.Forget);
        Compare(before, Measure(ring));
    }

    [Test]
    public void GroupsThatCannotBeFormedLeaveNothingBehind()
    {
        using var ring = new LocalRing(2, 2, form: false);
        void Fail(int times)
        {
            for (var i = 0; i < times; i++)
            {
                var reply = ring.Workers[0].Do(ring.Join(0, formingSeconds: 0.05));
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(RendezvousException)));
            }
        }
        Fail(10);
        var before = Measure(ring);
        Fail(100);
        Compare(before, Measure(ring));
        ring.Form();
        ring.Play("check");
    }

    [Test]
    public void SplitGroupsLeaveNothingBehind()
    {
        using var ring = new LocalRing(3, 1);
        ring.Play("split_many");
        var before = Measure(ring);
        for (var i = 0; i < 10; i++)
        {
            ring.Play("split_many");
        }
        Compare(before, Measure(ring));
    }

    [Test]
    public void AnIdleGroupUsesNoProcessor()
    {
        using var ring = new LocalRing(2, 3);
        ring.Play("check");
        foreach (var reply in ring.Play("idle"))
        {
            Assert.That(Milliseconds(reply, "processor"), Is.LessThan(100), "processor time in one second");
        }
    }

    [Test]
    public void WaitingForASlowPeerUsesLittleProcessor()
    {
        using var ring = new LocalRing(3, 3);
        ring.Play("check");
        var replies = ring.Play("wait_for_slow_peer");
        foreach (var reply in replies.Skip(1))
        {
            Assert.That(Milliseconds(reply, "waited"), Is.GreaterThan(1000), "time spent waiting");
            Assert.That(
                Milliseconds(reply, "processor"),
                Is.LessThan(0.2 * Milliseconds(reply, "waited")),
                "processor time while waiting"
            );
        }
    }

    [Test]
    public void ProcessesEndByThemselvesWithGroupsOpen()
    {
        using var ring = new LocalRing(3, 2);
        ring.Play("check");
        foreach (var worker in ring.Workers)
        {
            worker.Send(new Command { Name = CommandNames.Exit });
        }
        foreach (var worker in ring.Workers)
        {
            Assert.That(worker.WaitForExit(TimeSpan.FromSeconds(20)), Is.True, "the process ends");
            Assert.That(worker.ExitCode, Is.Zero, worker.Errors);
        }
    }

    [Test]
    public void WhatWasSentArrivesAfterTheSenderHasLeft()
    {
        using var ring = new LocalRing(2, 2);
        // Rank 0 sends and disposes; only then does rank 1 receive.
        LocalRing.Succeed([ring.Workers[0].Send(Loop("SendRight", 50_000))]);
        LocalRing.Succeed([ring.Workers[0].Send(new Command { Name = CommandNames.Dispose })]);
        LocalRing.Succeed([ring.Workers[1].Send(Loop("ReceiveLeft", 50_000))]);
    }

    [Test]
    public void IPv6AddressesWork()
    {
        if (!Socket.OSSupportsIPv6 || !HasIPv6Loopback())
        {
            Assert.Ignore("this machine has no IPv6 loopback address");
        }
        using var ring = new LocalRing(3, 2, address: "::1");
        ring.Play("check");
    }

    [Test]
    public void AGroupCanBeConfiguredInCode()
    {
        using var ring = new LocalRing(2, 1, fromEnvironment: false);
        ring.Play("check");
        using var hosts = ring.NewHostFile(2, 2);
        hosts.Release();
        LocalRing.Succeed(
            ring.All(rank =>
                ring.Join(rank, group: "second", fromEnvironment: false) with
                {
                    HostFile = null,
                    Hosts = hosts.Hosts,
                }
            )
        );
        ring.Play("check", group: "second");
    }

    private static bool HasIPv6Loopback()
    {
        try
        {
            using var listener = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
            listener.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.IPv6Loopback, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static Command Loop(string operation, int count) =>
        new()
        {
            Name = CommandNames.Loop,
            Operation = operation,
            Count = count,
        };

    private static void Cycle(LocalRing ring, int times, string dispose)
    {
        for (var i = 0; i < times; i++)
        {
            ring.Form();
            ring.Play("check");
            ring.Do(new Command { Name = dispose });
        }
    }

    private static List<Reply> Measure(LocalRing ring)
    {
        ring.Do(_usage);
        return ring.Do(_usage);
    }

    // The runtime's own threads come and go; a leak of one thread, descriptor or 64 KiB per group would show as
    // hundreds, or megabytes.
    private static void Compare(List<Reply> before, List<Reply> after)
    {
        Assert.Multiple(() =>
        {
            for (var rank = 0; rank < before.Count; rank++)
            {
                long Growth(string name) => Number(after[rank], name) - Number(before[rank], name);

                Assert.That(Growth("descriptors"), Is.LessThanOrEqualTo(2), $"rank {rank}: descriptors");
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
