using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace NativeCollectives.Tests;

/// <summary>What meters and activity listeners get to see of groups, without any registration.</summary>
[Category("Unit")]
[CancelAfter(60_000)]
public sealed class TelemetryTests
{
    [Test]
    public void AGroupIsMeasured()
    {
        using var measured = new Measurements(nameof(AGroupIsMeasured));
        using (DistributedGroup group = Alone(nameof(AGroupIsMeasured)))
        {
            group.AllSum(new float[4]);
            group.Barrier();
            group.Abort();
            Assert.Catch<GroupAbortedException>(() => group.AllSum(new float[4]));
        }

        const string Group =
            "collective.backend=none collective.group.kind=main collective.group.name=AGroupIsMeasured";
        const string AllReduce = $"{Group} collective.operation.name=AllReduce collective.data_type=float32";
        const string Aborted = "error.type=NativeCollectives.GroupAbortedException";
        Assert.Multiple(() =>
        {
            Assert.That(
                measured.Tags("collective.operation.duration"),
                Is.EqualTo(new[] { AllReduce, $"{Group} collective.operation.name=Barrier", $"{AllReduce} {Aborted}" })
            );
            Assert.That(
                measured.Lines("collective.operation.io"),
                Is.EqualTo(
                    new[]
                    {
                        $"16 {AllReduce} collective.io.direction=transmit",
                        $"16 {AllReduce} collective.io.direction=receive",
                    }
                )
            );
            Assert.That(
                measured.Lines("collective.group.faults"),
                Is.EqualTo(new[] { $"1 {Group} collective.operation.name=AllReduce {Aborted}" })
            );
            Assert.That(measured.Tags("collective.group.formation.duration"), Is.EqualTo(new[] { Group }));
        });
    }

    [Test]
    public async Task AsynchronousOperationsAndSplitsAreMeasured(CancellationToken cancellation)
    {
        using var measured = new Measurements(nameof(AsynchronousOperationsAndSplitsAreMeasured));
        using DistributedGroup group = Alone(nameof(AsynchronousOperationsAndSplitsAreMeasured));
        using DistributedGroup part = await group.SplitAsync(0, cancellationToken: cancellation);
        await part.AllSumAsync(new int[2].AsMemory(), cancellationToken: cancellation);
        Assert.That(
            measured.Tags("collective.operation.duration"),
            Is.EqualTo(
                new[]
                {
                    "collective.backend=none collective.group.kind=main "
                        + "collective.group.name=AsynchronousOperationsAndSplitsAreMeasured "
                        + "collective.operation.name=Split",
                    "collective.backend=none collective.group.kind=split "
                        + "collective.group.name=AsynchronousOperationsAndSplitsAreMeasured "
                        + "collective.operation.name=AllReduce collective.data_type=int32",
                }
            )
        );
    }

    [Test]
    public void AFailureToFormIsMeasured()
    {
        using var measured = new Measurements(nameof(AFailureToFormIsMeasured));
        Assert.Catch<RendezvousException>(() => DistributedGroup.Create(Impossible(nameof(AFailureToFormIsMeasured))));
        Assert.That(
            measured.Tags("collective.group.formation.duration").Single(),
            Is.EqualTo(
                "collective.backend=ring collective.group.name=AFailureToFormIsMeasured "
                    + "error.type=NativeCollectives.RendezvousException"
            )
        );
    }

    [Test]
    public void WhoeverListensLateSeesTheGroupsThatExist()
    {
        const string Name = nameof(WhoeverListensLateSeesTheGroupsThatExist);
        using DistributedGroup first = Alone(Name);
        using DistributedGroup second = Alone(Name);
        using var measured = new Measurements(Name);
        Assert.That(measured.Groups(), Is.EqualTo(2));
        second.Dispose();
        Assert.That(measured.Groups(), Is.EqualTo(1));
        first.Dispose();
        Assert.That(measured.Groups(), Is.Zero);
    }

