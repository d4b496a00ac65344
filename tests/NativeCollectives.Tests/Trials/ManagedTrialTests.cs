using System.Buffers;
using System.Collections;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using NativeCollectives.Hosting;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Tests.Hosting;

namespace NativeCollectives.Tests.Trials;

/// <summary>
/// What outside trials found in the managed library: a replicator that waited too long, and the program's own code in
/// the wrong place.
/// </summary>
[Category("Faults")]
[CancelAfter(60_000)]
public sealed class ManagedTrialTests
{
    private static readonly RequestReplicatorOptions _quick = new()
    {
        HeartbeatInterval = TimeSpan.FromMilliseconds(100),
        PeerTimeout = TimeSpan.FromSeconds(3),
    };

    // ---- RequestReplicator

    /// <summary>The group's own time limit is longer than this test's.</summary>
    [Test]
    public async Task ALargeMessageObeysThePeerTimeout([Values] bool isPublisherSilent, CancellationToken cancellation)
    {
        using var ring = await InProcessRing.FormAsync(2, cancellation, operationTimeout: TimeSpan.FromMinutes(10));
        var silent = isPublisherSilent ? 0 : 1;
        await using var replicator = new RequestReplicator(ring.Groups[1 - silent], ownsGroup: true, _quick);
        var message = new byte[64 << 20];
        var word = isPublisherSilent ? RoundWord.Message : RoundWord.Ready;
        var record = new byte[RoundRecord.Size];
        RoundRecord.Write(record, word, isPublisherSilent ? message : default(ReadOnlySpan<byte>));
        var waiting = isPublisherSilent
            ? ReadAsync(replicator, cancellation)
            : replicator.PublishAsync(message, cancellation);

        // It takes part in the round that announces the message, and in nothing else.
        await ring.Groups[silent]
            .AllGatherAsync<byte>(record, new byte[2 * RoundRecord.Size], cancellationToken: cancellation);
        await Assert.ThrowsAsync<CollectiveTimeoutException>(() => waiting.WaitAsync(cancellation));
    }

    /// <summary>
    /// A message for which one rank has no place is received there and dropped; in the next round all learn why.
    /// </summary>
    [Test]
    public async Task AConsumerThatCannotTakeAMessageTellsTheOthers(
        [Values(400, 20 << 20)] int size,
        CancellationToken cancellation
    )
    {
        using var ring = await InProcessRing.FormAsync(3, cancellation, operationTimeout: TimeSpan.FromMinutes(10));
        var limits = new RequestReplicatorOptions
        {
            HeartbeatInterval = _quick.HeartbeatInterval,
            PeerTimeout = TimeSpan.FromSeconds(50),
            MaxMessageBytes = 100,
        };
        var wide = new RequestReplicatorOptions
        {
            HeartbeatInterval = _quick.HeartbeatInterval,
            PeerTimeout = TimeSpan.FromSeconds(50),
        };
        await using var publisher = new RequestReplicator(ring.Groups[0], ownsGroup: true, wide);
        await using var other = new RequestReplicator(ring.Groups[1], ownsGroup: true, wide);
        await using var narrow = new RequestReplicator(ring.Groups[2], ownsGroup: true, limits);
        var (othersReading, narrowReading) = (ReadAsync(other, cancellation), ReadAsync(narrow, cancellation));
        await publisher.PublishAsync(new byte[size], cancellation);
        var own = (await Assert.ThrowsAsync<RequestReplicationException>(() => narrowReading))!;
        Assert.That(own.Message, Does.Contain($"{size} bytes").And.Contain("MaxMessageBytes is 100 here"));
        var told = (
            await Assert.ThrowsAsync<RequestReplicationException>(async () =>
            {
                while (true)
                {
                    await publisher.PublishAsync(new byte[1], cancellation);
                }
            })
        )!;
        Assert.That(
            (told.Rank, told.Message),
            Is.EqualTo((2, $"Rank 2 has ended the replication of requests: RequestReplicationException: {own.Message}"))
        );
        Assert.That((await Assert.ThrowsAsync<RequestReplicationException>(() => othersReading))!.Rank, Is.EqualTo(2));
        Assert.That(ring.Groups.Select(group => group.IsFaulted), Is.All.False, "the ranks are in step");
    }

