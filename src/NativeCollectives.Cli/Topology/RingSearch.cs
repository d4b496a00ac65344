using System.Numerics;

namespace NativeCollectives.Cli.Topology;

/// <summary>
/// Finds the best ring. There are far too many rings to look at each (10¹² through 16 hosts that are all joined), but
/// of the paths that visit the same hosts and end at the same one only the best matters: Held and Karp's dynamic
/// programming over sets of hosts, 2ⁿ·n² steps.
/// </summary>
internal static class RingSearch
{
    /// <summary>How many hosts can be searched: a second and 20 MB.</summary>
    public const int MaximumHosts = 20;

    /// <summary>
    /// The ring of the most hosts; among those, one of the highest multiplicity; among those through the same hosts,
    /// that which keeps to the hosts' own order first.
    /// </summary>
    /// <returns>Null if no two hosts are joined.</returns>
    /// <exception cref="ToolException">There are too many hosts.</exception>
    public static HostRing? Largest(Connectivity connectivity)
    {
        if (connectivity.Size > MaximumHosts)
        {
            throw new ToolException(
                $"{connectivity.Size} hosts are too many to search for a ring; expected at most {MaximumHosts}"
            );
        }

        var search = new Search(connectivity);
        return search.BestSet() is { } best
            ? new HostRing(search.Order(best.Set, best.Multiplicity), best.Multiplicity)
            : null;
    }

    private sealed class Search
    {
        private readonly int _size;
        private readonly byte[,] _cables;

        // [set * size + last]: the best path from the lowest host of the set through all of it to the last one: its
        // fewest cables between neighbours, 0 if there is no path.
        private readonly byte[] _paths;

        public Search(Connectivity connectivity)
        {
            _size = connectivity.Size;
            _cables = new byte[_size, _size];
            for (var a = 0; a < _size; a++)
            {
                for (var b = 0; b < _size; b++)
                {
                    _cables[a, b] = (byte)Math.Min(connectivity.Between(a, b).Count, byte.MaxValue);
                }
            }

            _paths = new byte[_size << _size];
        }

        public (int Set, int Multiplicity)? BestSet()
        {
            (int Set, int Multiplicity)? best = null;
            for (var set = 1; set < 1 << _size; set++)
            {
                var first = BitOperations.TrailingZeroCount(set);
                if (set == 1 << first)
                {
                    Path(set, first) = byte.MaxValue;
                }

                for (var last = first; last < _size; last++)
                {
                    var path = Path(set, last);
                    if (path == 0)
                    {
                        continue;
                    }

                    var multiplicity = last == first ? 0 : Math.Min(path, _cables[last, first]);
                    if (multiplicity > 0 && (best is not { } known || IsBetter(set, multiplicity, known)))
                    {
                        best = (set, multiplicity);
                    }

                    for (var next = first + 1; next < _size; next++)
                    {
                        if ((set & (1 << next)) == 0)
                        {
                            ref var longer = ref Path(set | (1 << next), next);
                            longer = Math.Max(longer, Math.Min(path, _cables[last, next]));
                        }
                    }
                }
            }

            return best;
        }

        /// <summary>
        /// The ring through a set, of which one with that multiplicity is known to exist; the lowest host first, and
        /// always the lowest next that leaves a way back.
        /// </summary>
        public IReadOnlyList<int> Order(int set, int multiplicity)
        {
            var first = BitOperations.TrailingZeroCount(set);
            var hosts = new List<int> { first };
            // A way on from a host through all that are left, back to the first, is a path from the first to that host,
            // read backwards.
            for (var left = set; left != 1 << first; )
            {
                var next = Enumerable
                    .Range(0, _size)
                    .First(host =>
                        host != first
                        && (left & (1 << host)) != 0
                        && _cables[hosts[^1], host] >= multiplicity
                        && Path(left, host) >= multiplicity
                    );
                hosts.Add(next);
                left &= ~(1 << next);
            }

            return hosts;
        }

        private static bool IsBetter(int set, int multiplicity, (int Set, int Multiplicity) known)
        {
            var more = BitOperations.PopCount((uint)set) - BitOperations.PopCount((uint)known.Set);
            return more > 0 || (more == 0 && multiplicity > known.Multiplicity);
        }

        private ref byte Path(int set, int last) => ref _paths[(set * _size) + last];
    }
}

/// <summary>Hosts in a circle, each joined with the next and the last with the first; two hosts are one too.</summary>
/// <param name="Hosts">Their indices, in the order of the ranks.</param>
/// <param name="Multiplicity">How many cables there are at least between neighbours.</param>
internal sealed record HostRing(IReadOnlyList<int> Hosts, int Multiplicity)
{
    public int Left(int rank) => Hosts[(rank + Hosts.Count - 1) % Hosts.Count];

    public int Right(int rank) => Hosts[(rank + 1) % Hosts.Count];
}

/// <summary>Whether every host is joined with every other.</summary>
internal static class MeshCheck
{
    /// <summary>What a mesh lacks, a sentence for each pair without a cable: "A is not connected to B".</summary>
    public static IReadOnlyList<string> Missing(Connectivity connectivity) =>
        [
            .. from a in Enumerable.Range(0, connectivity.Size)
            from b in Enumerable.Range(a + 1, connectivity.Size - a - 1)
            where connectivity.Between(a, b).Count == 0
            select $"{connectivity.Hosts[a]} is not connected to {connectivity.Hosts[b]}",
        ];
}
