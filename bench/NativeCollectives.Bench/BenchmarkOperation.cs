namespace NativeCollectives.Bench;

/// <summary>One operation on native buffers. <paramref name="count"/> is the elements of one block: see <see cref="BenchmarkOperation"/>.</summary>
internal unsafe delegate void OperationRunner(DistributedGroup group, float* input, float* output, long count);

/// <summary>One operation on device memory, as long as the operation has it. It takes its place on the stream, or without one has ended when it returns.</summary>
internal delegate void DeviceOperationRunner(DistributedGroup group, DeviceSpan<float> input, DeviceSpan<float> output, nint? stream);

/// <summary>The element that belongs at <paramref name="index"/> of a rank's output.</summary>
internal delegate float ExpectedElement(int rank, int ranks, long count, long index);

/// <summary>
/// Everything that the benchmark knows about an operation. A rank's input and output are one block or one block per rank; the size of an operation is, as in
/// nccl-tests, that of the larger of the two.
/// </summary>
internal sealed record BenchmarkOperation
{
    // A prime, so that a slice in the wrong place shows.
    private const int Period = 1021;

    public const int Root = 0;

    public required string Name { get; init; }

    public required OperationRunner Run { get; init; }

    public required DeviceOperationRunner RunOnDevice { get; init; }

    public required ExpectedElement Expected { get; init; }

    /// <summary>What the bytes that must pass through one link amount to, as a multiple of the size: nccl-tests' factor between algorithm and bus
    /// bandwidth.</summary>
    public required Func<int, double> BusFactor { get; init; }

    public bool InputPerRank { get; init; }

    public bool OutputPerRank { get; init; }

    /// <summary>Only the root gets a result.</summary>
    public bool ResultAtRoot { get; init; }

    public bool MayBeInPlace { get; init; }

    public bool AlwaysInPlace { get; init; }

    public bool MovesData { get; init; } = true;

    /// <summary>The fewest ranks that can do it through NCCL.</summary>
    public int MinNcclRanks { get; init; } = 1;

    public long InputElements(int ranks, long count) => InputPerRank ? ranks * count : count;

    public long OutputElements(int ranks, long count) => OutputPerRank ? ranks * count : count;

    public long Bytes(int ranks, long count) => sizeof(float) * Math.Max(InputElements(ranks, count), OutputElements(ranks, count));

    /// <summary>The elements of a block, for a size of about <paramref name="bytes"/>: rounded down, but one at least.</summary>
    public long Count(int ranks, long bytes) => MovesData ? Math.Max(1, bytes / Bytes(ranks, 1)) : 0;

    /// <summary>What a rank contributes: small integers, so that sums are exact in any order.</summary>
    public static float Element(int rank, long index) => rank + 1 + (index % Period);

    private static float Sum(int ranks, long index) => (ranks * (ranks + 1) / 2) + (ranks * (index % Period));

    private static int Left(DistributedGroup group) => (group.Rank + group.Size - 1) % group.Size;

    private static int Right(DistributedGroup group) => (group.Rank + 1) % group.Size;

    // A device may keep the sender until its receiver is there, be it a GPU or one for RDMA.
    private static bool ReceivesFirst(DistributedGroup group) => group.Backend != "ring" && group.Rank % 2 == 1;

    private static double Once(int ranks) => 1;

    private static double FromOthers(int ranks) => (ranks - 1.0) / ranks;

