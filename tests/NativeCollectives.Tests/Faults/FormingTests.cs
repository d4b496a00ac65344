using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Tests.Shared;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Faults;

/// <summary>Everything that can go wrong before a group exists.</summary>
[Category("Faults")]
public sealed class FormingTests
{
    // ---- who comes when ---------------------------------------------------------------------------------------------

    /// <summary>
    /// Each order of starting; each rank starts when the one before is known to listen, and one of them a while later.
    /// </summary>
    [TestCase("0,1")]
    [TestCase("1,0")]
    [TestCase("0,1,2")]
    [TestCase("2,1,0")]
    [TestCase("1,2,0")]
    [TestCase("3,0,2,1")]
    public void PeersMayStartInAnyOrder(string order)
    {
        var ranks = order.Split(',').Select(int.Parse).ToList();
        using var ring = new LocalRing(ranks.Count, 2, form: false);
        var calls = new WorkerProcess.Call[ranks.Count];
        foreach (var rank in ranks)
        {
            calls[rank] = ring.Workers[rank].Send(ring.Join(rank));
            if (rank != ranks[^1])
            {
                Network.Listening(ring.HostFile.Port(rank));
            }
            if (rank == ranks[0])
            {
                Thread.Sleep(1200); // the lateness of everybody else
            }
        }
        LocalRing.Succeed(calls);
        ring.Do(LocalRing.Play("check"));
    }

    [Test]
    public void AMissingPeerIsAnErrorAtTheDeadline()
    {
        using var ring = new LocalRing(3, 1, form: false);
        const double Deadline = 1.5;
        // Rank 2 never comes.
        var calls = new[] { 0, 1 }
            .Select(rank => ring.Workers[rank].Send(ring.Join(rank, formingSeconds: Deadline)))
            .ToList();
        foreach (var (call, rank) in calls.Zip([0, 1]))
        {
            var reply = call.Answer();
            Assert.That(
                reply.Failure?.Type,
                Is.EqualTo(nameof(RendezvousException)),
                $"rank {rank}: {reply.Failure?.Text}"
            );
            Assert.That(
                Stopwatch.GetElapsedTime(reply.Began, reply.Ended),
                Is.GreaterThan(TimeSpan.FromSeconds(Deadline - 0.1)).And.LessThan(TimeSpan.FromSeconds(Deadline + 3))
            );
            Assert.That(reply.Failure!.Rank, Is.EqualTo(rank));
            Assert.That(
                reply.Failure.Message,
                Does.Contain("127.0.0.1:").And.Contain("2"),
                "the message names whom it waited for"
            );
        }
    }

    /// <summary>Killed after it has connected to some; started again while the others still wait.</summary>
    [Test]
    public void APeerThatDiesWhileFormingDoesNotHangTheOthers()
    {
        using var ring = new LocalRing(3, 1, form: false);
        var first = ring.Workers[0].Send(ring.Join(0, formingSeconds: 8));
        Network.Listening(ring.HostFile.Port(0));
        var second = ring.Workers[1].Send(ring.Join(1, formingSeconds: 8));
        Network.Listening(ring.HostFile.Port(1));
        ring.Workers[1].Kill();
        ring.Workers[1].Dispose();
        ring.Workers[1] = WorkerPool.Take();
        var replies = LocalRing.Answers([
            first,
            ring.Workers[1].Send(ring.Join(1, formingSeconds: 8)),
            ring.Workers[2].Send(ring.Join(2, formingSeconds: 8)),
        ]);
        Assert.That(replies.Select(reply => reply.Failure?.Type), Is.All.Null.Or.EqualTo(nameof(RendezvousException)));
        foreach (var reply in replies)
        {
            Assert.That(Stopwatch.GetElapsedTime(reply.Began, reply.Ended), Is.LessThan(TimeSpan.FromSeconds(12)));
        }
        if (replies.All(reply => reply.Failure is null))
        {
            // Formed with the second life of rank 1, or with a connection of the first, which the first operation finds
            // out.
            var results = LocalRing.Answers(ring.All(_ => LocalRing.Play("check")));
            Assert.That(
                results.Select(reply => reply.Failure?.Type),
                Is.All.Null.Or.All.EqualTo(nameof(PeerLostException))
            );
        }
    }

