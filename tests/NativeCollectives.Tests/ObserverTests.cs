using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests;

/// <summary>What an observer is told, and that it cannot do harm.</summary>
[Category("Unit")]
[CancelAfter(60_000)]
public sealed class ObserverTests
{
    [Test]
    public void IsToldOfTheLifeOfAGroup()
    {
        var record = new Record();
        DistributedGroup group = Alone(record);
        DistributedGroup part = group.Split(color: 0);
        part.Dispose();
        group.Dispose();
        group.Dispose();
        Assert.That(
            record.Lines,
            Is.EqualTo(
                new[]
                {
                    "formed rank 0 of 1 (none)",
                    "starting Split",
                    "ended Split",
                    "formed rank 0 of 1 (none)",
                    "disposed rank 0 of 1 (none)",
                    "disposed rank 0 of 1 (none)",
                }
            )
        );
    }

    [Test]
    public async Task IsToldOfOperationsAndTheirSizes(CancellationToken cancellation)
    {
        var record = new Record();
        using DistributedGroup group = Alone(record);
        record.Lines.Clear();
        group.AllReduce<float>(new float[3], ReduceOp.Max);
        group.Barrier();
        await group.AllGatherAsync<short>(new short[5], new short[5], cancellationToken: cancellation);
        Assert.That(
            record.Operations,
            Is.EqualTo(
                new[]
                {
                    new ObservedOperation("AllReduce", CollectiveDataType.Float32, 12, 12, false),
                    new ObservedOperation("Barrier", null, 0, 0, false),
                    new ObservedOperation("AllGather", CollectiveDataType.Int16, 10, 10, true),
                }
            )
        );
        Assert.That(record.Lines, Has.Count.EqualTo(6));
        Assert.That(record.States, Is.EqualTo(new object[] { 0, 1, 2 }), "what OperationStarting returned comes back");
        Assert.That(record.Durations, Is.All.GreaterThanOrEqualTo(TimeSpan.Zero));
    }

    [Test]
    public void IsNotToldOfMistakes()
    {
        var record = new Record();
        using DistributedGroup group = Alone(record);
        record.Lines.Clear();
        Assert.That(() => group.AllReduce<float>(new float[3], new float[2], ReduceOp.Sum), Throws.ArgumentException);
        Assert.That(record.Lines, Is.Empty);
    }

    [Test]
    public void IsToldWhatCouldNotBeFormed()
    {
        var record = new Record();
        var options = new DistributedGroupOptions
        {
            Strict = true,
            Backend = BackendKind.Ring,
            Observer = record,
        };
        Assert.That(
            () => DistributedGroup.Create(options, new LaunchEnvironment(_ => null)),
            Throws.InstanceOf<BackendUnavailableException>()
        );
        Assert.That(record.Lines, Is.EqualTo(new[] { "not formed BackendUnavailableException" }));
    }

    [Test]
    public async Task CanThrowWithoutHarm(CancellationToken cancellation)
    {
        using (DistributedGroup group = Alone(new Thrower()))
        {
            float[] values = [1, 2];
            group.AllSum(values);
            await group.AllSumAsync(values.AsMemory(), cancellationToken: cancellation);
            group.Split(color: 0).Dispose();
            Assert.That(values, Is.EqualTo(new float[] { 1, 2 }));
        }
    }

    /// <summary>
    /// A fault is told once, whether a blocking or an asynchronous call finds out, and by its first cause.
    /// </summary>
    [Test]
    [Category("Ring")]
    public async Task IsToldOfAFaultOnce([Values] bool asynchronously, CancellationToken cancellation)
    {
        using var hosts = new HostFile(2, 1);
        hosts.Release();
        var record = new Record();
        Task<DistributedGroup> other = DistributedGroup.CreateAsync(Options(1, null), cancellation);
        using DistributedGroup group = await DistributedGroup.CreateAsync(Options(0, record), cancellation);
        (await other).Dispose();
        var values = new float[4];
        if (asynchronously)
        {
            await Assert.ThatAsync(
                () => group.AllSumAsync(values.AsMemory(), cancellationToken: cancellation),
                Throws.InstanceOf<PeerLostException>()
            );
        }
        else
        {
            Assert.That(() => group.AllSum(values), Throws.InstanceOf<PeerLostException>());
        }

        Assert.That(() => group.AllSum(values), Throws.InstanceOf<PeerLostException>());
        Assert.That(record.Lines.Count(line => line == "faulted PeerLostException"), Is.EqualTo(1));
        Assert.That(
            record.Lines.Count(line => line == "ended AllReduce PeerLostException"),
            Is.EqualTo(2),
            "each call is told, those after the fault too"
        );

        DistributedGroupOptions Options(int rank, CollectiveObserver? observer) =>
            new()
            {
                Backend = BackendKind.Ring,
                Ring = new RingOptions { Rank = rank, HostFile = hosts.Path },
                OperationTimeout = TimeSpan.FromSeconds(20),
                Observer = observer,
            };
    }

    private static DistributedGroup Alone(CollectiveObserver observer) =>
        DistributedGroup.Create(new DistributedGroupOptions { Backend = BackendKind.None, Observer = observer });

    private sealed class Record : CollectiveObserver
    {
        private int _started;

        // Only one thread at a time: an operation is awaited before the next is issued.
        public List<string> Lines { get; } = [];
        public List<ObservedOperation> Operations { get; } = [];
        public List<object?> States { get; } = [];
        public List<TimeSpan> Durations { get; } = [];

        public override void GroupFormed(DistributedGroup group, TimeSpan duration)
        {
            Lines.Add($"formed {group}");
            Durations.Add(duration);
        }

        public override void FormingFailed(Exception failure, TimeSpan duration) =>
            Lines.Add($"not formed {failure.GetType().Name}");

        public override object? OperationStarting(DistributedGroup group, in ObservedOperation operation)
        {
            Lines.Add($"starting {operation.Name}");
            return _started++;
        }

        public override void OperationEnded(
            DistributedGroup group,
            in ObservedOperation operation,
            object? state,
            TimeSpan duration,
            Exception? failure
        )
        {
            Lines.Add($"ended {operation.Name} {failure?.GetType().Name}".TrimEnd());
            Operations.Add(operation);
            States.Add(state);
            Durations.Add(duration);
        }

        public override void GroupFaulted(DistributedGroup group, Exception failure) =>
            Lines.Add($"faulted {failure.GetType().Name}");

        public override void GroupDisposed(DistributedGroup group) => Lines.Add($"disposed {group}");
    }

    private sealed class Thrower : CollectiveObserver
    {
        public override void GroupFormed(DistributedGroup group, TimeSpan duration) =>
            throw new InvalidOperationException("the observer fails");

        public override object? OperationStarting(DistributedGroup group, in ObservedOperation operation) =>
            throw new InvalidOperationException("the observer fails");

        public override void OperationEnded(
            DistributedGroup group,
            in ObservedOperation operation,
            object? state,
            TimeSpan duration,
            Exception? failure
        ) => throw new InvalidOperationException("the observer fails");

        public override void GroupDisposed(DistributedGroup group) =>
            throw new InvalidOperationException("the observer fails");
    }
}
