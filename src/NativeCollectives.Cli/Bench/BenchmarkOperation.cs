namespace NativeCollectives.Cli.Bench;

/// <summary>
/// What there is to know about an operation. A rank's input and output are one block or one block per rank; the size of
/// an operation is, as in nccl-tests, that of the larger of the two.
/// </summary>
internal sealed record BenchmarkOperation
{
    /// <summary>The operations of <c>all-reduces</c> and <c>all-reduce-batch</c>.</summary>
    public const int Parts = 8;

    private BenchmarkOperation() { }

    public required CollectiveKind Kind { get; init; }

    public required string Name { get; init; }

    /// <summary>Where a block of a rank's output comes from.</summary>
    public required SourceOfBlock Source { get; init; }

    /// <summary>
    /// What the bytes that must pass through one link amount to, as a multiple of the size: nccl-tests' factor between
    /// algorithm and bus bandwidth, for a number of ranks.
    /// </summary>
    public required Func<int, double> BusFactor { get; init; }

    /// <summary>The input is one block per rank.</summary>
    public bool InputPerRank { get; init; }

    /// <summary>The output is one block per rank.</summary>
    public bool OutputPerRank { get; init; }

    /// <summary>It combines elements.</summary>
    public bool Reduces { get; init; }

    /// <summary>One rank plays a part of its own.</summary>
    public bool HasRoot { get; init; }

    /// <summary>Only the root gives something.</summary>
    public bool InputAtRoot { get; init; }

    /// <summary>Only the root gets a result.</summary>
    public bool ResultAtRoot { get; init; }

    public InPlaceForm InPlace { get; init; }

    public bool MovesData { get; init; } = true;

    public int MinRanks { get; init; } = 1;

    /// <summary>
    /// The block of <paramref name="count"/> elements with the number <paramref name="block"/> in a rank's output.
    /// </summary>
    public delegate BlockSource SourceOfBlock(int rank, int ranks, int root, int block, long count);

    public long InputElements(int ranks, long count) => InputPerRank ? ranks * count : count;

    public long OutputElements(int ranks, long count) => OutputPerRank ? ranks * count : count;

    /// <summary>
    /// The size for blocks of <paramref name="count"/> elements of <paramref name="elementSize"/> bytes.
    /// </summary>
    public long Bytes(int ranks, long count, int elementSize) =>
        MovesData ? elementSize * Math.Max(InputElements(ranks, count), OutputElements(ranks, count)) : 0;

    /// <summary>
    /// The elements of a block, for a size of about <paramref name="bytes"/>: rounded down, but one at least.
    /// </summary>
    public long Count(int ranks, long bytes, int elementSize) =>
        MovesData ? Math.Max(1, bytes / Bytes(ranks, 1, elementSize)) : 0;

    /// <summary>The counts for these sizes, each once.</summary>
    public IReadOnlyList<long> Counts(int ranks, IEnumerable<long> sizes, int elementSize) =>
        [.. (MovesData ? sizes : [0]).Select(bytes => Count(ranks, bytes, elementSize)).Distinct()];

    private static double Once(int ranks) => 1;

    private static double FromOthers(int ranks) => (ranks - 1.0) / ranks;

