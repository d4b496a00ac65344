using System.Diagnostics.Metrics;

namespace NativeCollectives;

/// <summary>How many groups of each sort exist. They are counted always, so that a late listener sees them too.</summary>
internal static class LiveGroupCounts
{
    private static readonly Lock _lock = new();
    private static readonly Dictionary<Sort, int> _counts = [];

    /// <summary>What the attributes of a group's count tell.</summary>
    internal sealed record Sort(string Backend, string Kind, string? Name);

    internal static Sort Add(DistributedGroup group)
    {
        var sort = new Sort(group.BackendName, CollectiveTags.KindOf(group), group.Name);
        lock (_lock)
        {
            _counts[sort] = _counts.GetValueOrDefault(sort) + 1;
        }

        return sort;
    }

    internal static void Remove(Sort sort)
    {
        lock (_lock)
        {
            _counts[sort]--;
        }
    }

    // A sort of which no group is left is still reported: as 0.
    internal static List<Measurement<long>> Measure()
    {
        lock (_lock)
        {
            return [.. _counts.Select(static count => Measure(count.Key, count.Value))];
        }
    }

    private static Measurement<long> Measure(Sort sort, int count)
    {
        KeyValuePair<string, object?> backend = new(CollectiveTags.Backend, sort.Backend);
        KeyValuePair<string, object?> kind = new(CollectiveTags.GroupKind, sort.Kind);
        return sort.Name is null
            ? new Measurement<long>(count, backend, kind)
            : new Measurement<long>(count, backend, kind, new(CollectiveTags.GroupName, sort.Name));
    }
}