    [Test]
    public void TwoRanksWithTheSameNumberAreAnError()
    {
        using var ring = new LocalRing(2, 1, form: false);
        var first = ring.Workers[0].Send(ring.Join(0, formingSeconds: 3));
        Network.Listening(ring.HostFile.Port(0));
        var second = ring.Workers[1].Do(ring.Join(0, formingSeconds: 3));
        Assert.That(second.Failure?.Type, Is.EqualTo(nameof(RendezvousException)), second.Failure?.Text);
        Assert.That(second.Failure!.Message, Does.Contain(ring.HostFile.Hosts[0][0]));
        Assert.That(first.Answer().Failure?.Type, Is.EqualTo(nameof(RendezvousException)));
    }

    [Test]
    public async Task FormingCanBeCancelled()
    {
        using var hosts = new HostFile(2, 1);
        hosts.Release();
        using var source = new CancellationTokenSource();
        var forming = DistributedGroup.CreateAsync(
            new DistributedGroupOptions
            {
                Backend = BackendKind.Ring,
                Ring = new RingOptions { Rank = 0, HostFile = hosts.Path },
            },
            source.Token
        );
        Network.Listening(hosts.Port(0));
        var clock = Stopwatch.StartNew();
        await source.CancelAsync();
        await Assert.ThatAsync(() => forming, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(5)));
    }

    // ---- strangers --------------------------------------------------------------------------------------------------

    /// <summary>
    /// From an address that is not the neighbour's: it does not take the neighbour's place, whatever it says or does
    /// not say.
    /// </summary>
    [TestCase(false, false)]
    [TestCase(true, false)]
    [TestCase(false, true)]
    [TestCase(true, true)]
    public void AStrangerFromAnotherAddressIsTurnedAway(bool talks, bool closes)
    {
        using var ring = new LocalRing(3, 1, form: false);
        var first = ring.Workers[0].Send(ring.Join(0));
        Network.Listening(ring.HostFile.Port(0));
        using var stranger = Network.Connect("127.0.0.2", ring.HostFile.Port(0));
        if (talks)
        {
            Network.Babble(stranger);
        }
        if (closes)
        {
            stranger.Close();
        }
        LocalRing.Succeed([first, ring.Workers[1].Send(ring.Join(1)), ring.Workers[2].Send(ring.Join(2))]);
        ring.Do(LocalRing.Play("check"));
        if (!closes)
        {
            Assert.That(Received(stranger), Is.Zero, "bytes that the stranger was given");
        }
    }

    /// <summary>
    /// From the neighbour's own address: either the group forms all the same, or the error names the stranger; no wrong
    /// data, and no wait beyond the deadline.
    /// </summary>
    [TestCase(false, true)]
    [TestCase(true, false)]
    [TestCase(true, true)]
    public void AStrangerFromTheNeighboursAddressIsFoundOut(bool talks, bool closes)
    {
        using var ring = new LocalRing(2, 1, form: false);
        var first = ring.Workers[0].Send(ring.Join(0, formingSeconds: 10));
        Network.Listening(ring.HostFile.Port(0));
        using var stranger = Network.Connect("127.0.0.1", ring.HostFile.Port(0));
        var name = stranger.LocalEndPoint!.ToString()!;
        if (talks)
        {
            Network.Babble(stranger);
        }
        if (closes)
        {
            stranger.Close();
        }
        // The real neighbour comes only after the stranger has been.
        var second = ring.Workers[1].Send(ring.Join(1, formingSeconds: 10));
        var replies = LocalRing.Answers([first, second]);
        if (replies.All(reply => reply.Failure is null))
        {
            ring.Do(LocalRing.Play("check"));
            return;
        }
        Assert.That(replies[0].Failure?.Type, Is.EqualTo(nameof(RendezvousException)), replies[0].Failure?.Text);
        Assert.That(replies[0].Failure!.Message, Does.Contain(name), "the error names the stranger");
    }

    // ---- configuration ----------------------------------------------------------------------------------------------

    [Test]
    public void RanksWithDifferentNumbersOfAddressesDoNotFormAGroup()
    {
        // Each has a hostfile that is right in itself, but not the other's.
        using var ring = new LocalRing(2, 1, form: false);
        using var ports = new Ports(2);
        var other = HostFile.Write(
            $"[[\"{ring.HostFile.Hosts[0][0]}\",\"127.0.0.1:{ports.Numbers[0]}\"],"
                + $"[\"{ring.HostFile.Hosts[1][0]}\",\"127.0.0.1:{ports.Numbers[1]}\"]]"
        );
        ports.Release();
        var replies = LocalRing.Answers(
            ring.All(rank =>
                ring.Join(rank, formingSeconds: 3) with
                {
                    HostFile = rank == 0 ? ring.HostFile.Path : other,
                }
            )
        );
        HostFile.Delete(other);
        Assert.That(replies.Select(reply => reply.Failure?.Type), Has.Some.EqualTo(nameof(RendezvousException)));
    }

    /// <summary>
    /// Rank 0 knows two ranks, 1 and 2 know three, and each finds a neighbour where it looks for one: MLX's wire has
    /// nothing that tells. Whatever they do then ends, at the latest at its deadline.
    /// </summary>
    [Test]
    public void RanksOfRingsOfDifferentSizesDoNotHang()
    {
        using var ring = new LocalRing(3, 1, form: false);
        var pair = HostFile.Write($"[[\"{ring.HostFile.Hosts[0][0]}\"],[\"{ring.HostFile.Hosts[1][0]}\"]]");
        var replies = LocalRing.Answers(
            ring.All(rank =>
                ring.Join(rank, formingSeconds: 3) with
                {
                    HostFile = rank == 0 ? pair : ring.HostFile.Path,
                }
            )
        );
        HostFile.Delete(pair);
        Assert.That(replies.Select(reply => reply.Failure?.Type), Is.All.Null.Or.EqualTo(nameof(RendezvousException)));
        if (replies.All(reply => reply.Failure is null))
        {
            replies = LocalRing.Answers(
                ring.All(_ => new Command
                {
                    Name = CommandNames.Loop,
                    Operation = "AllReduce",
                    Count = 1000,
                    Iterations = 3,
                    TimeoutSeconds = 2,
                })
            );
            Assert.That(replies.Select(reply => reply.Failure), Has.Some.Not.Null);
            foreach (var reply in replies)
            {
                Assert.That(Stopwatch.GetElapsedTime(reply.Began, reply.Ended), Is.LessThan(TimeSpan.FromSeconds(10)));
            }
        }
    }

    [Test]
    public void APortInUseIsNamed()
    {
        using var hosts = new HostFile(2, 1);
        hosts.Release();
        using var holder = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            ExclusiveAddressUse = true,
        };
        holder.Bind(new IPEndPoint(IPAddress.Loopback, hosts.Port(0)));
        holder.Listen();
        var failure = Refused(0, hosts.Path);
        Assert.That(
            failure.Message,
            Does.Contain($"127.0.0.1:{hosts.Port(0)}").And.Contain(hosts.Path).And.Contain("rank 0").IgnoreCase
        );
        Assert.That(failure.Message, Does.Contain("in use").IgnoreCase);
    }

    [Test]
    public void AnAddressOfAnotherMachineIsNamed()
    {
        // TEST-NET-1: nobody's
        var path = HostFile.Write("[[\"192.0.2.1:17000\"],[\"127.0.0.1:17001\"]]");
        Assert.That(Refused(0, path).Message, Does.Contain("192.0.2.1:17000").And.Contain(path));
        HostFile.Delete(path);
    }

    [Test]
    public void AHostThatCannotBeResolvedIsNamed()
    {
        using var ports = new Ports(1);
        var path = HostFile.Write($"[[\"127.0.0.1:{ports.Numbers[0]}\"],[\"no-such-host.invalid:17001\"]]");
        ports.Release();
        var failure = Refused(0, path);
        Assert.That(failure.Message, Does.Contain("no-such-host.invalid").And.Contain(path));
        Assert.That(failure.Message, Does.Contain("rank 1").IgnoreCase);
        HostFile.Delete(path);
    }

    [TestCase(2)]
    [TestCase(17)]
    [TestCase(-1)]
    public void ARankOutOfRangeIsNamed(int rank)
    {
        using var hosts = new HostFile(2, 1);
        var failure = Assert.Catch(() => Create(rank, hosts.Path, 2))!;
        Assert.That(
            failure,
            Is.InstanceOf<ArgumentException>().Or.InstanceOf<RendezvousException>(),
            failure.ToString()
        );
        Assert.That(failure.Message, Does.Contain($"{rank}"));
    }

    [TestCase("[[\"127.0.0.1:17000\"]", TestName = "{m}(truncated)")]
    [TestCase("{", TestName = "{m}(brace)")]
    [TestCase("hello", TestName = "{m}(text)")]
    [TestCase("[]", TestName = "{m}(no ranks)")]
    [TestCase("null", TestName = "{m}(null)")]
    [TestCase("17", TestName = "{m}(number)")]
    [TestCase("{\"0\":[\"127.0.0.1:17000\"],\"1\":[\"127.0.0.1:17001\"]}", TestName = "{m}(object)")]
    [TestCase("[{\"x\":\"127.0.0.1:17000\"},[\"127.0.0.1:17001\"]]", TestName = "{m}(object in the array)")]
    [TestCase("[[],[]]", TestName = "{m}(no addresses)")]
    [TestCase("[[\"127.0.0.1:17000\"],[]]", TestName = "{m}(no address for rank 1)")]
    [TestCase("[[17000],[\"127.0.0.1:17001\"]]", TestName = "{m}(number for an address)")]
    [TestCase("[[\"127.0.0.1\"],[\"127.0.0.1:17001\"]]", TestName = "{m}(no port)")]
    [TestCase("[[\"127.0.0.1:\"],[\"127.0.0.1:17001\"]]", TestName = "{m}(empty port)")]
    [TestCase("[[\"127.0.0.1:70000\"],[\"127.0.0.1:17001\"]]", TestName = "{m}(port too large)")]
    [TestCase("[[\"127.0.0.1:-1\"],[\"127.0.0.1:17001\"]]", TestName = "{m}(port below zero)")]
    [TestCase("[[\"127.0.0.1:0\"],[\"127.0.0.1:17001\"]]", TestName = "{m}(port zero)")]
    [TestCase("[[\":17000\"],[\"127.0.0.1:17001\"]]", TestName = "{m}(no host)")]
    [TestCase("[[\"[::1:17000\"],[\"127.0.0.1:17001\"]]", TestName = "{m}(bracket not closed)")]
    [TestCase(
        "[[\"127.0.0.1:17000\",\"127.0.0.1:17002\"],[\"127.0.0.1:17001\"]]",
        TestName = "{m}(unequal numbers of addresses)"
    )]
    [TestCase("[[\"127.0.0.1:17000\"],[\"127.0.0.1:17000\"]]", TestName = "{m}(one address twice)")]
    public void AMalformedHostFileIsNamed(string text)
    {
        var path = HostFile.Write(text);
        try
        {
            var clock = Stopwatch.StartNew();
            var failure = Assert.Catch(() => Create(0, path, 5))!;
            Assert.That(
                failure,
                Is.InstanceOf<CollectiveException>().Or.InstanceOf<ArgumentException>(),
                failure.ToString()
            );
            Assert.That(failure.Message, Does.Contain(path), "the file is named");
            Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(3)), "before any waiting");
        }
        finally
        {
            HostFile.Delete(path);
        }
    }

    [Test]
    public void UnequalNumbersOfAddressesNameTheRank()
    {
        var path = HostFile.Write("[[\"127.0.0.1:17000\",\"127.0.0.1:17002\"],[\"127.0.0.1:17001\"]]");
        Assert.That(Refused(0, path).Message, Does.Contain(path).And.Contain("rank 1").IgnoreCase);
        HostFile.Delete(path);
    }

    [Test]
    public void AWrongAddressIsNamedWithItsRank()
    {
        var path = HostFile.Write("[[\"127.0.0.1:17000\"],[\"127.0.0.1:70000\"]]");
        Assert.That(
            Refused(0, path).Message,
            Does.Contain(path).And.Contain("127.0.0.1:70000").And.Contain("rank 1").IgnoreCase
        );
        HostFile.Delete(path);
    }

    [Test]
    public void AMissingHostFileIsNamed()
    {
        var path = Path.Combine(Path.GetTempPath(), $"nc-missing-{Guid.NewGuid():N}.json");
        Assert.That(Refused(0, path).Message, Does.Contain(path));
    }

    [TestCase("")]
    [TestCase("\n")]
    [TestCase(" \t\r\n ")]
    [TestCase("[[\"127.0.0.1:17000\"]]")]
    [TestCase("[[\"192.0.2.1:17000\",\"192.0.2.1:17001\"]]")]
    public void ABlankOrOneEntryHostFileIsAGroupOfOne(string text)
    {
        var path = HostFile.Write(text);
        using var group = Create(0, path, 5);
        HostFile.Delete(path);
        Assert.That(group.Size, Is.EqualTo(1));
        Assert.That(group.Rank, Is.Zero);
        int[] value = [7];
        group.AllSum<int>(value);
        Assert.That(value[0], Is.EqualTo(7));
    }

    // MLX's parser takes these (wire specification, 1.2); that it takes objects too is an accident that we do not
    // repeat.
    [TestCase("[\"A\",\"B\"]")]
    [TestCase(" [ [ \"A\" ] , [ \"B\" ] ] \n\n")]
    [TestCase("[[\"localhost:PA\"],[\"localhost:PB\"]]")]
    public void OtherFormsOfAHostFileThatMlxAccepts(string form)
    {
        using var ring = new LocalRing(2, 1, form: false);
        var text = form.Replace("PA", $"{ring.HostFile.Port(0)}")
            .Replace("PB", $"{ring.HostFile.Port(1)}")
            .Replace("\"A\"", $"\"{ring.HostFile.Hosts[0][0]}\"")
            .Replace("\"B\"", $"\"{ring.HostFile.Hosts[1][0]}\"");
        var path = HostFile.Write(text);
        LocalRing.Succeed(ring.All(rank => ring.Join(rank) with { HostFile = path }));
        HostFile.Delete(path);
        ring.Do(LocalRing.Play("check"));
    }

    /// <summary>Creations at once, in one process: each rank of a ring is a group of its own here.</summary>
    [Test]
    public async Task SeveralRanksMayLiveInOneProcess()
    {
        using var hosts = new HostFile(3, 2);
        hosts.Release();
        var groups = await Task.WhenAll(
            Enumerable
                .Range(0, 3)
                .Select(rank =>
                    DistributedGroup.CreateAsync(
                        new DistributedGroupOptions
                        {
                            Backend = BackendKind.Ring,
                            Ring = new RingOptions { Rank = rank, HostFile = hosts.Path },
                        }
                    )
                )
        );
        var sums = await Task.WhenAll(
            groups.Select(async group =>
            {
                var value = new[] { group.Rank + 1 };
                await group.AllSumAsync<int>(value);
                return value[0];
            })
        );
        Assert.That(sums, Is.All.EqualTo(6));
        foreach (var group in groups)
        {
            await group.DisposeAsync();
        }
    }

    // ---- helpers ----------------------------------------------------------------------------------------------------

    private static DistributedGroup Create(int rank, string hostFile, double seconds) =>
        DistributedGroup.Create(
            new DistributedGroupOptions
            {
                Backend = BackendKind.Ring,
                FormingTimeout = TimeSpan.FromSeconds(seconds),
                Ring = new RingOptions { Rank = rank, HostFile = hostFile },
            }
        );

    private static CollectiveException Refused(int rank, string hostFile)
    {
        var clock = Stopwatch.StartNew();
        var failure = Assert.Catch(() => Create(rank, hostFile, 30))!;
        Assert.That(failure, Is.InstanceOf<CollectiveException>(), failure.ToString());
        Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(20)), "before the deadline of forming");
        return (CollectiveException)failure;
    }

    // What comes until the other side closes, or nothing more can come.
    private static int Received(Socket socket)
    {
        socket.ReceiveTimeout = 1000;
        var total = 0;
        var buffer = new byte[4096];
        try
        {
            for (int count; (count = socket.Receive(buffer)) > 0; )
            {
                total += count;
            }
        }
        catch (SocketException)
        {
            // reset, or nothing for a second
        }
        return total;
    }
}