    /// <summary>Names as OpenTelemetry's conventions have them: lower case, dots between, the unit beside.</summary>
    [Test]
    public void InstrumentsHaveNamesAndUnits()
    {
        using DistributedGroup group = Alone(nameof(InstrumentsHaveNamesAndUnits));
        using var measured = new Measurements(nameof(InstrumentsHaveNamesAndUnits));
        Assert.That(
            measured.Instruments.Select(static instrument => $"{instrument.Name} {instrument.Unit}"),
            Is.EquivalentTo(
                new[]
                {
                    "collective.group.count {group}",
                    "collective.group.faults {fault}",
                    "collective.group.formation.duration s",
                    "collective.operation.duration s",
                    "collective.operation.io By",
                }
            )
        );
        Assert.That(
            measured
                .Instruments.OfType<Histogram<double>>()
                .Select(static one => one.Advice?.HistogramBucketBoundaries),
            Is.All.Not.Null
        );
    }

    [Test]
    public void MeasuringAllocatesNothing([Values] bool isListenedTo)
    {
        using MeterListener? listener = isListenedTo ? new MeterListener() : null;
        long seen = 0;
        if (listener is not null)
        {
            listener.InstrumentPublished = static (instrument, it) =>
            {
                if (instrument.Meter.Name == CollectiveTelemetry.MeterName)
                {
                    it.EnableMeasurementEvents(instrument);
                }
            };
            listener.SetMeasurementEventCallback<long>((_, value, _, _) => seen += value);
            listener.SetMeasurementEventCallback<double>((_, _, _, _) => seen++);
            listener.Start();
        }

        using DistributedGroup group = Alone(nameof(MeasuringAllocatesNothing));
        float[] buffer = new float[4];
        for (int i = 0; i < 200; i++)
        {
            group.AllSum(buffer);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            group.AllSum(buffer);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        Assert.That(seen, isListenedTo ? Is.GreaterThan(1000) : Is.Zero);
    }

    [Test]
    public void WhoeverListensCanThrowWithoutHarm()
    {
        using var meters = new MeterListener
        {
            InstrumentPublished = static (instrument, it) =>
            {
                if (instrument.Meter.Name == CollectiveTelemetry.MeterName)
                {
                    it.EnableMeasurementEvents(instrument);
                }
            },
        };
        meters.SetMeasurementEventCallback<double>(
            static (_, _, _, _) => throw new InvalidOperationException("the listener fails")
        );
        meters.Start();
        using var activities = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == CollectiveTelemetry.ActivitySourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) =>
                throw new InvalidOperationException("the listener fails"),
        };
        ActivitySource.AddActivityListener(activities);
        float[] values = [1, 2];
        using (DistributedGroup group = Alone(nameof(WhoeverListensCanThrowWithoutHarm)))
        {
            group.AllSum(values);
            group.Split(color: 0).Dispose();
        }

