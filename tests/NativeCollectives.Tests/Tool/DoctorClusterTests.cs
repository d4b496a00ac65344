using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using NativeCollectives.Cli.Doctor.Cluster;
using NativeCollectives.Cli.Doctor.Links;
using NativeCollectives.Cli.Doctor.Machine;
using NativeCollectives.Cli.Doctor.Probing;
using NativeCollectives.Tests.Shared;

namespace NativeCollectives.Tests.Tool;

/// <summary>doctor on the hosts and links of a hostfile, with hosts that are this machine.</summary>
[TestFixture]
[Category("Tool")]
[CancelAfter(60_000)]
internal sealed class DoctorClusterTests
{
    private static readonly TimeSpan _stepTime = TimeSpan.FromSeconds(3);
    private static readonly MachineReport _machine = MachineInspector.Inspect();

    [Test]
    public async Task A_healthy_ring_of_three_has_three_links(CancellationToken cancellation)
    {
        using var ports = new Ports(3);
        ports.Release();
        ClusterReport report = await InspectAsync(Ring(ports.Numbers), cancellation);
        Assert.That(
            report.Links.Select(static link => (link.From, link.To, link.Address)),
            Is.EqualTo(
                new[]
                {
                    (0, 1, $"127.0.0.1:{ports.Numbers[1]}"),
                    (1, 2, $"127.0.0.1:{ports.Numbers[2]}"),
                    (2, 0, $"127.0.0.1:{ports.Numbers[0]}"),
                }
            )
        );
        // The machine may be so busy that a link is slow even twice; but all of them work.
        Assert.That(report.Links.Select(static link => link.State), Is.All.AnyOf(LinkState.Ok, LinkState.Slow));
        Assert.That(report.Links.Select(static link => link.Probe!.LowestGbps), Is.All.Positive);
        Assert.That(
            report.Hosts.Select(static host => (host.Name, host.Local)),
            Is.EqualTo(new[] { ("127.0.0.1", true) })
        );
    }

    [Test]
    public async Task A_port_in_use_breaks_the_link_to_its_rank_only(CancellationToken cancellation)
    {
        using var ports = new Ports(3);
        using Socket other = ports.Take(1);
        other.Listen();
        ports.Release();
        ClusterReport report = await InspectAsync(Ring(ports.Numbers), cancellation);
        Assert.That(
            report.Links[0],
            Has.Property("State").EqualTo(LinkState.Broken).And.Property("Step").EqualTo(ProbeStep.Listen)
        );
        int port = ports.Numbers[1];
        Assert.That(
            Described(report),
            Has.Some.StartsWith(
                $"link 0 → 1 (127.0.0.1 → 127.0.0.1, 127.0.0.1:{port}): broken at step listen: port {port} of "
                    + "127.0.0.1 is in use"
            )
        );
        Assert.That(report.Links.Skip(1).Select(static link => link.State), Has.None.EqualTo(LinkState.Broken));
    }

    [Test]
    public async Task A_slow_link_is_named_and_no_other(CancellationToken cancellation)
    {
        using var ports = new Ports(4);
        ports.Release();
        var relayed = new Relayed(
            2,
            ports.Numbers,
            port => new LinkRelay(port) { Delay = TimeSpan.FromMilliseconds(3) }
        );
        ClusterReport report = await InspectAsync(Ring(ports.Numbers), cancellation, relayed);
        Assert.That(
            report.Links.Where(static link => link.State == LinkState.Slow).Select(static link => (link.From, link.To)),
            Has.Member((1, 2))
        );
        Assert.That(Described(report), Has.Some.StartsWith("link 1 → 2 ").And.Contains("where the other links have"));
        Assert.That(report.Links[1].Probe!.LowestGbps, Is.LessThan(0.3), "64 KiB in 3 ms are 175 Mbit/s");
    }