    /// <summary>
    /// The program's memory is looked at before the message is announced: the others would wait for what does not come.
    /// </summary>
    [Test]
    public async Task MemoryThatCannotBePinnedIsTheCallersFailure(CancellationToken cancellation)
    {
        using var ring = await InProcessRing.FormAsync(2, cancellation);
        var ranks = ring.Replicators(_quick);
        var reading = ReadAsync(ranks[1], cancellation);
        using var unpinnable = new Manager<byte>(new byte[1 << 20]) { PinThrows = true };
        Assert.That(
            (
                await Assert.ThrowsAsync<InvalidDataException>(() =>
                    ranks[0].PublishAsync(unpinnable.Memory, cancellation)
                )
            )!.Message,
            Is.EqualTo("pin")
        );
        await ranks[0].PublishAsync(new byte[1 << 20], cancellation);
        await ranks[0].CompleteAsync(cancellationToken: cancellation);
        Assert.That(await reading, Is.EqualTo(1));
        await Task.WhenAll(ranks.Select(rank => rank.DisposeAsync().AsTask()));
    }

    // ---- The program's own code on the library's threads

    [Test]
    public async Task AnExceptionOutOfUnpinIsTheTasks(CancellationToken cancellation)
    {
        using var group = GroupOfOne();
        using var input = new Manager<int>([1, 2, 3]) { UnpinThrows = true };
        using var output = new Manager<int>(new int[3]) { UnpinThrows = true };
        var task = group.AllReduceAsync<int>(
            input.Memory,
            output.Memory,
            ReduceOp.Sum,
            cancellationToken: cancellation
        );
        Assert.That(
            (await Assert.ThrowsAsync<InvalidDataException>(() => task.WaitAsync(cancellation)))!.Message,
            Is.EqualTo("unpin")
        );
        Assert.That((input.Unpinned, output.Unpinned), Is.EqualTo((1, 1)), "each is unpinned, whatever the other does");
        Assert.That(output.Memory.ToArray(), Is.EqualTo(new[] { 1, 2, 3 }));
        Assert.That(group.IsFaulted, Is.False);
        await group.BarrierAsync(cancellationToken: cancellation);
    }

    /// <summary>On the thread of whoever cancels, disposes or finalizes.</summary>
    [Test]
    public async Task AnExceptionOutOfUnpinHarmsNobodyElse([Values] bool isCancelled, CancellationToken cancellation)
    {
        using var ring = await InProcessRing.FormAsync(2, cancellation);
        using var source = new CancellationTokenSource();
        var running = ring.Groups[0].ReceiveAsync<int>(new int[1], 1, cancellationToken: cancellation);
        using var memory = new Manager<int>([1, 2, 3]) { UnpinThrows = true };
        var waiting = ring.Groups[0].AllSumAsync<int>(memory.Memory, cancellationToken: source.Token);
        if (isCancelled)
        {
            await source.CancelAsync();
            await Assert.ThrowsAsync<TaskCanceledException>(() => waiting.WaitAsync(cancellation));
        }
        else
        {
            ring.Groups[0].Dispose();
            await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.WaitAsync(cancellation));
        }

        Assert.That(memory.Unpinned, Is.EqualTo(2), "in place it is pinned as input and as output");
        ring.Groups[0].Dispose();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    [Test]
    public void WhatWasPinnedIsUnpinnedWhenTheRestFails(CancellationToken cancellation)
    {
        using var group = GroupOfOne();
        using var input = new Manager<int>([1, 2, 3]) { UnpinThrows = true };
        using var output = new Manager<int>(new int[3]) { PinThrows = true };
        var failure = Assert.Throws<InvalidDataException>(() =>
            _ = group.AllReduceAsync<int>(input.Memory, output.Memory, ReduceOp.Sum, cancellationToken: cancellation)
        )!;
        Assert.That((failure.Message, input.Unpinned), Is.EqualTo(("pin", 1)), "the first failure counts");

        // Refused after it was pinned.
        using var whole = new Manager<int>([1, 2, 3, 4]) { UnpinThrows = true };
        Assert.Throws<ArgumentException>(() =>
            _ = group.AllReduceAsync<int>(
                whole.Memory[..3],
                whole.Memory[1..],
                ReduceOp.Sum,
                cancellationToken: cancellation
            )
        );
        Assert.That(whole.Unpinned, Is.EqualTo(2));
        group.Barrier();
    }

