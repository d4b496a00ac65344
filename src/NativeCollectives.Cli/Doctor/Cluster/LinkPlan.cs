namespace NativeCollectives.Cli.Doctor.Cluster;

/// <summary>Which ranks talk to which over TCP.</summary>
internal static class LinkPlan
{
    /// <param name="ranks">The ranks.</param>
    /// <param name="backend">
    /// ring: every rank with the next, at each of its addresses. jaccl and nccl: every rank with rank 0, where they
    /// meet, and with the next.
    /// </param>
    /// <param name="mesh">Every rank with every other.</param>
    public static IReadOnlyList<Link> Of(IReadOnlyList<ClusterRank> ranks, string backend, bool mesh)
    {
        int size = ranks.Count;
        if (size < 2)
        {
            return [];
        }

        if (backend == "ring")
        {
            // A file that does not know all ranks is for one of them, whose own address may be the one that means any.
            bool isForOne = ranks.Any(static rank => !rank.IsKnown);
            return
            [
                .. from rank in ranks
                where rank.IsKnown && Next(rank).IsKnown
                from address in Next(rank).Addresses
                where !isForOne || address.Host is not ("0.0.0.0" or "::")
                select new Link(rank.Rank, Next(rank).Rank, address),
            ];
        }

        IEnumerable<(int From, int To)> pairs = mesh
            ? ranks.SelectMany(rank => Enumerable.Range(0, rank.Rank).Select(to => (rank.Rank, to)))
            : ranks
                .Skip(1)
                .Select(static rank => (rank.Rank, 0))
                .Concat(ranks.Select(rank => (rank.Rank, Next(rank).Rank)))
                .Distinct();
        return [.. pairs.Select(pair => new Link(pair.From, pair.To, ranks[pair.To].Addresses[0]))];

        ClusterRank Next(ClusterRank rank) => ranks[(rank.Rank + 1) % size];
    }
}
