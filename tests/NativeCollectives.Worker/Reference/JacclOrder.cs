namespace NativeCollectives.Worker.Reference;

/// <summary>
/// In which order MLX's JACCL combines the operands of an all-reduce (wire specification, sections 7 to 9).
/// </summary>
public static class JacclOrder
{
    /// <summary>
    /// Up to here an all-reduce is one exchange of whole operands in a mesh, and goes one way round over one wire in a
    /// ring.
    /// </summary>
    public const int OnePhaseBytes = 32768;

    /// <summary>
    /// a: what was combined so far, b: what comes to it. Of two that are equal, or are both not a number, it is b.
    /// </summary>
    public static T Combine<T, TElement>(ReduceOp op, T a, T b)
        where T : unmanaged
        where TElement : IElement<T> =>
        op switch
        {
            ReduceOp.Sum or ReduceOp.Average => TElement.Sum(a, b),
            ReduceOp.Product => TElement.Product(a, b),
            // Among ranks of ours only, as tests have it.
            ReduceOp.Max or ReduceOp.Min when TElement.IsNaN(a) || TElement.IsNaN(b) => TElement.WinningNaN(
                TElement.IsNaN(b) ? b : a
            ),
            ReduceOp.Max => TElement.Less(b, a) ? a : b,
            ReduceOp.Min => TElement.Less(a, b) ? a : b,
            _ => throw new ArgumentOutOfRangeException(nameof(op)),
        };

    /// <summary>In a mesh every rank combines all operands, from rank 0 to the last.</summary>
    public static T[] AllReduceOfMesh<T, TElement>(T[][] operands, ReduceOp op)
        where T : unmanaged
        where TElement : IElement<T>
    {
        var result = new T[operands[0].Length];
        for (var i = 0; i < result.Length; i++)
        {
            var value = operands[0][i];
            for (var rank = 1; rank < operands.Length; rank++)
            {
                value = Combine<T, TElement>(op, value, operands[rank][i]);
            }
            result[i] = op == ReduceOp.Average ? TElement.Divide(value, operands.Length) : value;
        }
        return result;
    }

    /// <summary>
    /// In a ring chunk k starts as rank k's, and every rank that it comes to combines its own operand with it.
    /// </summary>
    public static T[] AllReduceOfRing<T, TElement>(T[][] operands, ReduceOp op, int wires)
        where T : unmanaged
        where TElement : IElement<T>
    {
        var size = operands.Length;
        var result = new T[operands[0].Length];
        var item = System.Runtime.CompilerServices.Unsafe.SizeOf<T>();
        var chain = new T[size][];
        var last = (First: -1, Direction: 0);
        for (var i = 0; i < result.Length; i++)
        {
            var order = OfRing(size, wires, result.Length, item, i);
            if (order != last)
            {
                last = order;
                for (var hop = 0; hop < size; hop++)
                {
                    chain[hop] = operands[(order.First + (hop * order.Direction) + (size * hop)) % size];
                }
            }
            var partial = chain[0][i];
            for (var hop = 1; hop < chain.Length; hop++)
            {
                partial = Combine<T, TElement>(op, chain[hop][i], partial);
            }
            result[i] = op == ReduceOp.Average ? TElement.Divide(partial, size) : partial;
        }
        return result;
    }

    /// <summary>The rank whose operand comes first, and the step to the next.</summary>
    public static (int First, int Direction) OfRing(int size, int wires, long count, int itemSize, long index)
    {
        var isSmall = count * itemSize <= OnePhaseBytes || count < 2L * size * wires;
        var (directions, used) = isSmall ? (1, 1) : (2, wires);
        var chunk = CeilDivide(count, size);
        var slice = CeilDivide(chunk, directions * used);
        var direction = index % chunk / slice / used;
        return ((int)(index / chunk), direction == 0 ? 1 : -1);
    }

    private static long CeilDivide(long a, long b) => (a + b - 1) / b;
}
