using System.Text.Json;
using System.Text.Json.Serialization;
using NativeCollectives.Hosting;

namespace NativeCollectives.Tests.Hosting;

/// <summary>Requests of rank 0 come to every other rank: in order, whole, until the end, whoever ends it.</summary>
[Category("Hosting")]
[CancelAfter(60_000)]
public sealed partial class RequestReplicatorTests
{
    // Quick enough that a test which waits for a heartbeat is not slow.
    private static readonly RequestReplicatorOptions _quick = new()
    {
        HeartbeatInterval = TimeSpan.FromMilliseconds(50),
        PeerTimeout = TimeSpan.FromSeconds(20),
    };

    [Test]
    public async Task TenThousandMessagesComeInOrder(CancellationToken cancellation)
    {
        using var ring = await InProcessRing.FormAsync(3, cancellation);
        var ranks = ring.Replicators();
        var readers = ranks[1..].Select(rank => ReadAsync(rank, cancellation)).ToArray();
        for (var i = 0; i < 10_000; i++)
        {
            await ranks[0].PublishAsync(BitConverter.GetBytes(i), cancellation);
        }
        await ranks[0].CompleteAsync(cancellationToken: cancellation);
        foreach (var read in await Task.WhenAll(readers))
        {
            Assert.That(read.Select(message => BitConverter.ToInt32(message)), Is.EqualTo(Enumerable.Range(0, 10_000)));
        }
        await DisposeAsync(ranks);
    }