    public static unsafe IReadOnlyList<BenchmarkOperation> All { get; } =
    [
        new()
        {
            Name = "all-reduce",
            Run = static (group, input, output, count) => group.AllReduce(input, output, count, CollectiveDataType.Float32, ReduceOp.Sum),
            RunOnDevice = static (group, input, output, stream) => group.AllReduce(input, output, ReduceOp.Sum, stream),
            Expected = (_, ranks, _, index) => Sum(ranks, index),
            BusFactor = ranks => 2 * FromOthers(ranks),
            MayBeInPlace = true,
        },
        new()
        {
            Name = "all-gather",
            Run = static (group, input, output, count) => group.AllGather(input, output, count, CollectiveDataType.Float32),
            RunOnDevice = static (group, input, output, stream) => group.AllGather(input, output, stream),
            Expected = (_, _, count, index) => Element((int)(index / count), index % count),
            BusFactor = FromOthers,
            OutputPerRank = true,
        },
        new()
        {
            Name = "reduce-scatter",
            Run = static (group, input, output, count) => group.ReduceScatter(input, output, count, CollectiveDataType.Float32, ReduceOp.Sum),
            RunOnDevice = static (group, input, output, stream) => group.ReduceScatter(input, output, ReduceOp.Sum, stream),
            Expected = (rank, ranks, count, index) => Sum(ranks, (rank * count) + index),
            BusFactor = FromOthers,
            InputPerRank = true,
        },
        new()
        {
            Name = "broadcast",
            Run = static (group, _, output, count) => group.Broadcast(output, count, CollectiveDataType.Float32, Root),
            RunOnDevice = static (group, _, output, stream) => group.Broadcast(output, Root, stream),
            Expected = (_, _, _, index) => Element(Root, index),
            BusFactor = Once,
            MayBeInPlace = true,
            AlwaysInPlace = true,
        },
        new()
        {
            Name = "reduce",
            Run = static (group, input, output, count) => group.Reduce(input, output, count, CollectiveDataType.Float32, ReduceOp.Sum, Root),
            RunOnDevice = static (group, input, output, stream) => group.Reduce(input, output, ReduceOp.Sum, Root, stream),
            Expected = (_, ranks, _, index) => Sum(ranks, index),
            BusFactor = Once,
            ResultAtRoot = true,
        },
        new()
        {
            Name = "gather",
            Run = static (group, input, output, count) => group.Gather(input, output, count, CollectiveDataType.Float32, Root),
            RunOnDevice = static (group, input, output, stream) => group.Gather(input, output, Root, stream),
            Expected = (_, _, count, index) => Element((int)(index / count), index % count),
            BusFactor = FromOthers,
            OutputPerRank = true,
            ResultAtRoot = true,
        },
        new()
        {
            Name = "scatter",
            Run = static (group, input, output, count) => group.Scatter(input, output, count, CollectiveDataType.Float32, Root),
            RunOnDevice = static (group, input, output, stream) => group.Scatter(input, output, Root, stream),
            Expected = (rank, _, count, index) => Element(Root, (rank * count) + index),
            BusFactor = FromOthers,
            InputPerRank = true,
        },
        new()
        {
            Name = "all-to-all",
            Run = static (group, input, output, count) => group.AllToAll(input, output, count, CollectiveDataType.Float32),
            RunOnDevice = static (group, input, output, stream) => group.AllToAll(input, output, stream),
            Expected = (rank, _, count, index) => Element((int)(index / count), (rank * count) + (index % count)),
            BusFactor = FromOthers,
            InputPerRank = true,
            OutputPerRank = true,
        },
        new()
        {
            // To the right neighbour, from the left one.
            Name = "send-receive",
            Run = static (group, input, output, count) =>
            {
                if (ReceivesFirst(group))
                {
                    group.Receive(output, count, CollectiveDataType.Float32, Left(group));
                    group.Send(input, count, CollectiveDataType.Float32, Right(group));
                }
                else
                {
                    group.Send(input, count, CollectiveDataType.Float32, Right(group));
                    group.Receive(output, count, CollectiveDataType.Float32, Left(group));
                }
            },
            RunOnDevice = static (group, input, output, stream) =>
            {
                if (ReceivesFirst(group))
                {
                    group.Receive(output, Left(group), stream);
                    group.Send(input, Right(group), stream);
                }
                else
                {
                    group.Send(input, Right(group), stream);
                    group.Receive(output, Left(group), stream);
                }
            },
            Expected = (rank, ranks, _, index) => Element((rank + ranks - 1) % ranks, index),
            BusFactor = Once,
            MinNcclRanks = 2,
        },
        new()
        {
            Name = "barrier",
            Run = static (group, _, _, _) => group.Barrier(),
            RunOnDevice = static (group, _, _, _) => group.Barrier(),
            Expected = (_, _, _, _) => 0,
            BusFactor = Once,
            MovesData = false,
        },
    ];

    public static BenchmarkOperation Find(string name) => All.Single(operation => operation.Name == name);
}