    // ---- CreateAsync

    [Test]
    public async Task WrongOptionsFailTheTask()
    {
        var forming = DistributedGroup.CreateAsync(new DistributedGroupOptions { FormingTimeout = TimeSpan.Zero });
        Assert.That(
            (await Assert.ThrowsAsync<ArgumentException>(() => forming))!.Message,
            Does.Contain("FormingTimeout")
        );
        forming = DistributedGroup.CreateAsync(
            new DistributedGroupOptions
            {
                Backend = BackendKind.Ring,
                Ring = new RingOptions { Rank = 0, HostFile = "/no/such/file" },
            }
        );
        await Assert.ThrowsAsync<RendezvousException>(() => forming);
    }

    /// <summary>The list is the program's own code, which can do anything; so is the observer that is told.</summary>
    [Test]
    public async Task AllWorkOfCreateAsyncIsDoneOnAnotherThread(CancellationToken cancellation)
    {
        var hosts = new Hosts();
        var observer = new Threads();
        var forming = DistributedGroup.CreateAsync(
            new DistributedGroupOptions
            {
                Backend = BackendKind.Ring,
                Ring = new RingOptions { Rank = 0, Hosts = hosts },
                Observer = observer,
            },
            cancellation
        );
        hosts.Go.SetResult();
        await Assert.ThrowsAsync<InvalidDataException>(() => forming.WaitAsync(cancellation));
        Assert.That(observer.Failure, Is.InstanceOf<InvalidDataException>());
    }

    [Test]
    public async Task OptionsMayChangeOnceCreateAsyncHasReturned(CancellationToken cancellation)
    {
        var options = new DistributedGroupOptions
        {
            Backend = BackendKind.Ring,
            Ring = new RingOptions
            {
                Rank = 0,
                Hosts =
                [
                    ["127.0.0.1:1"],
                ],
            },
        };
        var forming = DistributedGroup.CreateAsync(options, cancellation);
        (options.Backend, options.Ring.Rank, options.OperationTimeout) = (BackendKind.None, 17, TimeSpan.Zero);
        using var group = await forming;
        Assert.That((group.Backend, group.Rank), Is.EqualTo((BackendKind.Ring, 0)));
    }

    // ---- AddDistributedGroup, health and metrics

    [Test]
    public void ASecondGroupWithAnotherConfigurationIsRefused()
    {
        var services = new ServiceCollection();
        var configuration = Configurations.Of(("Backend", "none"));
        services.AddDistributedGroup(configuration);
        var count = services.Count;
        Assert.DoesNotThrow(() => services.AddDistributedGroup(configuration));
        Assert.DoesNotThrow(() => services.AddDistributedGroup(configuration.GetSection("NativeCollectives")));
        Assert.DoesNotThrow(() => services.AddDistributedGroup(Configurations.Of(("backend", "none"))));
        Assert.That(services, Has.Count.EqualTo(count));
        foreach (
            var other in new (string, string?)[][]
            {
                [("Backend", "ring")],
                [],
                [("Backend", "none"), ("Strict", "true")],
            }
        )
        {
            var refused = Assert.Throws<InvalidOperationException>(() =>
                services.AddDistributedGroup(Configurations.Of(other))
            )!;
            Assert.That(
                refused.Message,
                Does.StartWith("AddDistributedGroup was called twice, with configurations in which NativeCollectives:")
            );
        }
    }

