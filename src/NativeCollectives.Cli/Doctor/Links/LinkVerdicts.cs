namespace NativeCollectives.Cli.Doctor.Links;

/// <summary>Says which links are slow.</summary>
internal static class LinkVerdicts
{
    /// <summary>A link that has less than this part of the others' median bandwidth is slow.</summary>
    public const double LeastPart = 0.5;

    /// <summary>
    /// A link whose round trip takes more than this many times the others' median is slow, if it is also longer by
    /// <see cref="LeastExcessUs"/>.
    /// </summary>
    public const double MostTimes = 5;

    /// <summary>Microseconds by which round trips may differ without meaning anything.</summary>
    public const double LeastExcessUs = 500;

    // Of fewer others none is the ordinary one.
    private const int LeastOthers = 2;

    /// <summary>
    /// The links with those that are slow marked. Links within a host are compared with such, links between hosts with
    /// such.
    /// </summary>
    /// <param name="links">What was measured.</param>
    /// <param name="minimumGbps">
    /// The bandwidth below which a link is slow whatever the others do, in 10⁹ bits per second; <see langword="null"/>:
    /// none.
    /// </param>
    public static IReadOnlyList<LinkReport> Judge(IReadOnlyList<LinkReport> links, double? minimumGbps) =>
        [.. links.Select(link => Judge(link, links, minimumGbps))];

    private static LinkReport Judge(LinkReport link, IReadOnlyList<LinkReport> links, double? minimumGbps)
    {
        if (
            link.State is not (LinkState.Ok or LinkState.Slow)
            || link.Probe is not { LowestGbps: { } gbps, LatencyUs: { } latency }
        )
        {
            return link;
        }

        List<string> reasons = [];
        if (gbps < minimumGbps)
        {
            reasons.Add($"{Words.Gbps(gbps)}, less than the {Words.Gbps(minimumGbps.Value)} that are asked for");
        }

        LinkReport[] others =
        [
            .. links.Where(other =>
                other != link
                && other.IsWithinHost == link.IsWithinHost
                && other.Probe is { LowestGbps: not null, LatencyUs: not null }
            ),
        ];
        if (others.Length >= LeastOthers)
        {
            double usualGbps = Statistics.MedianOf(others.Select(static other => other.Probe!.LowestGbps!.Value));
            if (gbps < LeastPart * usualGbps)
            {
                reasons.Add($"{Words.Gbps(gbps)}, where the other links have {Words.Gbps(usualGbps)} (median)");
            }

            double usualLatency = Statistics.MedianOf(others.Select(static other => other.Probe!.LatencyUs!.Value));
            if (latency > MostTimes * usualLatency && latency > usualLatency + LeastExcessUs)
            {
                reasons.Add(
                    $"a round trip takes {Duration.Microseconds(latency)}, where the other links take "
                        + $"{Duration.Microseconds(usualLatency)} (median)"
                );
            }
        }

        return reasons.Count == 0
            ? link with
            {
                State = LinkState.Ok,
                Message = null,
            }
            : link with
            {
                State = LinkState.Slow,
                Message = string.Join("; ", reasons),
            };
    }
}
