using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace NativeCollectives;

/// <summary>
/// The lengths of the ranks' blocks, checked and as the native library takes them; without an allocation for up to 64
/// ranks.
/// </summary>
internal ref struct BlockCounts
{
    private const int Capacity = 64;

    private Inline _inline;
    private ulong[]? _rented;
    private int _count;

    /// <summary>The counts of a rank that needs none.</summary>
    internal static BlockCounts None => default;

    /// <summary>Elements of all blocks.</summary>
    internal long Total { get; private set; }

    /// <summary>The blocks' lengths, by rank.</summary>
    [UnscopedRef]
    internal readonly ReadOnlySpan<ulong> Values =>
        _rented is null ? ((ReadOnlySpan<ulong>)_inline)[.._count] : _rented.AsSpan(0, _count);

    /// <summary>Takes the lengths over.</summary>
    /// <param name="counts">One length per rank.</param>
    /// <param name="ranks">The group's size.</param>
    /// <param name="type">The element type.</param>
    /// <param name="parameterName">The name of the caller's parameter.</param>
    /// <param name="elements">How many elements one of what is counted has, such as a row of a tensor.</param>
    /// <exception cref="ArgumentException">
    /// There is not one length for each rank, one is negative, or all together are more than memory can hold.
    /// </exception>
    internal static BlockCounts Read(
        ReadOnlySpan<long> counts,
        int ranks,
        CollectiveDataType type,
        string parameterName,
        long elements
    )
    {
        if (counts.Length != ranks)
        {
            throw new ArgumentException(
                $"{parameterName} has {counts.Length} entries, but should have one for each of the {ranks} ranks.",
                parameterName
            );
        }

        Unsafe.SkipInit(out BlockCounts blocks);
        blocks._count = ranks;
        blocks._rented = ranks <= Capacity ? null : ArrayPool<ulong>.Shared.Rent(ranks);
        Span<ulong> values = blocks._rented ?? (Span<ulong>)blocks._inline;
        long limit = long.MaxValue / ElementType.SizeOf(type) / Math.Max(elements, 1);
        long total = 0;
        for (int rank = 0; rank < ranks; rank++)
        {
            long count = counts[rank];
            if (count < 0 || count > limit - total)
            {
                string mistake =
                    count < 0
                        ? $"[{rank}] is {count}, but lengths are not negative."
                        : " adds up to more than memory can hold.";
                throw new ArgumentException(parameterName + mistake, parameterName);
            }

            total += count;
            values[rank] = (ulong)(count * elements);
        }

        blocks.Total = total * elements;
        return blocks;
    }

    /// <summary>Elements of a rank's block.</summary>
    internal readonly long this[int rank] => (long)Values[rank];

    /// <summary>Elements of the blocks before a rank's own.</summary>
    internal readonly long Before(int rank)
    {
        ulong sum = 0;
        foreach (ulong count in Values[..rank])
        {
            sum += count;
        }

        return (long)sum;
    }

    public void Dispose()
    {
        if (_rented is not null)
        {
            ArrayPool<ulong>.Shared.Return(_rented);
            _rented = null;
        }
    }

    [InlineArray(Capacity)]
    private struct Inline
    {
        private ulong _first;
    }
}
