using NativeCollectives.Cli;
using NativeCollectives.Cli.Topology;

namespace NativeCollectives.Tests.Tool;

/// <summary>The best ring among all there are.</summary>
[Category("Unit")]
[CancelAfter(60_000)]
public sealed class TopologyRingSearchTests
{
    [Test]
    public void NoCableIsNoRing() => Assert.That(RingSearch.Largest(TopologyFixtures.Joined(3, (_, _) => 0)), Is.Null);

    [Test]
    public void OneHostIsNoRing() => Assert.That(RingSearch.Largest(TopologyFixtures.Joined(1, (_, _) => 0)), Is.Null);

    [TestCase(1)]
    [TestCase(3)]
    public void TwoHostsAreARing(int cables) =>
        Check(RingSearch.Largest(TopologyFixtures.Joined(2, (_, _) => cables)), [0, 1], cables);

    [Test]
    public void ABrokenChainHasOnlyPairs() =>
        Check(RingSearch.Largest(TopologyFixtures.Joined(4, (a, b) => b == a + 1 ? 1 : 0)), [0, 1], 1);

    [Test]
    public void TheOrderOfTheHostsIsKeptWhereThereIsAChoice([Values(3, 4, 8)] int size) =>
        Check(RingSearch.Largest(TopologyFixtures.Joined(size, (_, _) => 2)), Enumerable.Range(0, size), 2);

    /// <summary>A ring with two cables everywhere is preferred to one with a single cable somewhere.</summary>
    [Test]
    public void MoreCablesAreBetterThanTheOrder() =>
        Check(
            RingSearch.Largest(TopologyFixtures.Joined(4, (a, b) => (a, b) is (0, 1) or (2, 3) ? 1 : 2)),
            [0, 2, 1, 3],
            2
        );

    [Test]
    public void MoreHostsAreBetterThanMoreCables() =>
        Check(
            RingSearch.Largest(
                TopologyFixtures.Joined(
                    4,
                    (a, b) =>
                        a == 0 && b == 1 ? 5
                        : b == a + 1 || (a, b) is (0, 3) ? 1
                        : 0
                )
            ),
            [0, 1, 2, 3],
            1
        );

    /// <summary>10¹² rings, most of which do not matter.</summary>
    [Test]
    [CancelAfter(20_000)]
    public void SixteenHostsThatAreAllJoinedAreNoTrouble() =>
        Check(
            RingSearch.Largest(TopologyFixtures.Joined(16, (a, b) => b - a is 1 or 15 ? 2 : 1)),
            Enumerable.Range(0, 16),
            2
        );

    /// <summary>
    /// The Petersen graph, in which every host has three cables and there is no ring through all ten.
    /// </summary>
    [Test]
    public void ARingThroughAllMayNotExist()
    {
        HostRing ring = RingSearch.Largest(
            TopologyFixtures.Joined(
                10,
                (a, b) =>
                    (a < 5, b < 5) switch
                    {
                        (true, true) => b - a is 1 or 4 ? 1 : 0,
                        (false, false) => b - a is 2 or 3 ? 1 : 0,
                        _ => b == a + 5 ? 1 : 0,
                    }
            )
        )!;
        Assert.That(ring.Hosts, Has.Count.EqualTo(9));
    }

    [Test]
    public void TooManyHostsAreAnError() =>
        Assert.That(
            () => RingSearch.Largest(TopologyFixtures.Joined(RingSearch.MaximumHosts + 1, (_, _) => 1)),
            Throws.InstanceOf<ToolException>().With.Message.Contains("21 hosts")
        );

    [Test]
    public void NoRingIsBetterThanTheOneThatIsFound()
    {
        var seed = Environment.TickCount;
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (var round = 0; round < 400; round++)
        {
            var size = random.Next(2, 8);
            var density = random.NextDouble();
            var counts = new int[size, size];
            for (var a = 0; a < size; a++)
            {
                for (var b = a + 1; b < size; b++)
                {
                    counts[a, b] = counts[b, a] = random.NextDouble() < density ? random.Next(1, 4) : 0;
                }
            }

            Connectivity connectivity = TopologyFixtures.Joined(size, (a, b) => counts[a, b]);
            var best = AllRings(counts, size)
                .OrderByDescending(ring => ring.Hosts.Count)
                .ThenByDescending(ring => ring.Multiplicity)
                .FirstOrDefault();
            HostRing? found = RingSearch.Largest(connectivity);
            Assert.That(
                (found?.Hosts.Count, found?.Multiplicity),
                Is.EqualTo((best?.Hosts.Count, best?.Multiplicity)),
                $"seed {seed}, round {round}"
            );
            if (found is not null)
            {
                Assert.That(found.Hosts, Is.Unique);
                Assert.That(
                    Enumerable.Range(0, found.Hosts.Count).Min(rank => counts[found.Hosts[rank], found.Right(rank)]),
                    Is.EqualTo(found.Multiplicity)
                );
                var first = AllRings(counts, size)
                    .Where(ring =>
                        ring.Multiplicity == found.Multiplicity && ring.Hosts.ToHashSet().SetEquals(found.Hosts)
                    )
                    .Select(ring => string.Join(' ', ring.Hosts))
                    .Min(StringComparer.Ordinal);
                Assert.That(string.Join(' ', found.Hosts), Is.EqualTo(first), $"seed {seed}, round {round}");
            }
        }
    }

    /// <summary>Every simple cycle, each in both directions, begun at its lowest host; and every joined pair.</summary>
    private static IEnumerable<HostRing> AllRings(int[,] counts, int size)
    {
        return Enumerable.Range(0, size).SelectMany(first => Extend([first], int.MaxValue));

        IEnumerable<HostRing> Extend(List<int> path, int fewest)
        {
            var back = Math.Min(fewest, counts[path[^1], path[0]]);
            if (path.Count > 1 && back > 0)
            {
                yield return new HostRing([.. path], back);
            }

            for (var next = path[0] + 1; next < size; next++)
            {
                if (counts[path[^1], next] > 0 && !path.Contains(next))
                {
                    foreach (HostRing ring in Extend([.. path, next], Math.Min(fewest, counts[path[^1], next])))
                    {
                        yield return ring;
                    }
                }
            }
        }
    }

    private static void Check(HostRing? ring, IEnumerable<int> hosts, int multiplicity)
    {
        Assert.That(ring!.Hosts, Is.EqualTo(hosts));
        Assert.That(ring.Multiplicity, Is.EqualTo(multiplicity));
    }
}
