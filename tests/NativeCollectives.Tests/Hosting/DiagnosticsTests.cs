using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using NativeCollectives.Hosting;

namespace NativeCollectives.Tests.Hosting;

/// <summary>What meters and activity listeners get to see.</summary>
[Category("Hosting")]
[CancelAfter(60_000)]
public sealed class DiagnosticsTests
{
    [Test]
    public void AGroupIsMeasured()
    {
        var factory = new Factory();
        using var metrics = new CollectiveMetrics(factory);
        using var measured = new Measurements(factory.Meter!);
        using (
            var group = DistributedGroup.Create(
                new DistributedGroupOptions { Backend = BackendKind.None, Observer = metrics }
            )
        )
        {
            group.AllSum(new float[4]);
            group.Barrier();
            Assert.That(measured.Sum("collectives.groups"), Is.EqualTo(1));
            group.Abort();
            Assert.Catch<GroupAbortedException>(() => group.AllSum(new float[4]));
        }

        Assert.Multiple(() =>
        {
            Assert.That(
                measured.Lines("collectives.operations"),
                Is.EqualTo(
                    new[]
                    {
                        "1 collectives.backend=self collectives.group=main collectives.operation=AllReduce "
                            + "collectives.data_type=float32",
                        "1 collectives.backend=self collectives.group=main collectives.operation=Barrier",
                        "1 collectives.backend=self collectives.group=main collectives.operation=AllReduce "
                            + "collectives.data_type=float32 error.type=NativeCollectives.GroupAbortedException",
                    }
                )
            );
            Assert.That(
                measured.Lines("collectives.bytes"),
                Is.EqualTo(
                    new[]
                    {
                        "16 collectives.backend=self collectives.group=main collectives.operation=AllReduce "
                            + "collectives.data_type=float32 collectives.direction=sent",
                        "16 collectives.backend=self collectives.group=main collectives.operation=AllReduce "
                            + "collectives.data_type=float32 collectives.direction=received",
                    }
                )
            );
            Assert.That(
                measured.Lines("collectives.faults"),
                Is.EqualTo(
                    new[]
                    {
                        "1 collectives.backend=self collectives.group=main collectives.operation=AllReduce "
                            + "error.type=NativeCollectives.GroupAbortedException",
                    }
                )
            );
            Assert.That(measured.Lines("collectives.operation.duration").Length, Is.EqualTo(3));
            Assert.That(
                measured.Lines("collectives.formation.duration").Single(),
                Does.EndWith(" collectives.backend=self collectives.group=main")
            );
            Assert.That(measured.Sum("collectives.groups"), Is.Zero);
        });
    }

    [Test]
    public void AFailureToFormIsMeasured()
    {
        var factory = new Factory();
        using var metrics = new CollectiveMetrics(factory);
        using var measured = new Measurements(factory.Meter!);
        Assert.Catch<RendezvousException>(() =>
            DistributedGroup.Create(
                new DistributedGroupOptions
                {
                    Observer = metrics,
                    Backend = BackendKind.Ring,
                    Ring = new RingOptions { Rank = 0, HostFile = "/no/such/file" },
                }
            )
        );
        Assert.That(
            measured.Lines("collectives.formation.duration").Single(),
            Does.EndWith(" collectives.backend=ring error.type=NativeCollectives.RendezvousException")
        );
    }

