namespace NativeCollectives.Cli.Topology;

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
