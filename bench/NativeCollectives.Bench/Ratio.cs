namespace NativeCollectives.Bench;

/// <summary>Ours beside a peer's, for one size measured in the same run. Below 1: ours needs less.</summary>
internal sealed record Ratio
{
    public required string System { get; init; }

    public required string Peer { get; init; }

    public required string Operation { get; init; }

    public required int Ranks { get; init; }

    public required int? Sockets { get; init; }

    public required string? Topology { get; init; }

    public required int? Wires { get; init; }

    public required int? Devices { get; init; }

    public required string? Memory { get; init; }

    public required int? Batch { get; init; }

    public required bool InPlace { get; init; }

    public required long Bytes { get; init; }

    public required double MedianUs { get; init; }

    public required double PeerMedianUs { get; init; }

    /// <summary>Median time by median time.</summary>
    public required double MedianRatio { get; init; }

    /// <summary>Processor time by processor time.</summary>
    public required double CpuRatio { get; init; }

    public static Ratio Of(Row own, Row peer) =>
        new()
        {
            System = own.System,
            Peer = peer.System,
            Operation = own.Operation,
            Ranks = own.Ranks,
            Sockets = own.Sockets,
            Topology = own.Topology,
            Wires = own.Wires,
            Devices = own.Devices,
            Memory = own.Memory,
            Batch = own.Batch,
            InPlace = own.InPlace,
            Bytes = own.Bytes,
            MedianUs = own.MedianUs,
            PeerMedianUs = peer.MedianUs,
            MedianRatio = Quotient(own.MedianUs, peer.MedianUs),
            CpuRatio = Quotient(own.CpuUs, peer.CpuUs),
        };

    // 0 where the divisor is too small to be measured.
    private static double Quotient(double value, double by) => by > 0 ? Math.Round(value / by, 3) : 0;
}
