namespace NativeCollectives.Worker.Reference;

/// <summary>
/// In which order MLX's ring combines the operands of one element of an all-reduce (wire specification, sections 5 and
/// 9).
/// </summary>
public readonly record struct RingOrder(int Size, int Sockets, long Count, int ItemSize)
{
    private const long SliceBytes = 262144;

    /// <summary>
    /// The rank whose operand comes first, and the step to the next: the chain is first, first - step, first - 2 step,
    /// … (modulo the size).
    /// </summary>
    public (int First, int Direction) Of(long index)
    {
        if (Count < Size)
        {
            // Fewer elements than ranks: one slice of exactly n elements that travels to higher ranks.
            return ((int)index, -1);
        }
        var (slice, segment, _) = Place(index);
        return ((int)segment, slice % 2 == 0 ? 1 : -1);
    }

    /// <summary>Up to which index the order is that of <paramref name="index"/>.</summary>
    public long EndOfSegment(long index) => Count < Size ? index + 1 : Place(index).End;

    private (long Slice, long Segment, long End) Place(long index)
    {
        var slices = Math.Max(1, Math.Min(2L * Sockets, Count * ItemSize / (Size * SliceBytes)));
        var step = CeilDivide(Count, slices);
        var slice = index / step;
        var length = Math.Min(Count - (slice * step), step);
        var piece = CeilDivide(length, Size);
        var segment = (index - (slice * step)) / piece;
        return (slice, segment, (slice * step) + Math.Min(length, (segment + 1) * piece));
    }

    private static long CeilDivide(long a, long b) => (a + b - 1) / b;
}
