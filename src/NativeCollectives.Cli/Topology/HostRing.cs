namespace NativeCollectives.Cli.Topology;

/// <summary>Hosts in a circle, each joined with the next and the last with the first; two hosts are one too.</summary>
/// <param name="Hosts">Their indices, in the order of the ranks.</param>
/// <param name="Multiplicity">How many cables there are at least between neighbours.</param>
internal sealed record HostRing(IReadOnlyList<int> Hosts, int Multiplicity)
{
    public int Left(int rank) => Hosts[(rank + Hosts.Count - 1) % Hosts.Count];

    public int Right(int rank) => Hosts[(rank + 1) % Hosts.Count];
}
