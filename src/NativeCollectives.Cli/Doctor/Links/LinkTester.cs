using NativeCollectives.Cli.Doctor.Cluster;
using NativeCollectives.Cli.Doctor.Probing;

namespace NativeCollectives.Cli.Doctor.Links;

/// <summary>Tests links, one after the other so that they leave each other's bandwidth alone.</summary>
/// <param name="plan">The ranks and links.</param>
/// <param name="hosts">By rank; <see langword="null"/>: the tool does not run on its host.</param>
/// <param name="minimumGbps">The bandwidth that a link must have, in 10⁹ bits per second.</param>
/// <param name="untested">What can be said of a link that cannot be probed.</param>
internal sealed class LinkTester(
    ClusterPlan plan,
    IReadOnlyList<IProbeHost?> hosts,
    double? minimumGbps,
    Func<Link, CancellationToken, Task<LinkReport>> untested
)
{
    /// <param name="progress">Is told of each link that is tested now, and how many of them are done.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<IReadOnlyList<LinkReport>> RunAsync(
        Action<Link, int> progress,
        CancellationToken cancellationToken
    )
    {
        List<LinkReport> reports = [];
        foreach (Link link in plan.Links)
        {
            progress(link, reports.Count);
            reports.Add(await TestAsync(link, cancellationToken));
        }

        // Something else may have kept a host busy for a moment: a link is slow if it is so twice.
        IReadOnlyList<LinkReport> judged = LinkVerdicts.Judge(reports, minimumGbps);
        for (int i = 0; i < reports.Count; i++)
        {
            if (judged[i].State == LinkState.Slow)
            {
                progress(plan.Links[i], reports.Count);
                reports[i] = Better(reports[i], await TestAsync(plan.Links[i], cancellationToken));
            }
        }

        return LinkVerdicts.Judge(reports, minimumGbps);
    }

    private async Task<LinkReport> TestAsync(Link link, CancellationToken cancellationToken)
    {
        if (hosts[link.From] is not { } source || hosts[link.To] is not { } destination)
        {
            return await untested(link, cancellationToken);
        }

        try
        {
            await using IListeningProbe listening = await destination.ListenAsync(
                link.Address.Host,
                link.Address.Port,
                cancellationToken
            );
            return LinkReport.Of(plan, link, await source.CallAsync(listening.Target, cancellationToken));
        }
        catch (ProbeException failure)
        {
            return LinkReport.Of(plan, link, ProbeResult.Failed(failure));
        }
    }

    private static LinkReport Better(LinkReport first, LinkReport second) =>
        second.Probe is { LowestGbps: not null, LatencyUs: { } secondLatency }
            ? second with
            {
                Probe = second.Probe with
                {
                    LatencyUs = Math.Min(first.Probe!.LatencyUs!.Value, secondLatency),
                    ForwardGbps = Math.Max(first.Probe.ForwardGbps!.Value, second.Probe.ForwardGbps!.Value),
                    BackwardGbps = Math.Max(first.Probe.BackwardGbps!.Value, second.Probe.BackwardGbps!.Value),
                },
            }
            : second;
}
