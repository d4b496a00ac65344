using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using NativeCollectives.Cli.Doctor.Probing;
using NativeCollectives.Tests.Shared;

namespace NativeCollectives.Tests.Tool;

/// <summary>The probes between two hosts: at which step they fail, and that they never wait for ever.</summary>
[TestFixture]
[Category("Tool")]
[CancelAfter(30_000)]
internal sealed class DoctorProbeTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    [TestCase("127.0.0.1")]
    [TestCase("::1")]
    [TestCase("localhost")]
    public async Task A_healthy_link_is_measured_both_ways(string host, CancellationToken cancellation)
    {
        IEnumerable<IPAddress> own = NetworkInterface
            .GetAllNetworkInterfaces()
            .SelectMany(static network => network.GetIPProperties().UnicastAddresses)
            .Select(static unicast => unicast.Address);
        if (host == "::1" && !own.Contains(IPAddress.IPv6Loopback))
        {
            Assert.Ignore("this machine has no IPv6 loopback address");
        }

        using ProbeListener listener = await ProbeListener.OpenAsync(host, 0, _patience, cancellation);
        Task serving = listener.ServeAsync(cancellation);
        ProbeResult result = await ProbeCaller.RunAsync(
            new ProbeTarget(host, listener.Port, listener.Token),
            _patience,
            cancellation
        );
        Assert.That(result.Error, Is.Null);
        Assert.That(result.FailedStep, Is.Null);
        Assert.That(result.LatencyUs, Is.Positive);
        Assert.That(result.ForwardGbps, Is.Positive);
        Assert.That(result.BackwardGbps, Is.Positive);
        Assert.That(IPEndPoint.Parse(result.To!).Port, Is.EqualTo(listener.Port));
        await serving.WaitAsync(cancellation);
    }

    [Test]
    public async Task Strangers_do_not_take_the_callers_place(CancellationToken cancellation)
    {
        using ProbeListener listener = await ProbeListener.OpenAsync("127.0.0.1", 0, _patience, cancellation);
        Task serving = listener.ServeAsync(cancellation);
        using var silent = new TcpClient();
        await silent.ConnectAsync(IPAddress.Loopback, listener.Port, cancellation);
        ProbeResult stranger = await ProbeCaller.RunAsync(
            new ProbeTarget("127.0.0.1", listener.Port, new string('0', 32)),
            _patience,
            cancellation
        );
        Assert.That(stranger.FailedStep, Is.EqualTo(ProbeStep.Greet));
        ProbeResult result = await ProbeCaller.RunAsync(
            new ProbeTarget("127.0.0.1", listener.Port, listener.Token),
            _patience,
            cancellation
        );
        Assert.That(result.Error, Is.Null);
        await serving.WaitAsync(cancellation);
    }

    [Test]
    public async Task A_name_that_does_not_exist_fails_to_resolve(CancellationToken cancellation)
    {
        ProbeResult result = await ProbeCaller.RunAsync(
            new ProbeTarget("host.invalid", 1, new string('0', 32)),
            _patience,
            cancellation
        );
        Assert.That(result.FailedStep, Is.EqualTo(ProbeStep.Resolve));
        Assert.That(result.Error, Does.Contain("host.invalid"));
    }

    [Test]
    public async Task A_refused_connection_is_named(CancellationToken cancellation)
    {
        using var ports = new Ports(1);
        ProbeResult result = await ProbeCaller.RunAsync(
            new ProbeTarget("127.0.0.1", ports.Numbers[0], new string('0', 32)),
            _patience,
            cancellation
        );
        Assert.That(result.FailedStep, Is.EqualTo(ProbeStep.Connect));
        Assert.That(result.Error, Does.Contain($"127.0.0.1:{ports.Numbers[0]} refused the connection"));
    }

    [Test]
    public async Task Whoever_accepts_and_never_answers_is_waited_for_no_longer_than_the_step_may_take(
        CancellationToken cancellation
    )
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        ProbeResult result = await ProbeCaller.RunAsync(
            new ProbeTarget("127.0.0.1", ((IPEndPoint)silent.LocalEndpoint).Port, new string('0', 32)),
            TimeSpan.FromMilliseconds(200),
            cancellation
        );
        Assert.That(result.FailedStep, Is.EqualTo(ProbeStep.Greet));
        Assert.That(result.Error, Does.Contain("timed out").And.Contain("within 200 ms"));
    }

    [Test]
    public async Task Data_that_arrives_changed_is_noticed([Values] bool toTheTarget, CancellationToken cancellation)
    {
        using ProbeListener listener = await ProbeListener.OpenAsync("127.0.0.1", 0, _patience, cancellation);
        Task serving = listener.ServeAsync(cancellation);
        // Far behind the small messages, within the first transfer of either direction.
        await using var relay = new LinkRelay(listener.Port)
        {
            Flip = (forward, offset) => forward == toTheTarget && offset == 5000,
        };
        ProbeResult result = await ProbeCaller.RunAsync(
            new ProbeTarget("127.0.0.1", relay.Port, listener.Token),
            _patience,
            cancellation
        );
        Assert.That(result.FailedStep, Is.EqualTo(ProbeStep.Transfer));
        Assert.That(result.Error, Does.Contain("arrived changed"));
        await serving.WaitAsync(cancellation);
    }

    [Test]
    public async Task A_link_that_stalls_on_large_messages_is_named(CancellationToken cancellation)
    {
        using ProbeListener listener = await ProbeListener.OpenAsync("127.0.0.1", 0, _patience, cancellation);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task serving = listener.ServeAsync(end.Token);
        await using var relay = new LinkRelay(listener.Port) { StallAfter = 20_000 };
        ProbeResult result = await ProbeCaller.RunAsync(
            new ProbeTarget("127.0.0.1", relay.Port, listener.Token),
            TimeSpan.FromMilliseconds(500),
            cancellation
        );
        Assert.That(result.FailedStep, Is.EqualTo(ProbeStep.Transfer));
        Assert.That(result.LatencyUs, Is.Positive);
        Assert.That(result.Error, Does.Contain("64 KiB to the target did not arrive, though small messages do"));
        await end.CancelAsync();
        await serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    [Test]
    public async Task A_port_in_use_and_a_foreign_address_are_named(CancellationToken cancellation)
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        int port = ((IPEndPoint)other.LocalEndpoint).Port;
        await Assert.ThatAsync(
            () => ProbeListener.OpenAsync("127.0.0.1", port, _patience, cancellation),
            Throws.InstanceOf<ProbeException>().With.Message.Contains($"port {port} of 127.0.0.1 is in use")
        );
        await Assert.ThatAsync(
            () => ProbeListener.OpenAsync("203.0.113.1", 0, _patience, cancellation),
            Throws.InstanceOf<ProbeException>().With.Message.Contains("203.0.113.1 is not an address of this host")
        );
    }
}
