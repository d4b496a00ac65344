namespace NativeCollectives.Worker.Reference;

/// <summary>What each operation gives, element by element, from its definition.</summary>
public static class Definitions
{
    /// <summary>own ← f(own, incoming): ties and unordered pairs keep the own value.</summary>
    public static T Combine<T, TElement>(ReduceOp op, T own, T incoming)
        where T : unmanaged
        where TElement : IElement<T> =>
        op switch
        {
            ReduceOp.Sum or ReduceOp.Average => TElement.Sum(own, incoming),
            ReduceOp.Product => TElement.Product(own, incoming),
            ReduceOp.Max => TElement.Less(own, incoming) ? incoming : own,
            ReduceOp.Min => TElement.Less(incoming, own) ? incoming : own,
            _ => throw new ArgumentOutOfRangeException(nameof(op)),
        };

    /// <summary>The all-reduce of one operand per rank, combined in the ring's order.</summary>
    public static T[] AllReduce<T, TElement>(T[][] operands, ReduceOp op, int sockets)
        where T : unmanaged
        where TElement : IElement<T>
    {
        var size = operands.Length;
        var result = new T[operands[0].Length];
        var order = new RingOrder(size, sockets, result.Length, System.Runtime.CompilerServices.Unsafe.SizeOf<T>());
        var chain = new T[size][];
        for (var i = 0; i < result.Length; )
        {
            var (first, direction) = order.Of(i);
            for (var hop = 0; hop < size; hop++)
            {
                chain[hop] = operands[(((first - (hop * direction)) % size) + size) % size];
            }
            for (var end = order.EndOfSegment(i); i < end; i++)
            {
                var partial = chain[0][i];
                for (var hop = 1; hop < chain.Length; hop++)
                {
                    partial = Combine<T, TElement>(op, chain[hop][i], partial);
                }
                result[i] = op == ReduceOp.Average ? TElement.Divide(partial, size) : partial;
            }
        }
        return result;
    }

    /// <summary>The reduction in rank order: for operands whose result does not depend on the order.</summary>
    public static T[] Reduce<T, TElement>(T[][] operands, ReduceOp op)
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

    /// <summary>The operands one behind the other.</summary>
    public static T[] Concatenate<T>(IEnumerable<T[]> operands)
    {
        var parts = operands.ToList();
        var whole = new T[parts.Sum(part => part.Length)];
        var at = 0;
        foreach (var part in parts)
        {
            part.CopyTo(whole, at);
            at += part.Length;
        }
        return whole;
    }

    /// <summary>Sums of the lengths before each block.</summary>
    public static int[] Offsets(ReadOnlySpan<int> counts)
    {
        var offsets = new int[counts.Length + 1];
        for (var i = 0; i < counts.Length; i++)
        {
            offsets[i + 1] = offsets[i] + counts[i];
        }
        return offsets;
    }
}
