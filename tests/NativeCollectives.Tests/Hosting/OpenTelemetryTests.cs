using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace NativeCollectives.Tests.Hosting;

/// <summary>What OpenTelemetry exports of a real ring of two ranks.</summary>
[Category("Hosting")]
[CancelAfter(60_000)]
public sealed class OpenTelemetryTests
{
    [Test]
    public async Task MetricsAreExported(CancellationToken cancellation)
    {
        List<MetricSnapshot> exported = [];
        using MeterProvider provider = Sdk.CreateMeterProviderBuilder()
            .AddNativeCollectivesInstrumentation()
            .AddInMemoryExporter(exported)
            .Build();
        using (InProcessRing ring = await InProcessRing.FormAsync(2, cancellation, name: nameof(MetricsAreExported)))
        {
            await Task.WhenAll(
                ring.Groups.Select(group => group.AllSumAsync(new float[8].AsMemory(), cancellationToken: cancellation))
            );
            Assert.That(provider.ForceFlush(10_000), Is.True);
        }

        Assert.Multiple(() =>
        {
            MetricSnapshot durations = Named("collective.operation.duration");
            Assert.That((durations.MetricType, durations.Unit), Is.EqualTo((MetricType.Histogram, "s")));
            MetricPoint duration = Point(durations, ("collective.operation.name", "AllReduce"));
            Assert.That(duration.GetHistogramCount(), Is.EqualTo(2));
            Assert.That(duration.GetHistogramSum(), Is.GreaterThan(0).And.LessThan(60));
            List<double> bounds = [];
            foreach (HistogramBucket bucket in duration.GetHistogramBuckets())
            {
                bounds.Add(bucket.ExplicitBound);
            }

            Assert.That(bounds, Has.Count.EqualTo(16).And.Member(0.00001), "the buckets are those that we advise");

            MetricSnapshot io = Named("collective.operation.io");
            Assert.That((io.MetricType, io.Unit), Is.EqualTo((MetricType.LongSum, "By")));
            Assert.That(Point(io, ("collective.io.direction", "transmit")).GetSumLong(), Is.EqualTo(64));
            Assert.That(Point(io, ("collective.io.direction", "receive")).GetSumLong(), Is.EqualTo(64));

            MetricSnapshot groups = Named("collective.group.count");
            Assert.That(groups.MetricType, Is.EqualTo(MetricType.LongSumNonMonotonic));
            Assert.That(Point(groups, ("collective.group.kind", "main")).GetSumLong(), Is.EqualTo(2));
            Assert.That(Point(Named("collective.group.formation.duration")).GetHistogramCount(), Is.EqualTo(2));
        });

        MetricSnapshot Named(string name) => exported.Single(metric => metric.Name == name);
    }

    [Test]
    public async Task SpansAreExported(CancellationToken cancellation)
    {
        using var source = new ActivitySource(nameof(SpansAreExported));
        List<Activity> exported = [];
        using TracerProvider provider = Sdk.CreateTracerProviderBuilder()
            .AddSource(source.Name)
            .AddNativeCollectivesInstrumentation()
            .AddInMemoryExporter(exported)
            .Build();
        using (Activity request = source.StartActivity("request")!)
        {
            using (InProcessRing ring = await InProcessRing.FormAsync(2, cancellation))
            {
                await Task.WhenAll(
                    ring.Groups.Select(group =>
                        group.AllSumAsync(new float[8].AsMemory(), cancellationToken: cancellation)
                    )
                );
                ring.Groups[1].Abort("enough");
                await Assert.ThatAsync(
                    () => ring.Groups[0].BarrierAsync(cancellationToken: cancellation),
                    Throws.InstanceOf<CollectiveException>()
                );
            }

            Assert.That(provider.ForceFlush(10_000), Is.True);
            Activity[] own = [.. exported.Where(span => span.TraceId == request.TraceId)];
            Assert.That(
                own.Select(static span => span.DisplayName),
                Is.EquivalentTo(new[] { "FormGroup", "FormGroup", "AllReduce", "AllReduce", "Barrier" })
            );
            Assert.That(own.Select(static span => span.ParentSpanId), Is.All.EqualTo(request.SpanId));
            Assert.That(
                own.Where(static span => span.DisplayName == "AllReduce")
                    .Select(static span =>
                        (span.GetTagItem("collective.backend"), span.GetTagItem("collective.group.rank"))
                    ),
                Is.EquivalentTo(new (object?, object?)[] { ("ring", 0), ("ring", 1) })
            );
            Activity failed = own.Single(static span => span.DisplayName == "Barrier");
            Assert.That(failed.Status, Is.EqualTo(ActivityStatusCode.Error));
            Assert.That((string?)failed.GetTagItem("error.type"), Does.StartWith("NativeCollectives."));
        }
    }

    // The one point of the test's groups that has these attributes.
    private static MetricPoint Point(MetricSnapshot metric, params (string Key, string Value)[] attributes) =>
        metric.MetricPoints.Single(point =>
        {
            Dictionary<string, object?> own = [];
            foreach (KeyValuePair<string, object?> tag in point.Tags)
            {
                own[tag.Key] = tag.Value;
            }

            return attributes
                .Append((Key: "collective.backend", Value: "ring"))
                .Append((Key: "collective.group.name", Value: nameof(MetricsAreExported)))
                .All(attribute => attribute.Value.Equals(own.GetValueOrDefault(attribute.Key)));
        });
}
