namespace NativeCollectives.Cli.Bench;

/// <summary>An operation as it is measured over several sizes.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="Type">The type of the elements.</param>
/// <param name="ReduceOp">How they are combined; <see langword="null"/>: they are not.</param>
/// <param name="Root">The root, for operations that have one.</param>
/// <param name="InPlace">Input and output share memory.</param>
/// <param name="Counts">The elements of a block, for every size.</param>
internal sealed record BenchmarkCase(
    BenchmarkOperation Operation,
    CollectiveDataType Type,
    ReduceOp? ReduceOp,
    int Root,
    bool InPlace,
    IReadOnlyList<long> Counts
)
{
    public int ElementSize => DataTypes.SizeOf(Type);

    /// <summary>The size in bytes for blocks of <paramref name="count"/> elements.</summary>
    public long Bytes(int ranks, long count) => Operation.Bytes(ranks, count, ElementSize);

    /// <summary>
    /// The bytes of a rank's input and output for the largest count; those of the first are for both if they share
    /// memory.
    /// </summary>
    public (long Input, long Output) BufferBytes(int ranks)
    {
        long largest = Counts.Max();
        long input = Operation.InputElements(ranks, largest) * ElementSize;
        long output = Operation.OutputElements(ranks, largest) * ElementSize;
        return InPlace ? (Math.Max(input, output), 0) : (input, output);
    }
}
