using NativeCollectives.Cli.Doctor.Links;
using NativeCollectives.Cli.Doctor.Probing;

namespace NativeCollectives.Tests.Tool;

/// <summary>Which links doctor calls slow.</summary>
[TestFixture]
[Category("Unit")]
[Category("Tool")]
internal sealed class DoctorVerdictTests
{
    [Test]
    public void A_link_far_below_the_others_is_slow_and_no_other()
    {
        IReadOnlyList<LinkReport> judged = LinkVerdicts.Judge([Link(0, 10), Link(1, 9), Link(2, 1), Link(3, 10)], null);
        Assert.That(States(judged), Is.EqualTo("ok ok slow ok"));
        Assert.That(judged[2].Message, Is.EqualTo("1.00 Gbit/s, where the other links have 10.0 Gbit/s (median)"));
    }

    [Test]
    public void The_worse_direction_counts()
    {
        LinkReport uneven = Link(2, 10) with
        {
            Probe = new ProbeResult
            {
                LatencyUs = 30,
                ForwardGbps = 10,
                BackwardGbps = 2,
            },
        };
        Assert.That(States(LinkVerdicts.Judge([Link(0, 10), Link(1, 10), uneven], null)), Is.EqualTo("ok ok slow"));
    }

    [Test]
    public void A_long_round_trip_is_slow()
    {
        IReadOnlyList<LinkReport> judged = LinkVerdicts.Judge([Link(0, 10), Link(1, 10, 5000), Link(2, 10)], null);
        Assert.That(States(judged), Is.EqualTo("ok slow ok"));
        Assert.That(judged[1].Message, Does.StartWith("a round trip takes 5.0 ms, where the other links take 30 µs"));
    }

    [Test]
    public void A_round_trip_of_some_microseconds_more_means_nothing() =>
        Assert.That(
            States(LinkVerdicts.Judge([Link(0, 10), Link(1, 10, 300), Link(2, 10)], null)),
            Is.EqualTo("ok ok ok")
        );

    [Test]
    public void Of_two_links_neither_is_the_measure_of_the_other() =>
        Assert.That(States(LinkVerdicts.Judge([Link(0, 10), Link(1, 1)], null)), Is.EqualTo("ok ok"));

    [Test]
    public void Links_within_a_host_do_not_make_those_between_hosts_slow() =>
        Assert.That(
            States(LinkVerdicts.Judge([Link(0, 40), Link(1, 40), Link(2, 40), Link(3, 1) with { ToHost = "b" }], null)),
            Is.EqualTo("ok ok ok ok")
        );

    [Test]
    public void Below_the_minimum_a_link_is_slow_whatever_the_others_do()
    {
        IReadOnlyList<LinkReport> judged = LinkVerdicts.Judge([Link(0, 0.9), Link(1, 1)], 1);
        Assert.That(States(judged), Is.EqualTo("slow ok"));
        Assert.That(judged[0].Message, Is.EqualTo("900 Mbit/s, less than the 1.00 Gbit/s that are asked for"));
    }

    [Test]
    public void Broken_and_untested_links_stay_what_they_are_and_are_no_measure()
    {
        LinkReport broken = Link(2, 0) with
        {
            State = LinkState.Broken,
            Step = ProbeStep.Connect,
            Probe = new ProbeResult { FailedStep = ProbeStep.Connect },
        };
        LinkReport untested = Link(3, 0) with { State = LinkState.Untested, Probe = null };
        Assert.That(
            States(LinkVerdicts.Judge([Link(0, 10), Link(1, 2), broken, untested], null)),
            Is.EqualTo("ok ok broken untested")
        );
    }

    private static LinkReport Link(int from, double gbps, double latency = 30) =>
        new(from, from + 1, "a", "a", "127.0.0.1", LinkState.Ok)
        {
            Probe = new ProbeResult
            {
                LatencyUs = latency,
                ForwardGbps = gbps,
                BackwardGbps = gbps,
            },
        };

    private static string States(IEnumerable<LinkReport> links) =>
        string.Join(' ', links.Select(static link => link.State.ToString().ToLowerInvariant()));
}
