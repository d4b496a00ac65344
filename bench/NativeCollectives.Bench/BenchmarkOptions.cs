namespace NativeCollectives.Bench;

/// <summary>What the user asked for.</summary>
internal sealed record BenchmarkOptions
{
    public required IReadOnlyList<BenchmarkOperation> Operations { get; init; }

    /// <summary>What moves the bytes: the ring, NCCL or JACCL.</summary>
    public required BackendKind Backend { get; init; }

    /// <summary>Empty: the user leaves it to <see cref="WithDefaults"/>.</summary>
    public required IReadOnlyList<int> Ranks { get; init; }

    /// <summary>As <see cref="Ranks"/>; of the ring only.</summary>
    public required IReadOnlyList<int> Sockets { get; init; }

    /// <summary>As <see cref="Ranks"/>; of JACCL only.</summary>
    public required IReadOnlyList<VerbsTopology> Topologies { get; init; }

    /// <summary>As <see cref="Ranks"/>; of JACCL's ring only.</summary>
    public required IReadOnlyList<int> Wires { get; init; }

    /// <summary>
    /// JACCL's library of verbs; <see langword="null"/>: that of the system, or without <see cref="RdmaDevices"/> the
    /// software one.
    /// </summary>
    public required FileInfo? VerbsLibrary { get; init; }

    /// <summary>Devices of this machine that JACCL's ranks use; none: those of the software library.</summary>
    public required IReadOnlyList<string> RdmaDevices { get; init; }

    /// <summary><see langword="null"/>: as <see cref="Ranks"/>.</summary>
    public required BufferMemory? Memory { get; init; }

    /// <summary>Operations are put on a stream, and waited for in batches.</summary>
    public required bool OnStream { get; init; }

    public required bool InPlace { get; init; }

    public required IReadOnlyList<long> Sizes { get; init; }

    public required int Rounds { get; init; }

    /// <summary>Operations to measure per size in all rounds together; 0: as <see cref="Seconds"/> says.</summary>
    public required int Iterations { get; init; }

    /// <summary>How long to measure each size, in all rounds together.</summary>
    public required double Seconds { get; init; }

    public required IReadOnlyList<string> Peers { get; init; }

    public required FileInfo? Json { get; init; }

    /// <summary>For one start of one system.</summary>
    public required TimeSpan Deadline { get; init; }

    /// <summary>These, with what the user left open.</summary>
    /// <param name="machine">Where NCCL's ranks are; <see langword="null"/>: there are none.</param>
    public BenchmarkOptions WithDefaults(NcclMachine? machine) =>
        this with
        {
            Ranks = Ranks.Count > 0 ? Ranks : [machine?.Devices ?? 2],
            Sockets = Sockets.Count > 0 ? Sockets : [1],
            Topologies = Topologies.Count > 0 ? Topologies : [VerbsTopology.Mesh],
            Wires = Wires.Count > 0 ? Wires : [1],
            Memory = Memory ?? (machine is null ? BufferMemory.Host : BufferMemory.Device),
        };
}