    [Test]
    public void MeasuringAllocatesNothing([Values] bool isListenedTo)
    {
        var factory = new Factory();
        using var metrics = new CollectiveMetrics(factory);
        using var listener = new MeterListener();
        long seen = 0;
        if (isListenedTo)
        {
            listener.InstrumentPublished = (instrument, it) =>
            {
                if (instrument.Meter == factory.Meter)
                {
                    it.EnableMeasurementEvents(instrument);
                }
            };
            listener.SetMeasurementEventCallback<long>((_, value, _, _) => seen += value);
            listener.SetMeasurementEventCallback<double>((_, _, _, _) => seen++);
            listener.Start();
        }
        var observers = new CollectiveObservers([metrics, new CollectiveTraces()]);
        using var group = DistributedGroup.Create(
            new DistributedGroupOptions { Backend = BackendKind.None, Observer = observers }
        );
        var buffer = new float[4];
        for (var i = 0; i < 200; i++)
        {
            group.AllSum(buffer);
        }
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            group.AllSum(buffer);
        }
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1000));
        Assert.That(seen, isListenedTo ? Is.GreaterThan(1000) : Is.Zero);
    }

    [Test]
    public async Task EveryOperationIsAnActivity(CancellationToken cancellation)
    {
        using var source = new ActivitySource(nameof(EveryOperationIsAnActivity));
        using var heard = new Activities(source.Name);
        using var parent = source.StartActivity("request")!;
        var options = new DistributedGroupOptions { Backend = BackendKind.None, Observer = new CollectiveTraces() };
        await using (var group = await DistributedGroup.CreateAsync(options, cancellation))
        {
            group.AllSum(new float[4]);
            Assert.That(Activity.Current, Is.SameAs(parent));
            var pending = group.BroadcastAsync<int>(new int[2], 0, cancellationToken: cancellation);
            Assert.That(Activity.Current, Is.SameAs(parent), "the caller goes on outside of the operation");
            await pending;
            group.Abort("enough");
            Assert.Catch<GroupAbortedException>(() => group.Barrier());
            Assert.That(Activity.Current, Is.SameAs(parent));
        }

        var own = heard.Of(parent);
        Assert.Multiple(() =>
        {
            Assert.That(
                own.Select(activity => activity.OperationName),
                Is.EqualTo(new[] { "FormGroup", "AllReduce", "Broadcast", "Barrier" })
            );
            Assert.That(own.Select(activity => activity.ParentSpanId), Is.All.EqualTo(parent.SpanId));
            Assert.That(
                string.Join(' ', own[1].TagObjects.Select(tag => $"{tag.Key}={tag.Value}")),
                Is.EqualTo(
                    "collectives.backend=self collectives.group=main collectives.rank=0 collectives.size=1 "
                        + "collectives.operation=AllReduce collectives.sent_bytes=16 "
                        + "collectives.received_bytes=16 collectives.asynchronous=False collectives.data_type=float32"
                )
            );
            Assert.That(own[2].GetTagItem("collectives.asynchronous"), Is.True);
            Assert.That(own[..3].Select(activity => activity.Status), Is.All.EqualTo(ActivityStatusCode.Unset));
            Assert.That(own[3].Status, Is.EqualTo(ActivityStatusCode.Error));
            Assert.That(own[3].StatusDescription, Does.Contain("enough"));
            Assert.That(own[3].GetTagItem("error.type"), Is.EqualTo("NativeCollectives.GroupAbortedException"));
            Assert.That(own[3].Events.Single().Name, Is.EqualTo("exception"));
        });
    }

    [Test]
    public void AFailureToFormIsAnActivity()
    {
        using var source = new ActivitySource(nameof(AFailureToFormIsAnActivity));
        using var heard = new Activities(source.Name);
        using var parent = source.StartActivity("request")!;
        Assert.Catch<RendezvousException>(() =>
            DistributedGroup.Create(
                new DistributedGroupOptions
                {
                    Observer = new CollectiveTraces(),
                    Backend = BackendKind.Ring,
                    Ring = new RingOptions { Rank = 0, HostFile = "/no/such/file" },
                }
            )
        );
        var activity = heard.Of(parent).Single();
        Assert.That((activity.OperationName, activity.Status), Is.EqualTo(("FormGroup", ActivityStatusCode.Error)));
        Assert.That(Activity.Current, Is.SameAs(parent));
    }

    private sealed class Factory : IMeterFactory
    {
        public Meter? Meter { get; private set; }

        public Meter Create(MeterOptions options) => Meter = new Meter(options);

        public void Dispose() => Meter?.Dispose();
    }

    private sealed class Measurements : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly ConcurrentQueue<(string Instrument, double Value, string Line)> _all = [];

        public Measurements(Meter meter)
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter == meter)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.Start();
        }

        public string[] Lines(string instrument) =>
            [.. _all.Where(one => one.Instrument == instrument).Select(one => one.Line)];

        public double Sum(string instrument) => _all.Where(one => one.Instrument == instrument).Sum(one => one.Value);

        public void Dispose() => _listener.Dispose();

        private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var line = FormattableString.Invariant($"{value}");
            foreach (var tag in tags)
            {
                line += $" {tag.Key}={tag.Value}";
            }
            _all.Enqueue((instrument.Name, value, line));
        }
    }

    private sealed class Activities : IDisposable
    {
        private readonly ConcurrentQueue<Activity> _stopped = [];
        private readonly ActivityListener _listener;

        public Activities(string other)
        {
            _listener = new ActivityListener
            {
                ShouldListenTo = source => source.Name == CollectiveTraces.ActivitySourceName || source.Name == other,
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
                ActivityStopped = _stopped.Enqueue,
            };
            ActivitySource.AddActivityListener(_listener);
        }

        public Activity[] Of(Activity parent) => [.. _stopped.Where(activity => activity.TraceId == parent.TraceId)];

        public void Dispose() => _listener.Dispose();
    }
}