    [Test]
    public async Task A_link_whose_target_listens_elsewhere_is_refused(CancellationToken cancellation)
    {
        using var ports = new Ports(2);
        ports.Release();
        ClusterReport report = await InspectAsync(
            Ring(ports.Numbers),
            cancellation,
            new Relayed(1, ports.Numbers, null)
        );
        Assert.That(
            report.Links[0],
            Has.Property("State").EqualTo(LinkState.Broken).And.Property("Step").EqualTo(ProbeStep.Connect)
        );
        Assert.That(report.Links[0].Message, Does.Contain("refused the connection"));
        Assert.That(report.Links[1].State, Is.EqualTo(LinkState.Ok));
    }

    [Test]
    public async Task Hosts_without_the_tool_leave_their_links_untested_and_unresolvable_names_break_them(
        CancellationToken cancellation
    )
    {
        ClusterPlan plan = ClusterReader.Parse(
            """
            [{"ssh":"localhost","ips":["127.0.0.1"]},
            {"ssh":"bare","ips":["127.0.0.2"]},
            {"ssh":"gone","ips":["host.invalid"]}]
            """,
            "hosts.json"
        );
        var inspector = new ClusterInspector(
            plan,
            ssh => ssh is null ? new LocalProbeHost(_machine, _stepTime) : new Bare(ssh),
            _stepTime,
            null
        );
        ClusterReport report = await inspector.RunAsync(static _ => { }, cancellation);
        Assert.That(
            report.Hosts.Select(static host => host.Error),
            Is.EqualTo(new[] { null, "no tool on bare", "no tool on gone" })
        );
        Assert.That(
            report.Links.Select(static link => link.State),
            Is.EqualTo(new[] { LinkState.Untested, LinkState.Broken, LinkState.Untested })
        );
        Assert.That(
            report.Links[0].Message,
            Does.Contain(
                "not probed, as the tool does not run on bare; all that was tested: from here port 22 (ssh) of "
                    + "127.0.0.2"
            )
        );
        Assert.That(report.Links[1].Step, Is.EqualTo(ProbeStep.Resolve));
        Assert.That(report.Links[1].Message, Does.Contain("host.invalid").And.Contain("as seen from here"));
        Assert.That(report.Links[2].Message, Does.EndWith("all that was tested: localhost can listen on 127.0.0.1"));
    }

    [Test]
    public async Task Devices_are_looked_for_on_their_hosts(CancellationToken cancellation)
    {
        ClusterPlan plan = ClusterReader.Parse(
            """
            {"backend":"jaccl","hosts":[
            {"ssh":"a","ips":["127.0.0.1"],"rdma":[null,"rdma_en2"]},
            {"ssh":"b","ips":["127.0.0.1"],"rdma":["rdma_en9",null]}]}
            """,
            "hosts.json"
        );
        RdmaDevice[] devices =
        [
            new("rdma_en2", "active", "ethernet", "192.168.0.1", null),
            new("rdma_en3", "down", "ethernet", null, "its port is down"),
        ];
        MachineReport machine = _machine with
        {
            Backends =
            [
                new BackendReport("ring", true, null),
                new BackendReport("jaccl", true, null) { Jaccl = new JacclDetails("library", devices, 1 << 20) },
                new BackendReport("nccl", false, "none"),
            ],
        };
        var inspector = new ClusterInspector(plan, _ => new LocalProbeHost(machine, _stepTime), _stepTime, null);
        ClusterReport report = await inspector.RunAsync(static _ => { }, cancellation);
        IEnumerable<string> findings = Described(report);
        Assert.That(
            findings,
            Has.Member(
                "rank 1 (b): it has no RDMA device rdma_en9, which its row of the device matrix names; it has "
                    + "rdma_en2, rdma_en3"
            )
        );
        Assert.That(
            findings,
            Has.Member(
                "rank 0 (a): a process may lock 1 MiB of memory (ulimit -l), but a rank of this group locks 3 MiB"
            )
        );
        Assert.That(findings, Has.None.Contains("rdma_en2:"));
    }

