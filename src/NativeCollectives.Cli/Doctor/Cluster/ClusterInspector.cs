using NativeCollectives.Cli.Doctor.Links;
using NativeCollectives.Cli.Doctor.Machine;
using NativeCollectives.Cli.Doctor.Probing;

namespace NativeCollectives.Cli.Doctor.Cluster;

/// <summary>Looks at the hosts of a hostfile, and tests the links between them.</summary>
/// <param name="plan">What the hostfile says.</param>
/// <param name="access">Gives access to a host by its ssh name; <see langword="null"/> is this machine.</param>
/// <param name="stepTime">How long each step may take.</param>
/// <param name="minimumGbps">The bandwidth that a link must have; <see langword="null"/>: none.</param>
internal sealed class ClusterInspector(
    ClusterPlan plan,
    Func<string?, IProbeHost> access,
    TimeSpan stepTime,
    double? minimumGbps
)
{
    private const int MostAtOnce = 16;

    private readonly Reachability _reachability = new(stepTime);
    private readonly List<Finding> _findings = [.. plan.Findings];

    /// <param name="progress">Is told in words what is done now.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<ClusterReport> RunAsync(Action<string> progress, CancellationToken cancellationToken)
    {
        Dictionary<string, Contact> contacts =
            plan.Kind == ClusterKind.Devices ? [] : await ContactAsync(progress, cancellationToken);
        RankReport[] ranks = [.. plan.Ranks.Select(rank => Describe(rank, contacts.GetValueOrDefault(Key(rank))))];
        foreach (Contact contact in contacts.Values.Where(static contact => contact.Report.Error is not null))
        {
            _findings.Add(new Finding($"rank {contact.Rank.Rank} ({contact.Report.Name})", contact.Report.Error!));
        }

        _findings.AddRange(new HostChecks(plan, ranks).Check());

        IProbeHost?[] hosts =
        [
            .. plan.Ranks.Select(rank =>
                contacts.GetValueOrDefault(Key(rank)) is { Report.Machine: not null } contact ? contact.Access : null
            ),
        ];
        var tester = new LinkTester(
            plan,
            hosts,
            minimumGbps,
            (link, token) => DescribeUntestedAsync(link, hosts, token)
        );
        IReadOnlyList<LinkReport> links = await tester.RunAsync(
            (link, done) => progress($"{link.Name}, {done + 1} of {plan.Links.Count}"),
            cancellationToken
        );
        _findings.AddRange(links.Where(static link => link.State != LinkState.Ok).Select(Describe));
        return new ClusterReport(
            plan.Path,
            plan.Kind,
            plan.Backend,
            [.. contacts.Values.Select(static contact => contact.Report)],
            ranks,
            links,
            _findings
        );
    }

    // Each host once, several at a time.
    private async Task<Dictionary<string, Contact>> ContactAsync(
        Action<string> progress,
        CancellationToken cancellationToken
    )
    {
        ClusterRank[] hosts = [.. plan.Ranks.Where(static rank => rank.IsKnown).DistinctBy(Key)];
        progress($"looking at {Words.Count(hosts.Length, "host")}");
        var machine = new ThisMachine();
        using var places = new SemaphoreSlim(MostAtOnce);
        Contact[] contacts = await Task.WhenAll(
            hosts.Select(async rank =>
            {
                await places.WaitAsync(cancellationToken);
                try
                {
                    // The launcher reaches a host by ssh, even if it is this one under another name; the ring's file
                    // knows no ssh.
                    bool local =
                        rank.Ssh is null
                        || (
                            plan.Kind == ClusterKind.Ring
                            && await machine.IsAsync(rank.Ssh, stepTime, cancellationToken)
                        );
                    IProbeHost host = access(local ? null : rank.Ssh);
                    try
                    {
                        return new Contact(
                            rank,
                            host,
                            new HostReport(rank.Host, local, null, await host.InspectAsync(cancellationToken))
                        );
                    }
                    catch (ProbeException failure)
                    {
                        return new Contact(rank, host, new HostReport(rank.Host, local, failure.Message, null));
                    }
                }
                finally
                {
                    places.Release();
                }
            })
        );
        return contacts.ToDictionary(static contact => Key(contact.Rank));
    }

    private static string Key(ClusterRank rank) => rank.Ssh ?? "";

    private static RankReport Describe(ClusterRank rank, Contact? contact) =>
        new(
            rank.Rank,
            rank.Host,
            [.. rank.Addresses.Select(static address => address.Port == 0 ? address.Host : address.ToString())]
        )
        {
            Machine = contact?.Report.Machine,
        };

    // What one end can do alone, or what can be told from here.
    private async Task<LinkReport> DescribeUntestedAsync(
        Link link,
        IProbeHost?[] hosts,
        CancellationToken cancellationToken
    )
    {
        string[] lacking =
        [
            .. new[] { link.From, link.To }
                .Where(rank => hosts[rank] is null)
                .Select(rank => plan.Ranks[rank].Host)
                .Distinct(),
        ];
        LinkReport report = LinkReport.Of(plan, link, LinkState.Untested);
        try
        {
            string tested;
            if (hosts[link.To] is { } target)
            {
                await using IListeningProbe listening = await target.ListenAsync(
                    link.Address.Host,
                    link.Address.Port,
                    cancellationToken
                );
                tested = $"{report.ToHost} can listen on {report.Address}";
            }
            else
            {
                tested = await _reachability.DescribeAsync(link.Address.Host, cancellationToken);
            }

            return report with
            {
                Message =
                    $"not probed, as the tool does not run on {string.Join(" and ", lacking)}; all that was tested: "
                    + $"{tested}",
            };
        }
        catch (ProbeException failure)
        {
            string seen = failure.Step == ProbeStep.Resolve ? ", as seen from here" : "";
            return report with { State = LinkState.Broken, Step = failure.Step, Message = failure.Message + seen };
        }
    }

    private static Finding Describe(LinkReport link)
    {
        string where = $"link {link.From} → {link.To} ({link.FromHost} → {link.ToHost}, {link.Address})";
        return link.State switch
        {
            LinkState.Broken => new Finding(
                where,
                $"broken at step {link.Step!.Value.ToString().ToLowerInvariant()}: {link.Message}"
            ),
            LinkState.Slow => new Finding(where, $"slow: {link.Message}"),
            _ => new Finding(where, link.Message!),
        };
    }

    // The first rank of a host, and what came of looking at it.
    private sealed record Contact(ClusterRank Rank, IProbeHost Access, HostReport Report);
}
