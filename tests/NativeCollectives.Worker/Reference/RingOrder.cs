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
        var slices = Math.Max(1, Math.Min(2L * Sockets, Count * ItemSize / (Size * SliceBytes)));
        var step = CeilDivide(Count, slices);
        var slice = index / step;
        var length = Math.Min(Count - (slice * step), step);
        var segment = (index - (slice * step)) / CeilDivide(length, Size);
        return ((int)segment, slice % 2 == 0 ? 1 : -1);
    }

    private static long CeilDivide(long a, long b) => (a + b - 1) / b;
}
