using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace NativeCollectives.Hosting;

/// <summary>
/// Counts and times what groups do, on the meter <see cref="MeterName"/>; <c>docs/hosting.md</c> lists the instruments.
/// </summary>
/// <remarks>
/// <c>AddDistributedGroup</c> puts it in place. Without a host: <c>new DistributedGroupOptions { Observer = new
/// CollectiveMetrics() }</c>. Where nobody listens to an instrument nothing is measured, and a measurement allocates
/// nothing.
/// </remarks>
public sealed class CollectiveMetrics : CollectiveObserver, IDisposable
{
    /// <summary>The name of the meter: <c>NativeCollectives</c>.</summary>
    public const string MeterName = "NativeCollectives";

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

    private readonly Meter? _own;
    private readonly Counter<long> _operations;
    private readonly Counter<long> _bytes;
    private readonly Histogram<double> _durations;
    private readonly Counter<long> _faults;
    private readonly UpDownCounter<long> _groups;
    private readonly Histogram<double> _formings;

    /// <summary>Makes a meter.</summary>
    /// <param name="meterFactory">What makes it, and disposes of it; <see langword="null"/>: this object does.</param>
    public CollectiveMetrics(IMeterFactory? meterFactory = null)
    {
        var options = new MeterOptions(MeterName) { Version = CollectiveTraces.Version };
        Meter meter = meterFactory?.Create(options) ?? (_own = new Meter(options));
        _operations = meter.CreateCounter<long>(
            "collectives.operations",
            "{operation}",
            "Operations that have ended, well or not."
        );
        _bytes = meter.CreateCounter<long>(
            "collectives.bytes",
            "By",
            "Bytes that this rank gave to operations and got from them."
        );
        _durations = meter.CreateHistogram(
            "collectives.operation.duration",
            "s",
            "The time from an operation's issue to its end.",
            advice: _operationSeconds
        );
        _faults = meter.CreateCounter<long>("collectives.faults", "{fault}", "Failures that ended a group.");
        _groups = meter.CreateUpDownCounter<long>(
            "collectives.groups",
            "{group}",
            "Groups that are formed and not disposed of."
        );
        _formings = meter.CreateHistogram(
            "collectives.formation.duration",
            "s",
            "The time that forming a group took, well or not.",
            advice: _formingSeconds
        );
    }

    /// <inheritdoc/>
    public override void GroupFormed(DistributedGroup group, TimeSpan duration)
    {
        ArgumentNullException.ThrowIfNull(group);
        var backend = new KeyValuePair<string, object?>(CollectiveTags.Backend, group.Backend);
        var kind = new KeyValuePair<string, object?>(CollectiveTags.Group, CollectiveTags.GroupOf(group));
        _groups.Add(1, backend, kind);
        _formings.Record(duration.TotalSeconds, backend, kind);
    }

    /// <inheritdoc/>
    public override void FormingFailed(Exception failure, TimeSpan duration)
    {
        ArgumentNullException.ThrowIfNull(failure);
        _formings.Record(
            duration.TotalSeconds,
            new(CollectiveTags.Backend, CollectiveTags.BackendOf(failure)),
            new(CollectiveTags.ErrorType, CollectiveTags.ErrorTypeOf(failure))
        );
    }

    /// <inheritdoc/>
    public override void OperationEnded(
        DistributedGroup group,
        in ObservedOperation operation,
        object? state,
        TimeSpan duration,
        Exception? failure
    )
    {
        ArgumentNullException.ThrowIfNull(group);
        if (!_operations.Enabled && !_bytes.Enabled && !_durations.Enabled)
        {
            return;
        }

        var tags = new TagList
        {
            { CollectiveTags.Backend, group.Backend },
            { CollectiveTags.Group, CollectiveTags.GroupOf(group) },
            { CollectiveTags.Operation, operation.Name },
        };
        if (operation.DataType is { } type)
        {
            tags.Add(CollectiveTags.DataType, CollectiveTags.NameOf(type));
        }

        if (failure is null)
        {
            AddBytes(operation.SentBytes, tags, CollectiveTags.Sent);
            AddBytes(operation.ReceivedBytes, tags, CollectiveTags.Received);
        }
        else
        {
            tags.Add(CollectiveTags.ErrorType, CollectiveTags.ErrorTypeOf(failure));
        }

        _operations.Add(1, tags);
        _durations.Record(duration.TotalSeconds, tags);
    }

    /// <inheritdoc/>
    public override void GroupFaulted(DistributedGroup group, Exception failure)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(failure);
        _faults.Add(
            1,
            new TagList
            {
                { CollectiveTags.Backend, group.Backend },
                { CollectiveTags.Group, CollectiveTags.GroupOf(group) },
                { CollectiveTags.Operation, (failure as CollectiveException)?.Operation ?? "none" },
                { CollectiveTags.ErrorType, CollectiveTags.ErrorTypeOf(failure) },
            }
        );
    }

    /// <inheritdoc/>
    public override void GroupDisposed(DistributedGroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        _groups.Add(
            -1,
            new(CollectiveTags.Backend, group.Backend),
            new(CollectiveTags.Group, CollectiveTags.GroupOf(group))
        );
    }

    /// <summary>Disposes of the meter, unless a factory made it.</summary>
    public void Dispose() => _own?.Dispose();

    // Takes its own copy of the tags.
    private void AddBytes(long bytes, TagList tags, string direction)
    {
        if (bytes > 0)
        {
            tags.Add(CollectiveTags.Direction, direction);
            _bytes.Add(bytes, tags);
        }
    }
}