    [Test]
    public async Task MessagesOfEverySizeComeWhole(CancellationToken cancellation)
    {
        int[] sizes = [0, 1, 499, 500, 501, 512, 4096, 100_003, 64 << 20, 3];
        using var ring = await InProcessRing.FormAsync(3, cancellation);
        var ranks = ring.Replicators();
        var messages = sizes.Select((size, seed) => Bytes(size, seed)).ToArray();
        var readers = ranks[1..].Select(rank => ReadAsync(rank, cancellation)).ToArray();
        foreach (var message in messages)
        {
            await ranks[0].PublishAsync(message, cancellation);
        }
        await ranks[0].CompleteAsync(cancellationToken: cancellation);
        foreach (var read in await Task.WhenAll(readers))
        {
            Assert.That(read.Select(message => message.Length), Is.EqualTo(sizes));
            Assert.That(read.Zip(messages).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second)), Is.True);
        }
        await DisposeAsync(ranks);
    }

    [Test]
    public async Task ObjectsComeAsJson(CancellationToken cancellation)
    {
        using var ring = await InProcessRing.FormAsync(2, cancellation);
        var ranks = ring.Replicators();
        Request[] requests = [new("add", [1, 2]), new("größe", [])];
        var reading = CollectAsync(ranks[1].ReadAllJsonAsync(Json.Default.Request, cancellation));
        await ranks[0].PublishJsonAsync(requests[0], Json.Default.Request, cancellation);
        await ranks[0].PublishJsonAsync(requests[1], cancellationToken: cancellation);
        await ranks[0].CompleteAsync(cancellationToken: cancellation);
        Assert.That(
            (await reading).Select(request => JsonSerializer.Serialize(request)),
            Is.EqualTo(requests.Select(request => JsonSerializer.Serialize(request)))
        );
        await DisposeAsync(ranks);
    }

    [Test]
    public async Task PublishersTakeTurns(CancellationToken cancellation)
    {
        using var ring = await InProcessRing.FormAsync(2, cancellation);
        var ranks = ring.Replicators();
        var reading = ReadAsync(ranks[1], cancellation);
        await Task.WhenAll(
            Enumerable
                .Range(0, 8)
                .Select(publisher =>
                    Task.Run(
                        async () =>
                        {
                            for (var i = 0; i < 50; i++)
                            {
                                await ranks[0].PublishAsync(Bytes(publisher * 300, publisher), cancellation);
                            }
                        },
                        cancellation
                    )
                )
        );
        await ranks[0].CompleteAsync(cancellationToken: cancellation);
        var read = await reading;
        for (var publisher = 0; publisher < 8; publisher++)
        {
            var expected = Bytes(publisher * 300, publisher);
            Assert.That(read.Count(message => message.AsSpan().SequenceEqual(expected)), Is.EqualTo(50));
        }
        await DisposeAsync(ranks);
    }

    /// <summary>Longer than the group's own timeout, and than the replicator's.</summary>
    [Test]
    public async Task SilenceIsNoFailure(CancellationToken cancellation)
    {
        using var ring = await InProcessRing.FormAsync(
            3,
            cancellation,
            operationTimeout: TimeSpan.FromMilliseconds(400)
        );
        var ranks = ring.Replicators(
            new RequestReplicatorOptions
            {
                HeartbeatInterval = TimeSpan.FromMilliseconds(100),
                PeerTimeout = TimeSpan.FromSeconds(1),
            }
        );
        var readers = ranks[1..].Select(rank => ReadAsync(rank, cancellation)).ToArray();
        await Task.Delay(TimeSpan.FromSeconds(2), cancellation);
        await ranks[0].PublishAsync(new byte[3], cancellation);
        await ranks[0].CompleteAsync(cancellationToken: cancellation);
        Assert.That((await Task.WhenAll(readers)).Select(read => read.Count), Is.All.EqualTo(1));
        await DisposeAsync(ranks);
    }

    /// <summary>
    /// Whoever does not read gets no more than there is room for, and nobody runs into a timeout because of that.
    /// </summary>
    [Test]
    public async Task ASlowReaderSlowsThePublisherDown(CancellationToken cancellation)
    {
        using var ring = await InProcessRing.FormAsync(2, cancellation);
        var ranks = ring.Replicators(
            new RequestReplicatorOptions
            {
                HeartbeatInterval = TimeSpan.FromMilliseconds(50),
                PeerTimeout = TimeSpan.FromSeconds(1),
                MaxBufferedBytes = 10_000,
            }
        );
        var published = 0;
        var publishing = Task.Run(
            async () =>
            {
                for (; published < 100; published++)
                {
                    await ranks[0].PublishAsync(Bytes(1000, published), cancellation);
                }
            },
            cancellation
        );
        await Task.Delay(TimeSpan.FromSeconds(1.5), cancellation);
        Assert.That(publishing.IsCompleted, Is.False);
        Assert.That(published, Is.InRange(9, 11));
        using (var giveUp = CancellationTokenSource.CreateLinkedTokenSource(cancellation))
        {
            var waiting = ranks[0].PublishAsync(new byte[1], giveUp.Token);
            await giveUp.CancelAsync();
            await Assert.ThatAsync(() => waiting, Throws.InstanceOf<OperationCanceledException>());
        }

        var reading = ReadAsync(ranks[1], cancellation);
        await publishing;
        await ranks[0].CompleteAsync(cancellationToken: cancellation);
        Assert.That(await reading, Is.EqualTo(Enumerable.Range(0, 100).Select(seed => Bytes(1000, seed))));
        await DisposeAsync(ranks);
    }

    [Test]
    public async Task DisposingEndsAPublisherThatWaitsForRoom(CancellationToken cancellation)
    {
        using var ring = await InProcessRing.FormAsync(2, cancellation);
        var ranks = ring.Replicators(
            new RequestReplicatorOptions { HeartbeatInterval = TimeSpan.FromMilliseconds(50), MaxBufferedBytes = 1 }
        );
        await ranks[0].PublishAsync(new byte[1], cancellation);
        var waiting = ranks[0].PublishAsync(new byte[1], cancellation);
        await ranks[0].DisposeAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => waiting);
        await Assert.ThrowsAsync<RequestReplicationException>(() => ReadAsync(ranks[1], cancellation));
        await DisposeAsync(ranks);
    }

    [Test]
    public async Task APublishersErrorReachesEveryReader(CancellationToken cancellation)
    {
        using var ring = await InProcessRing.FormAsync(3, cancellation);
        var ranks = ring.Replicators(_quick);
        await ranks[0].PublishAsync(new byte[1], cancellation);
        await ranks[0].CompleteAsync(new InvalidOperationException("the model is broken"), cancellation);
        foreach (var rank in ranks[1..])
        {
            List<byte[]> read = [];
            var failure = (
                await Assert.ThrowsAsync<RequestReplicationException>(() => ReadAsync(rank, cancellation, read))
            )!;
            Assert.That(
                failure.Message,
                Does.Contain("Rank 0 ").And.Contain("InvalidOperationException: the model is broken")
            );
            Assert.That((failure.Rank, read.Count), Is.EqualTo((0, 1)));
        }
        await Assert.ThrowsAsync<InvalidOperationException>(() => ranks[0].PublishAsync(new byte[1], cancellation));
        await DisposeAsync(ranks);
    }

    [Test]
    public async Task APublisherThatIsDisposedWithoutCompletingHasFailed(CancellationToken cancellation)
    {
        using var ring = await InProcessRing.FormAsync(2, cancellation);
        var ranks = ring.Replicators(_quick);
        var reading = ReadAsync(ranks[1], cancellation);
        await ranks[0].DisposeAsync();
        var failure = (await Assert.ThrowsAsync<RequestReplicationException>(() => reading))!;
        Assert.That(failure.Message, Does.Contain("It has left without completing."));
        await DisposeAsync(ranks);
    }

    [Test]
    public async Task ARankThatIsLostEndsTheOthers([Values(0, 2)] int lost, CancellationToken cancellation)
    {
        using var ring = await InProcessRing.FormAsync(3, cancellation);
        var ranks = ring.Replicators(_quick);
        var readers = ranks[1..].Select(rank => ReadAsync(rank, cancellation)).ToArray();
        await ranks[0].PublishAsync(new byte[1], cancellation);

        // As when a process dies: connections are reset, and nothing is said.
        ring.Groups[lost].Abort();
        for (var rank = 1; rank < 3; rank++)
        {
            var reading = readers[rank - 1];
            await Assert.ThatAsync(() => reading, Throws.InstanceOf<CollectiveException>());
        }
        await Assert.ThatAsync(
            () => PublishUntilItFails(ranks[0], cancellation),
            Throws.InstanceOf<CollectiveException>()
        );
        await DisposeAsync(ranks);
    }

    [Test]
    public async Task AReadersFailureReachesThePublisherAndTheOthers(CancellationToken cancellation)
    {
        using var ring = await InProcessRing.FormAsync(3, cancellation);
        var ranks = ring.Replicators(_quick);
        var other = ReadAsync(ranks[1], cancellation);
        await ranks[2].CompleteAsync(new NotSupportedException("no such layer"), cancellation);
        var failure = (
            await Assert.ThrowsAsync<RequestReplicationException>(() => PublishUntilItFails(ranks[0], cancellation))
        )!;
        Assert.That(
            (failure.Rank, failure.Message),
            Is.EqualTo((2, "Rank 2 has ended the replication of requests: NotSupportedException: no such layer"))
        );
        Assert.That((await Assert.ThrowsAsync<RequestReplicationException>(() => other))!.Rank, Is.EqualTo(2));
        await DisposeAsync(ranks);
    }

    [Test]
    public async Task AReaderThatStopsHasLeft(
        [Values("break", "throw", "cancel", "dispose")] string how,
        CancellationToken cancellation
    )
    {
        using var ring = await InProcessRing.FormAsync(2, cancellation);
        var ranks = ring.Replicators(_quick);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var reading = StopAfterOneAsync();
        var failure = (
            await Assert.ThrowsAsync<RequestReplicationException>(() => PublishUntilItFails(ranks[0], cancellation))
        )!;
        Assert.That(failure.Message, Does.StartWith("Rank 1 has ended the replication of requests: It has "));
        await reading;
        await Assert.ThrowsAsync<InvalidOperationException>(() => ReadAsync(ranks[1], cancellation));
        await DisposeAsync(ranks);

        async Task StopAfterOneAsync()
        {
            try
            {
                await foreach (var message in ranks[1].ReadAllAsync(stop.Token))
                {
                    switch (how)
                    {
                        case "break":
                            return;
                        case "throw":
                            throw new InvalidDataException();
                        case "cancel":
                            await stop.CancelAsync();
                            break;
                        default:
                            await ranks[1].DisposeAsync();
                            break;
                    }
                }
            }
            catch (Exception exception)
                when (exception is InvalidDataException or OperationCanceledException or RequestReplicationException)
            {
                // As told to.
            }
        }
    }

    [Test]
    public async Task WhatIsNoJsonEndsAReader(CancellationToken cancellation)
    {
        using var ring = await InProcessRing.FormAsync(2, cancellation);
        var ranks = ring.Replicators(_quick);
        var reading = CollectAsync(ranks[1].ReadAllJsonAsync(Json.Default.Request, cancellation));
        await ranks[0].PublishAsync("no"u8.ToArray(), cancellation);
        await Assert.ThrowsAsync<JsonException>(() => reading);
        var failure = (
            await Assert.ThrowsAsync<RequestReplicationException>(() => PublishUntilItFails(ranks[0], cancellation))
        )!;
        Assert.That(failure.Message, Does.Contain("JsonException"));
        await DisposeAsync(ranks);
    }

    /// <summary>The group that was split stays free, for operations of which replication knows nothing.</summary>
    [Test]
    public async Task OtherOperationsRunBesideIt(CancellationToken cancellation)
    {
        using var ring = await InProcessRing.FormAsync(3, cancellation);
        var ranks = await Task.WhenAll(
            ring.Groups.Select(group => RequestReplicator.CreateAsync(group, _quick, cancellation))
        );
        var working = ranks
            .Select((rank, index) => rank.IsPublisher ? PublishAsync() : WorkAsync(rank, ring.Groups[index]))
            .ToArray();
        await Task.WhenAll(working);
        Assert.That(
            working.Skip(1).Select(work => work.Result),
            Is.All.EqualTo(Enumerable.Range(0, 20).Select(number => 3 * number))
        );
        await DisposeAsync(ranks);
        await Task.WhenAll(ring.Groups.Select(group => group.BarrierAsync(cancellationToken: cancellation)));

        async Task<List<int>> PublishAsync()
        {
            for (var number = 0; number < 20; number++)
            {
                await ranks[0].PublishAsync(BitConverter.GetBytes(number), cancellation);
                await ring.Groups[0].AllSumAsync<int>(new[] { number }, cancellationToken: cancellation);
            }
            await ranks[0].CompleteAsync(cancellationToken: cancellation);
            return [];
        }

        async Task<List<int>> WorkAsync(RequestReplicator replicator, DistributedGroup group)
        {
            List<int> sums = [];
            await foreach (var message in replicator.ReadAllAsync(cancellation))
            {
                int[] number = [BitConverter.ToInt32(message.Span)];
                await group.AllSumAsync<int>(number, cancellationToken: cancellation);
                sums.Add(number[0]);
            }
            return sums;
        }
    }

    [Test]
    public async Task AloneThereIsNobodyToTell(CancellationToken cancellation)
    {
        using var group = DistributedGroup.Create(new DistributedGroupOptions { Backend = BackendKind.None });
        await using var replicator = new RequestReplicator(group, ownsGroup: false);
        await replicator.PublishAsync(new byte[10], cancellation);
        Assert.Throws<InvalidOperationException>(() => replicator.ReadAllAsync(cancellation));
        await replicator.CompleteAsync(cancellationToken: cancellation);
        await replicator.CompleteAsync(cancellationToken: cancellation);
        await replicator.DisposeAsync();
        group.Barrier();
    }

    [Test]
    public async Task AMessageThatIsTooLargeIsRefusedAndNothingElse(CancellationToken cancellation)
    {
        using var ring = await InProcessRing.FormAsync(2, cancellation);
        var ranks = ring.Replicators(new RequestReplicatorOptions { MaxMessageBytes = 1000 });
        var reading = ReadAsync(ranks[1], cancellation);
        var refused = (
            await Assert.ThrowsAsync<ArgumentException>(() => ranks[0].PublishAsync(new byte[1001], cancellation))
        )!;
        Assert.That(
            refused.Message,
            Does.StartWith("The message has 1001 bytes, but RequestReplicatorOptions.MaxMessageBytes is 1000.")
        );
        await ranks[0].PublishAsync(new byte[1000], cancellation);
        await ranks[0].CompleteAsync(cancellationToken: cancellation);
        Assert.That((await reading).Single(), Has.Length.EqualTo(1000));
        Assert.Throws<InvalidOperationException>(() => ranks[1].PublishAsync(new byte[1], cancellation));
        await DisposeAsync(ranks);
    }

    [Test]
    public async Task AnotherOperationInItsPlaceIsNoticed(CancellationToken cancellation)
    {
        using var ring = await InProcessRing.FormAsync(2, cancellation);
        await using var publisher = new RequestReplicator(ring.Groups[0], ownsGroup: true, _quick);
        var publishing = PublishUntilItFails(publisher, cancellation);
        await ring.Groups[1]
            .AllGatherAsync<byte>(
                new byte[RoundRecord.Size],
                new byte[2 * RoundRecord.Size],
                cancellationToken: cancellation
            );
        Assert.That(
            (await Assert.ThrowsAsync<RequestReplicationException>(() => publishing))!.Message,
            Does.Contain("rank 1 has sent is no part of a replication")
        );
    }

    [
        TestCase(0, 1, 5.0, 60.0),
        TestCase(1, 0, 5.0, 60.0),
        TestCase(1, 1, 0.0, 60.0),
        TestCase(1, 1, 5.0, 14.0),
        TestCase(1, 1, 5.0, -1.0)
    ]
    [Category("Unit")]
    public void ImpossibleLimitsAreRefused(int message, int buffered, double heartbeat, double peer)
    {
        using var group = DistributedGroup.Create(new DistributedGroupOptions { Backend = BackendKind.None });
        var options = new RequestReplicatorOptions
        {
            MaxMessageBytes = message,
            MaxBufferedBytes = buffered,
            HeartbeatInterval = TimeSpan.FromSeconds(heartbeat),
            PeerTimeout = TimeSpan.FromSeconds(peer),
        };
        Assert.That(
            Assert.Throws<ArgumentException>(() => _ = new RequestReplicator(group, false, options))!.Message,
            Does.StartWith("RequestReplicatorOptions.")
        );
    }

    private static async Task PublishUntilItFails(RequestReplicator publisher, CancellationToken cancellation)
    {
        while (true)
        {
            await publisher.PublishAsync(new byte[1], cancellation);
        }
    }

    private static Task<List<byte[]>> ReadAsync(
        RequestReplicator rank,
        CancellationToken cancellation,
        List<byte[]>? into = null
    ) => CollectAsync(rank.ReadAllAsync(cancellation), message => message.ToArray(), into);

    private static Task<List<T>> CollectAsync<T>(IAsyncEnumerable<T> messages) =>
        CollectAsync(messages, message => message);

    private static async Task<List<TResult>> CollectAsync<T, TResult>(
        IAsyncEnumerable<T> messages,
        Func<T, TResult> convert,
        List<TResult>? into = null
    )
    {
        into ??= [];
        await foreach (var message in messages)
        {
            into.Add(convert(message));
        }
        return into;
    }

    private static Task DisposeAsync(RequestReplicator[] ranks) =>
        Task.WhenAll(ranks.Select(rank => rank.DisposeAsync().AsTask()));

    private static byte[] Bytes(int count, int seed)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    internal sealed record Request(string Name, int[] Numbers);

    [JsonSerializable(typeof(Request))]
    internal sealed partial class Json : JsonSerializerContext;
}
