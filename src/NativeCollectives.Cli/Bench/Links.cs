namespace NativeCollectives.Cli.Bench;

/// <summary>The connections between ranks. What is <see langword="null"/> is not for the backend in use.</summary>
/// <param name="Sockets">Between neighbours in a ring over TCP.</param>
/// <param name="Topology">Of a group of JACCL's.</param>
/// <param name="Wires">Between neighbours in a ring of JACCL's.</param>
internal sealed record Links(int? Sockets = null, VerbsTopology? Topology = null, int? Wires = null)
{
    /// <summary>All that a user wants to see measured.</summary>
    public static IReadOnlyList<Links> Of(
        BackendKind backend,
        IReadOnlyList<int> sockets,
        IReadOnlyList<VerbsTopology> topologies,
        IReadOnlyList<int> wires
    ) =>
        backend switch
        {
            BackendKind.Ring => [.. sockets.Select(number => new Links(Sockets: number))],
            BackendKind.Jaccl => [.. topologies.SelectMany(topology => OfTopology(topology, wires))],
            _ => [new Links()],
        };

    private static IEnumerable<Links> OfTopology(VerbsTopology topology, IEnumerable<int> wires) =>
        topology == VerbsTopology.Mesh
            ? [new Links(Topology: topology)]
            : wires.Select(number => new Links(Topology: topology, Wires: number));
}

/// <summary>How JACCL joins its ranks.</summary>
internal enum VerbsTopology
{
    Mesh,
    Ring,
}
