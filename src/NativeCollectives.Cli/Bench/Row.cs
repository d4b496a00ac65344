namespace NativeCollectives.Cli.Bench;

/// <summary>
/// One line of the result: what one system needs for one operation of one size. The properties' names, in snake case,
/// are those of the JSON.
/// </summary>
internal sealed record Row
{
    public required string System { get; init; }

    public required string Transport { get; init; }

    public required string Operation { get; init; }

    public required string Dtype { get; init; }

    /// <summary>How elements are combined, if they are.</summary>
    public required string? Redop { get; init; }

    /// <summary>The root, if the operation has one.</summary>
    public required int? Root { get; init; }

    public required int Ranks { get; init; }

    public required int? Sockets { get; init; }

    /// <summary>mesh or ring; of JACCL's only.</summary>
    public required string? Topology { get; init; }

    public required int? Wires { get; init; }

    public required int? Devices { get; init; }

    /// <summary>Where the buffers are, if there is a choice.</summary>
    public required string? Memory { get; init; }

    /// <summary>
    /// The operations that were put on a stream before they were waited for; <see langword="null"/>: every operation
    /// was waited for.
    /// </summary>
    public required int? Batch { get; init; }

    public required bool InPlace { get; init; }

    public required long Bytes { get; init; }

    public required long Count { get; init; }

    /// <summary>Operations that were measured.</summary>
    public required int Iterations { get; init; }

    public required double MinUs { get; init; }

    public required double MedianUs { get; init; }

    public required double P99Us { get; init; }

    /// <summary>Size by median time, in 10^9 bytes per second.</summary>
    public required double AlgbwGbps { get; init; }

    /// <summary>
    /// The same, times the operation's factor: comparable with the speed of a link, whatever the number of ranks.
    /// </summary>
    public required double BusbwGbps { get; init; }

    /// <summary>Processor time of all ranks together for one operation.</summary>
    public required double CpuUs { get; init; }

    public required long Errors { get; init; }

    public static Row Of(IBenchmarkSystem system, BenchmarkJob job, BenchmarkCase one, Measurement measurement)
    {
        Statistics times = Statistics.Of(measurement.Nanoseconds);
        long bytes = one.Bytes(job.Ranks, measurement.Count);
        int operations = measurement.Nanoseconds.Count * job.Pace.Batch;
        double bandwidth = times.Median > 0 ? bytes / times.Median / 1000 : 0;
        return new Row
        {
            System = system.Name,
            Transport = job.Transport,
            Operation = one.Operation.Name,
            Dtype = DataTypes.NameOf(one.Type),
            Redop = one.ReduceOp is { } op ? ReduceOps.NameOf(op) : null,
            Root = one.Operation.HasRoot ? one.Root : null,
            Ranks = job.Ranks,
            Sockets = job.Links.Sockets,
            Topology = job.Links.Topology switch
            {
                VerbsTopology.Mesh => "mesh",
                VerbsTopology.Ring => "ring",
                _ => null,
            },
            Wires = job.Links.Wires,
            Devices = job.Devices,
            Memory =
                job.Devices is null ? null
                : job.Memory == BufferMemory.Device ? "device"
                : "host",
            Batch = job.Pace.Batch > 1 ? job.Pace.Batch : null,
            InPlace = one.InPlace,
            Bytes = bytes,
            Count = measurement.Count,
            Iterations = operations,
            MinUs = Rounded(times.Min),
            MedianUs = Rounded(times.Median),
            P99Us = Rounded(times.P99),
            AlgbwGbps = Rounded(bandwidth, 6),
            BusbwGbps = Rounded(bandwidth * one.Operation.BusFactor(job.Ranks), 6),
            CpuUs = Rounded(measurement.CpuMicroseconds / operations),
            Errors = measurement.Errors,
        };
    }

    // Nanoseconds, and kilobytes per second.
    private static double Rounded(double value, int digits = 3) => Math.Round(value, digits);
}