    public static IReadOnlyList<BenchmarkOperation> All { get; } =
    [
        new()
        {
            Kind = CollectiveKind.AllReduce,
            Name = "all-reduce",
            Source = (_, _, _, _, _) => new(null, 0),
            BusFactor = ranks => 2 * FromOthers(ranks),
            Reduces = true,
            InPlace = InPlaceForm.Same,
        },
        new()
        {
            // As many all-reduces as Parts says, each of its part of the buffers: by as many calls, and by one batch.
            Kind = CollectiveKind.AllReduces,
            Name = "all-reduces",
            Source = (_, _, _, _, _) => new(null, 0),
            BusFactor = ranks => 2 * FromOthers(ranks),
            Reduces = true,
            InPlace = InPlaceForm.Same,
        },
        new()
        {
            Kind = CollectiveKind.AllReduceBatch,
            Name = "all-reduce-batch",
            Source = (_, _, _, _, _) => new(null, 0),
            BusFactor = ranks => 2 * FromOthers(ranks),
            Reduces = true,
            InPlace = InPlaceForm.Same,
        },
        new()
        {
            Kind = CollectiveKind.AllGather,
            Name = "all-gather",
            Source = (_, _, _, block, _) => new(block, 0),
            BusFactor = FromOthers,
            OutputPerRank = true,
            InPlace = InPlaceForm.InputInOutput,
        },
        new()
        {
            Kind = CollectiveKind.ReduceScatter,
            Name = "reduce-scatter",
            Source = (rank, _, _, _, count) => new(null, rank * count),
            BusFactor = FromOthers,
            InputPerRank = true,
            Reduces = true,
            InPlace = InPlaceForm.OutputInInput,
        },
        new()
        {
            Kind = CollectiveKind.Broadcast,
            Name = "broadcast",
            Source = (_, _, root, _, _) => new(root, 0),
            BusFactor = Once,
            HasRoot = true,
            InputAtRoot = true,
            InPlace = InPlaceForm.Always,
        },
        new()
        {
            Kind = CollectiveKind.Reduce,
            Name = "reduce",
            Source = (_, _, _, _, _) => new(null, 0),
            BusFactor = Once,
            Reduces = true,
            HasRoot = true,
            ResultAtRoot = true,
            InPlace = InPlaceForm.Same,
        },
        new()
        {
            Kind = CollectiveKind.Gather,
            Name = "gather",
            Source = (_, _, _, block, _) => new(block, 0),
            BusFactor = FromOthers,
            OutputPerRank = true,
            HasRoot = true,
            ResultAtRoot = true,
            InPlace = InPlaceForm.InputInOutput,
        },
        new()
        {
            Kind = CollectiveKind.Scatter,
            Name = "scatter",
            Source = (rank, _, root, _, count) => new(root, rank * count),
            BusFactor = FromOthers,
            InputPerRank = true,
            HasRoot = true,
            InputAtRoot = true,
            InPlace = InPlaceForm.OutputInInput,
        },
        new()
        {
            Kind = CollectiveKind.AllToAll,
            Name = "all-to-all",
            Source = (rank, _, _, block, count) => new(block, rank * count),
            BusFactor = FromOthers,
            InputPerRank = true,
            OutputPerRank = true,
        },
        new()
        {
            // To the right neighbour, from the left one.
            Kind = CollectiveKind.SendReceive,
            Name = "send-receive",
            Source = (rank, ranks, _, _, _) => new((rank + ranks - 1) % ranks, 0),
            BusFactor = Once,
            MinRanks = 2,
        },
        new()
        {
            Kind = CollectiveKind.Barrier,
            Name = "barrier",
            Source = (_, _, _, _, _) => default,
            BusFactor = Once,
            MovesData = false,
        },
    ];

    public static BenchmarkOperation Find(string name) => All.Single(operation => operation.Name == name);
}

/// <summary>Where a block of a result comes from.</summary>
/// <param name="Rank">The rank whose input it is; <see langword="null"/>: the inputs of all, combined.</param>
/// <param name="Start">The index in that input at which the block begins.</param>
internal readonly record struct BlockSource(int? Rank, long Start);

/// <summary>The operations that can be measured.</summary>
internal enum CollectiveKind
{
    AllReduce,
    AllReduces,
    AllReduceBatch,
    AllGather,
    ReduceScatter,
    Broadcast,
    Reduce,
    Gather,
    Scatter,
    AllToAll,
    SendReceive,
    Barrier,
}

/// <summary>How an operation shares memory between a rank's input and output, if it is to work in place.</summary>
internal enum InPlaceForm
{
    /// <summary>It cannot.</summary>
    None,

    /// <summary>Input and output are one buffer.</summary>
    Same,

    /// <summary>The same, and the operation has no other form.</summary>
    Always,

    /// <summary>The input is the own block of the output.</summary>
    InputInOutput,

    /// <summary>The output is the own block of the input.</summary>
    OutputInInput,
}
