using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace NativeCollectives;

/// <summary>
/// Measures what groups do, on the meter <see cref="CollectiveTelemetry.MeterName"/>. A measurement allocates nothing.
/// </summary>
internal static class CollectiveMetrics
{
    // From a small operation within a host to a large one between hosts.
    private static readonly InstrumentAdvice<double> _operationSeconds = new()
    {
        HistogramBucketBoundaries =
        [
            0.00001,
            0.00003,
            0.0001,
            0.0003,
            0.001,
            0.003,
            0.01,
            0.03,
            0.1,
            0.3,
            1,
            3,
            10,
            30,
            100,
        ],
    };

    private static readonly InstrumentAdvice<double> _formingSeconds = new()
    {
        HistogramBucketBoundaries = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100],
    };

    private static readonly Meter _meter = CreateMeter();

    // How often operations ran is the histogram's count: OpenTelemetry's conventions have no counter beside it.
    private static readonly Histogram<double> _durations = _meter.CreateHistogram(
        "collective.operation.duration",
        "s",
        "The time from an operation's issue to its end.",
        advice: _operationSeconds
    );

    private static readonly Counter<long> _io = _meter.CreateCounter<long>(
        "collective.operation.io",
        "By",
        "The size of what this rank gave to operations and got from them."
    );

    private static readonly Histogram<double> _formings = _meter.CreateHistogram(
        "collective.group.formation.duration",
        "s",
        "The time that forming a group took, well or not.",
        advice: _formingSeconds
    );

    private static readonly Counter<long> _faults = _meter.CreateCounter<long>(
        "collective.group.faults",
        "{fault}",
        "Failures that ended a group."
    );

    /// <summary>Whether somebody listens to what is measured of operations.</summary>
    internal static bool AreOperationsHeard => _durations.Enabled || _io.Enabled;

    /// <summary>The meter, for tests.</summary>
    internal static Meter Meter => _meter;

    internal static void OperationEnded(
        DistributedGroup group,
        in ObservedOperation operation,
        TimeSpan duration,
        Exception? failure
    )
    {
        TagList tags = Of(group);
        tags.Add(CollectiveTags.OperationName, operation.Name);
        if (operation.DataType is { } type)
        {
            tags.Add(CollectiveTags.DataType, CollectiveTags.NameOf(type));
        }

        if (failure is null)
        {
            AddBytes(operation.SentBytes, tags, CollectiveTags.Transmit);
            AddBytes(operation.ReceivedBytes, tags, CollectiveTags.Receive);
        }
        else
        {
            tags.Add(CollectiveTags.ErrorType, CollectiveTags.ErrorTypeOf(failure));
        }

        _durations.Record(duration.TotalSeconds, tags);
    }

    internal static void GroupFormed(DistributedGroup group, TimeSpan duration) =>
        _formings.Record(duration.TotalSeconds, Of(group));

    internal static void FormingFailed(string? name, Exception failure, TimeSpan duration)
    {
        var tags = new TagList { { CollectiveTags.Backend, CollectiveTags.BackendOf(failure) } };
        if (name is not null)
        {
            tags.Add(CollectiveTags.GroupName, name);
        }

        tags.Add(CollectiveTags.ErrorType, CollectiveTags.ErrorTypeOf(failure));
        _formings.Record(duration.TotalSeconds, tags);
    }

    internal static void GroupFaulted(DistributedGroup group, Exception failure)
    {
        TagList tags = Of(group);
        if (failure is CollectiveException { Operation: { } operation })
        {
            tags.Add(CollectiveTags.OperationName, operation);
        }

        tags.Add(CollectiveTags.ErrorType, CollectiveTags.ErrorTypeOf(failure));
        _faults.Add(1, tags);
    }

    private static TagList Of(DistributedGroup group)
    {
        var tags = new TagList
        {
            { CollectiveTags.Backend, group.BackendName },
            { CollectiveTags.GroupKind, CollectiveTags.KindOf(group) },
        };
        if (group.Name is not null)
        {
            tags.Add(CollectiveTags.GroupName, group.Name);
        }

        return tags;
    }

    // Takes its own copy of the tags: of eight at most, which need no memory of the heap.
    private static void AddBytes(long bytes, TagList tags, string direction)
    {
        if (bytes > 0)
        {
            tags.Add(CollectiveTags.Direction, direction);
            _io.Add(bytes, tags);
        }
    }

    private static Meter CreateMeter()
    {
        var meter = new Meter(
            new MeterOptions(CollectiveTelemetry.MeterName) { Version = CollectiveTelemetry.Version }
        );
        _ = meter.CreateObservableUpDownCounter(
            "collective.group.count",
            LiveGroupCounts.Measure,
            "{group}",
            "Groups that are formed and not disposed of."
        );
        return meter;
    }
}