        Assert.That(values, Is.EqualTo(new float[] { 1, 2 }));
    }

    [Test]
    public async Task EveryOperationIsAnActivity(CancellationToken cancellation)
    {
        using var source = new ActivitySource(nameof(EveryOperationIsAnActivity));
        using var heard = new Activities(source.Name);
        using Activity parent = source.StartActivity("request")!;
        var options = new DistributedGroupOptions { Backend = BackendKind.None, Name = "one" };
        await using (DistributedGroup group = await DistributedGroup.CreateAsync(options, cancellation))
        {
            group.AllSum(new float[4]);
            Assert.That(Activity.Current, Is.SameAs(parent));
            Task pending = group.BroadcastAsync<int>(new int[2], 0, cancellationToken: cancellation);
            Assert.That(Activity.Current, Is.SameAs(parent), "the caller goes on outside of the operation");
            await pending;
            group.Abort("enough");
            Assert.Catch<GroupAbortedException>(() => group.Barrier());
            Assert.That(Activity.Current, Is.SameAs(parent));
        }

        Activity[] own = heard.Of(parent);
        Assert.Multiple(() =>
        {
            Assert.That(
                own.Select(static activity => activity.OperationName),
                Is.EqualTo(new[] { "FormGroup", "AllReduce", "Broadcast", "Barrier" })
            );
            Assert.That(own.Select(static activity => activity.ParentSpanId), Is.All.EqualTo(parent.SpanId));
            Assert.That(
                string.Join(' ', own[1].TagObjects.Select(static tag => $"{tag.Key}={tag.Value}")),
                Is.EqualTo(
                    "collective.backend=none collective.group.kind=main collective.group.name=one "
                        + "collective.group.rank=0 collective.group.size=1 collective.operation.name=AllReduce "
                        + "collective.operation.input.size=16 collective.operation.output.size=16 "
                        + "collective.operation.asynchronous=False collective.data_type=float32"
                )
            );
            Assert.That(own[2].GetTagItem("collective.operation.asynchronous"), Is.True);
            Assert.That(own[..3].Select(static activity => activity.Status), Is.All.EqualTo(ActivityStatusCode.Unset));
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
        using Activity parent = source.StartActivity("request")!;
        Assert.Catch<RendezvousException>(() => DistributedGroup.Create(Impossible("none")));
        Activity activity = heard.Of(parent).Single();
        Assert.That((activity.OperationName, activity.Status), Is.EqualTo(("FormGroup", ActivityStatusCode.Error)));
        Assert.That(Activity.Current, Is.SameAs(parent));
    }

    private static DistributedGroup Alone(string name) =>
        DistributedGroup.Create(new DistributedGroupOptions { Backend = BackendKind.None, Name = name });

    private static DistributedGroupOptions Impossible(string name) =>
        new()
        {
            Name = name,
            Backend = BackendKind.Ring,
            Ring = new RingOptions { Rank = 0, HostFile = "/no/such/file" },
        };

    /// <summary>What is measured of the groups with a name.</summary>
    private sealed class Measurements : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly ConcurrentQueue<(string Instrument, double Value, string Tags)> _all = [];
        private readonly string _name;

        public Measurements(string name)
        {
            _name = $"{CollectiveTags.GroupName}={name}";
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == CollectiveTelemetry.MeterName)
                {
                    Instruments.Enqueue(instrument);
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.Start();
        }

        public ConcurrentQueue<Instrument> Instruments { get; } = [];

        public string[] Tags(string instrument) =>
            [.. _all.Where(one => one.Instrument == instrument).Select(static one => one.Tags)];

        public string[] Lines(string instrument) =>
            [.. _all.Where(one => one.Instrument == instrument).Select(static one => $"{one.Value} {one.Tags}")];

        /// <summary>How many groups there are now.</summary>
        public double Groups()
        {
            _all.Clear();
            _listener.RecordObservableInstruments();
            return _all.Single(static one => one.Instrument == "collective.group.count").Value;
        }

        public void Dispose() => _listener.Dispose();

        private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            List<string> texts = [];
            foreach (KeyValuePair<string, object?> tag in tags)
            {
                texts.Add($"{tag.Key}={tag.Value}");
            }

            if (texts.Contains(_name))
            {
                _all.Enqueue((instrument.Name, value, string.Join(' ', texts)));
            }
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
                ShouldListenTo = source =>
                    source.Name == CollectiveTelemetry.ActivitySourceName || source.Name == other,
                Sample = static (ref ActivityCreationOptions<ActivityContext> _) =>
                    ActivitySamplingResult.AllDataAndRecorded,
                ActivityStopped = _stopped.Enqueue,
            };
            ActivitySource.AddActivityListener(_listener);
        }

        public Activity[] Of(Activity parent) => [.. _stopped.Where(activity => activity.TraceId == parent.TraceId)];

        public void Dispose() => _listener.Dispose();
    }
}
