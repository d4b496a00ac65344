namespace NativeCollectives.Cli.Bench;

/// <summary>Which of an operation's forms are measured.</summary>
internal enum BufferForms
{
    Both,
    OutOfPlace,
    InPlace,
}

/// <summary>
/// What the user asked for. Lists that are empty, and what is <see langword="null"/>, are left to
/// <see cref="BenchPlan"/>.
/// </summary>
internal sealed record BenchOptions
{
    public required BackendKind Backend { get; init; }

    public required IReadOnlyList<BenchmarkOperation> Operations { get; init; }

    public required IReadOnlyList<CollectiveDataType> Types { get; init; }

    public required IReadOnlyList<ReduceOp> ReduceOps { get; init; }

    public required int Root { get; init; }

    public required BufferForms Forms { get; init; }

    /// <summary>Bytes, in the order in which they are measured.</summary>
    public required IReadOnlyList<long> Sizes { get; init; }

    /// <summary>Empty: the group that this process was launched in, or else a number that suits the machine.</summary>
    public required IReadOnlyList<int> Ranks { get; init; }

    /// <summary>Of the ring, between neighbours.</summary>
    public required IReadOnlyList<int> Connections { get; init; }

    /// <summary>Of JACCL.</summary>
    public required IReadOnlyList<VerbsTopology> Topologies { get; init; }

    /// <summary>Of JACCL's ring.</summary>
    public required IReadOnlyList<int> Wires { get; init; }

    /// <summary>JACCL's device matrix.</summary>
    public required string? DeviceFile { get; init; }

    /// <summary>RDMA devices of this machine, which all ranks use.</summary>
    public required IReadOnlyList<string> Devices { get; init; }

    public required string? VerbsLibrary { get; init; }

    public required string? NcclLibrary { get; init; }

    public required string? CudaLibrary { get; init; }

    /// <summary>Of NCCL: where the buffers lie.</summary>
    public required BufferMemory? Memory { get; init; }

    public required Pace Pace { get; init; }

    /// <summary>How long one measurement may take.</summary>
    public required TimeSpan Timeout { get; init; }

    public required string? Json { get; init; }

    public required string? Csv { get; init; }

    /// <summary>The sizes from the first to the last, each so many times the one before, or so much more.</summary>
    public static IEnumerable<long> SizesOf(long first, long last, long factor, long step)
    {
        for (long size = first; size <= last; size = step > 0 ? size + step : size * factor)
        {
            yield return size;
            if (step <= 0 && size > long.MaxValue / factor)
            {
                yield break;
            }
        }
    }

    /// <summary>What these options have measured with a number of ranks, and why not everything.</summary>
    /// <param name="ranks">The number of ranks.</param>
    /// <param name="leftOut">Is told what is left out, in a sentence.</param>
    public IReadOnlyList<BenchmarkCase> Cases(int ranks, Action<string> leftOut)
    {
        List<BenchmarkCase> cases = [];
        foreach (BenchmarkOperation operation in Operations)
        {
            if (ranks < operation.MinRanks)
            {
                leftOut($"{operation.Name} needs at least {operation.MinRanks} ranks.");
                continue;
            }

            if (Forms == BufferForms.InPlace && operation.InPlace == InPlaceForm.None)
            {
                leftOut($"{operation.Name} has no in-place form.");
                continue;
            }

            // What moves no data is the same for every type.
            foreach (CollectiveDataType type in operation.MovesData ? Types : Types.Take(1))
            {
                foreach (ReduceOp? op in operation.Reduces ? ReduceOps.Select(op => (ReduceOp?)op) : [null])
                {
                    if (op is { } defined && !Bench.ReduceOps.IsDefined(defined, type))
                    {
                        leftOut($"There is no {Bench.ReduceOps.NameOf(defined)} of {DataTypes.NameOf(type)}.");
                        continue;
                    }

                    cases.AddRange(
                        from count in operation.Counts(ranks, Sizes, DataTypes.SizeOf(type))
                        from inPlace in FormsOf(operation)
                        select new BenchmarkCase(operation, type, op, operation.HasRoot ? Root : 0, inPlace, [count])
                    );
                }
            }
        }

        return cases;
    }

    // Separate buffers first.
    private IReadOnlyList<bool> FormsOf(BenchmarkOperation operation) =>
        operation.InPlace switch
        {
            InPlaceForm.Always => [true],
            InPlaceForm.None => [false],
            _ when Forms == BufferForms.OutOfPlace => [false],
            _ when Forms == BufferForms.InPlace => [true],
            _ => [false, true],
        };
}

/// <summary>Where the operations' buffers lie.</summary>
internal enum BufferMemory
{
    Host,
    Device,
}