    [Test]
    public async Task Hosts_of_other_releases_are_named(CancellationToken cancellation)
    {
        ClusterPlan plan = ClusterReader.Parse(
            """[{"ssh":"a","ips":["127.0.0.1"]},{"ssh":"b","ips":["127.0.0.2"]}]""",
            "hosts.json"
        );
        var inspector = new ClusterInspector(
            plan,
            ssh => new LocalProbeHost(_machine with { LibraryVersion = ssh == "b" ? "9.9.9" : "9.9.8" }, _stepTime),
            _stepTime,
            null
        );
        ClusterReport report = await inspector.RunAsync(static _ => { }, cancellation);
        Assert.That(
            Described(report),
            Has.Member("rank 1 (b): it has NativeCollectives 9.9.9, but rank 0 (a) has 9.9.8; all ranks need the same")
        );
    }

    private static IEnumerable<string> Described(ClusterReport report) =>
        report.Findings.Select(static finding => $"{finding.Where}: {finding.Message}");

    private static ClusterPlan Ring(IReadOnlyList<int> ports) =>
        ClusterReader.Parse(
            JsonSerializer.Serialize(ports.Select(static port => new[] { $"127.0.0.1:{port}" })),
            "hosts.json"
        );

    private static Task<ClusterReport> InspectAsync(
        ClusterPlan plan,
        CancellationToken cancellation,
        IProbeHost? host = null
    ) =>
        new ClusterInspector(plan, _ => host ?? new LocalProbeHost(_machine, _stepTime), _stepTime, null).RunAsync(
            static _ => { },
            cancellation
        );

    /// <summary>
    /// This machine, on which the connections to one rank go through a relay; without one they go where nobody listens.
    /// </summary>
    private sealed class Relayed(int rank, IReadOnlyList<int> ports, Func<int, LinkRelay>? relay) : IProbeHost
    {
        private readonly LocalProbeHost _host = new(_machine, _stepTime);

        public Task<MachineReport> InspectAsync(CancellationToken cancellationToken) =>
            _host.InspectAsync(cancellationToken);

        public Task<ProbeResult> CallAsync(ProbeTarget target, CancellationToken cancellationToken) =>
            _host.CallAsync(target, cancellationToken);

        public async Task<IListeningProbe> ListenAsync(string address, int port, CancellationToken cancellationToken)
        {
            IListeningProbe listening = await _host.ListenAsync(address, port, cancellationToken);
            return port == ports[rank] ? new Behind(listening, relay?.Invoke(listening.Target.Port)) : listening;
        }

        private sealed class Behind : IListeningProbe
        {
            private readonly IListeningProbe _listening;
            private readonly LinkRelay? _relay;
            private readonly Socket _deaf = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

            public Behind(IListeningProbe listening, LinkRelay? relay)
            {
                _listening = listening;
                _relay = relay;
                _deaf.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            }

            public ProbeTarget Target =>
                _listening.Target with
                {
                    Port = _relay?.Port ?? ((IPEndPoint)_deaf.LocalEndPoint!).Port,
                };

            public async ValueTask DisposeAsync()
            {
                await _listening.DisposeAsync();
                await (_relay?.DisposeAsync() ?? ValueTask.CompletedTask);
                _deaf.Dispose();
            }
        }
    }

    private sealed class Bare(string name) : IProbeHost
    {
        public Task<MachineReport> InspectAsync(CancellationToken cancellationToken) =>
            throw new ProbeException(ProbeStep.Reach, $"no tool on {name}");

        public Task<IListeningProbe> ListenAsync(string address, int port, CancellationToken cancellationToken) =>
            throw new InvalidOperationException("nobody can listen there");

        public Task<ProbeResult> CallAsync(ProbeTarget target, CancellationToken cancellationToken) =>
            throw new InvalidOperationException("nobody can call from there");
    }
}