    /// <summary>Both were empty when they were added.</summary>
    [Test]
    public async Task ASecondConfigurationThatBecomesAnotherIsRefusedWhenTheHostStarts(CancellationToken cancellation)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        var (first, second) = (new ConfigurationManager(), new ConfigurationManager());
        builder.Services.AddDistributedGroup(first).AddDistributedGroup(second);
        second.AddInMemoryCollection([new("NativeCollectives:OperationTimeout", "00:00:01")]);
        using var host = builder.Build();
        var refused = (await Assert.ThrowsAsync<InvalidOperationException>(() => host.StartAsync(cancellation)))!;
        Assert.That(refused.Message, Does.Contain("NativeCollectives:OperationTimeout differs"));
    }

    [Test]
    public async Task AFailureOfASplitGroupIsNotTheMainGroups(CancellationToken cancellation)
    {
        using var hosts = new HostFile(2, 1);
        hosts.Release();
        var log = new Log();
        using var first = HostOf(hosts, 0, log);
        using var second = HostOf(hosts, 1, new Log());
        await Task.WhenAll(first.StartAsync(cancellation), second.StartAsync(cancellation));
        DistributedGroup[] groups =
        [
            .. new[] { first, second }.Select(host => host.Services.GetRequiredService<DistributedGroup>()),
        ];
        var parts = await Task.WhenAll(groups.Select(group => group.SplitAsync(0, cancellationToken: cancellation)));

        // The native library says so, and then the observers.
        parts[0].Abort("the part's own end");
        await log.WaitForAsync("NativeCollectives.Faults", "the part's own end", cancellation);
        Assert.Throws<GroupAbortedException>(() => parts[0].Barrier());
        var health = first.Services.GetRequiredService<HealthCheckService>();
        Assert.That((await health.CheckHealthAsync(cancellation)).Status, Is.EqualTo(HealthStatus.Healthy));
        await Task.WhenAll(groups.Select(group => group.BarrierAsync(cancellationToken: cancellation)));

        groups[0].Abort("the main group's end");
        var entry = (await health.CheckHealthAsync(cancellation)).Entries["distributed_group"];
        Assert.That(entry.Status, Is.EqualTo(HealthStatus.Unhealthy));
        Assert.That(entry.Description, Does.Contain("the main group's end").And.Not.Contain("the part's own end"));
        Array.ForEach(parts, part => part.Dispose());
        await Task.WhenAll(first.StopAsync(cancellation), second.StopAsync(cancellation));
    }

    // ---- Tensors

    /// <summary>
    /// A tensor that repeats elements along an axis, of stride 0, has fewer places than elements: it can be read, but
    /// not written.
    /// </summary>
    [Test]
    public void ATensorThatCannotHoldTheResultIsRefusedBeforeTheOperation([Values(0, 1)] int axis)
    {
        var observer = new Threads();
        using var group = DistributedGroup.Create(
            new DistributedGroupOptions { Backend = BackendKind.None, Observer = observer }
        );
        var (memory, lengths, strides) = (new float[12], new nint[] { 3, 4 }, axis == 0 ? new nint[] { 0, 1 } : [4, 0]);
        var input = Tensor.Create(new float[12], [3, 4]);
        Tensor<float> Repeating() => Tensor.Create(memory, lengths, strides);
        (string Parameter, Action Call)[] calls =
        [
            ("output", () => group.AllReduce(input, Repeating(), ReduceOp.Sum)),
            ("buffer", () => group.AllReduce(Repeating(), ReduceOp.Max)),
            ("buffer", () => group.Broadcast(Repeating(), 0)),
            ("output", () => group.Reduce(input, Repeating(), 0, ReduceOp.Sum)),
            ("output", () => group.AllGather(input, Repeating())),
            ("output", () => group.Gather(input, Repeating(), 0)),
            ("output", () => group.Scatter(input, Repeating(), 0)),
            ("output", () => group.ReduceScatter(input, Repeating(), ReduceOp.Sum)),
            ("output", () => group.AllToAll(input, Repeating())),
        ];
        foreach (var (parameter, call) in calls)
        {
            var refused = Assert.Throws<ArgumentException>(call.Invoke)!;
            Assert.That((refused.ParamName, refused.Message), Is.EqualTo((parameter, refused.Message)));
            Assert.That(refused.Message, Does.Contain($"along axis {axis}").And.Contain("its stride there is 0"));
        }

        Assert.That(
            (observer.Operations, memory.All(value => value == 0)),
            Is.EqualTo((0, true)),
            "no operation was issued"
        );

        // To read one is fine, and one element along an axis has a place whatever the stride.
        Array.Fill(memory, 2);
        var output = Tensor.Create(new float[12], [3, 4]);
        group.AllReduce(Repeating(), output);
        Assert.That(output.ToArray(), Is.All.EqualTo(2));
        group.AllReduce(Tensor.Create(memory, [1, 4], [0, 1]));
    }

    [Test]
    public async Task ReceivingInATensorThatCannotHoldItIsRefused(CancellationToken cancellation)
    {
        using var ring = await InProcessRing.FormAsync(2, cancellation);
        var refused = Assert.Throws<ArgumentException>(() =>
            ring.Groups[1].Receive(Tensor.Create(new int[1], [4], [0]), 0)
        )!;
        Assert.That(refused.ParamName, Is.EqualTo("buffer"));
        await Task.WhenAll(ring.Groups.Select(group => group.BarrierAsync(cancellationToken: cancellation)));
    }

    private static DistributedGroup GroupOfOne() =>
        DistributedGroup.Create(new DistributedGroupOptions { Backend = BackendKind.None });

    private static IHost HostOf(HostFile hosts, int rank, Log log)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddDistributedGroup(
            Configurations.Of(
                ("Backend", "ring"),
                ("Ring:Rank", $"{rank}"),
                ("Ring:Hosts", string.Join(',', hosts.Hosts.Select(host => host[0])))
            ),
            // the host is the tests' own process
            settings => settings.StopHostOnFault = false
        );
        builder.Services.AddHealthChecks().AddDistributedGroup();
        builder.Services.AddSingleton<Microsoft.Extensions.Logging.ILoggerProvider>(log);
        return builder.Build();
    }

    private static async Task<int> ReadAsync(RequestReplicator replicator, CancellationToken cancellation)
    {
        var count = 0;
        await foreach (var _ in replicator.ReadAllAsync(cancellation))
        {
            count++;
        }

        return count;
    }

    /// <summary>Memory of the program's own.</summary>
    private sealed class Manager<T>(T[] array) : MemoryManager<T>
    {
        private GCHandle _handle;
        private int _unpinned;

        public bool PinThrows { get; init; }

        public bool UnpinThrows { get; init; }

        public int Unpinned => Volatile.Read(ref _unpinned);

        public override Span<T> GetSpan() => array;

        public override unsafe MemoryHandle Pin(int elementIndex = 0)
        {
            if (PinThrows)
            {
                throw new InvalidDataException("pin");
            }

            if (!_handle.IsAllocated)
            {
                _handle = GCHandle.Alloc(array, GCHandleType.Pinned);
            }

            return new MemoryHandle((void*)Marshal.UnsafeAddrOfPinnedArrayElement(array, elementIndex), pinnable: this);
        }

        public override void Unpin()
        {
            Interlocked.Increment(ref _unpinned);
            if (UnpinThrows)
            {
                throw new InvalidDataException("unpin");
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (_handle.IsAllocated)
            {
                _handle.Free();
            }
        }
    }

    /// <summary>A list that waits, and then throws. On the caller's thread it would wait in vain.</summary>
    private sealed class Hosts : IReadOnlyList<IReadOnlyList<string>>
    {
        public TaskCompletionSource Go { get; } = new();

        public int Count => Fail<int>();

        public IReadOnlyList<string> this[int index] => Fail<IReadOnlyList<string>>();

        public IEnumerator<IReadOnlyList<string>> GetEnumerator() => Fail<IEnumerator<IReadOnlyList<string>>>();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

        private TResult Fail<TResult>()
        {
            throw Go.Task.Wait(TimeSpan.FromSeconds(20)) ? new InvalidDataException() : new TimeoutException();
        }
    }

    private sealed class Threads : CollectiveObserver
    {
        public Exception? Failure { get; private set; }

        public int Operations { get; private set; }

        public override void FormingFailed(Exception failure, TimeSpan duration) => Failure = failure;

        public override object? OperationStarting(DistributedGroup group, in ObservedOperation operation)
        {
            Operations++;
            return null;
        }
    }
}
