using System.Diagnostics.CodeAnalysis;

namespace NativeCollectives;

/// <summary>Finds the caller's mistakes before any byte moves.</summary>
internal static class Check
{
    internal const string AsManyAsInput = "as many as the input";
    internal const string InputTimesSize = "those of the input for each rank of the group";
    internal const string OutputTimesSize = "those of the output for each rank of the group";
    internal const string InputJoined = "that of the inputs joined along axis 0";
    internal const string OutputJoined = "that of the outputs joined along axis 0";
    internal const string SumOfCounts = "the sum of the counts";
    internal const string OwnCount = "the own rank's count";

    /// <summary>A buffer has as many elements as the operation needs.</summary>
    internal static void Length(string parameterName, long actual, long expected, string because)
    {
        if (actual != expected)
        {
            throw new ArgumentException(
                $"{parameterName} has {actual} elements, but should have {expected}: {because}.",
                parameterName
            );
        }
    }

    /// <summary>A buffer can be divided into equal blocks.</summary>
    internal static long Divide(string parameterName, long length, int ranks) =>
        length % ranks == 0
            ? length / ranks
            : throw new ArgumentException(
                $"{parameterName} has {length} elements, which cannot be divided among the {ranks} ranks.",
                parameterName
            );

    /// <summary>A number of elements for each of some blocks, all of which fit in memory.</summary>
    internal static void Count(long count, int blocks, CollectiveDataType type)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (count > long.MaxValue / ElementType.SizeOf(type) / blocks)
        {
            throw new ArgumentOutOfRangeException(
                nameof(count),
                count,
                $"{count} elements for each of {blocks} blocks are more than memory can hold."
            );
        }
    }

    /// <summary>A native buffer that is used is there.</summary>
    internal static unsafe void NotNull(string parameterName, void* buffer, long bytes)
    {
        if (buffer is null && bytes > 0)
        {
            throw new ArgumentNullException(parameterName);
        }
    }

    /// <summary>An operator that the elements have.</summary>
    internal static void Operator(ReduceOp op, CollectiveDataType type)
    {
        if (!(op is >= ReduceOp.Sum and <= ReduceOp.BitwiseXor))
        {
            throw new ArgumentOutOfRangeException(nameof(op), op, "This is not a reduction operator.");
        }

        if (op == ReduceOp.Average && type == CollectiveDataType.Boolean)
        {
            throw new ArgumentException("There is no average of bool.", nameof(op));
        }

        if (op >= ReduceOp.BitwiseAnd && type > CollectiveDataType.UInt64)
        {
            throw new ArgumentException($"{op} is of integers and bool, not of {type}.", nameof(op));
        }
    }

    /// <summary>A rank of the group.</summary>
    internal static void Root(int root, int ranks)
    {
        if ((uint)root >= (uint)ranks)
        {
            throw new ArgumentOutOfRangeException(
                nameof(root),
                root,
                $"The root should be a rank of the group, from 0 to {ranks - 1}."
            );
        }
    }

    /// <summary>A rank of the group other than the own one.</summary>
    internal static void Peer(string parameterName, int peer, int ownRank, int ranks)
    {
        if (ranks == 1)
        {
            throw new ArgumentException(
                $"A group of one has no other rank that could be the {parameterName}.",
                parameterName
            );
        }

        if ((uint)peer >= (uint)ranks)
        {
            throw new ArgumentOutOfRangeException(
                parameterName,
                peer,
                $"The {parameterName} should be a rank of the group, from 0 to {ranks - 1}."
            );
        }

        if (peer == ownRank)
        {
            throw new ArgumentException(
                $"The {parameterName} is {peer}, the own rank, but should be another one.",
                parameterName
            );
        }
    }

    /// <summary>Two tensors of the same shape.</summary>
    internal static void SameShape(string parameterName, ReadOnlySpan<nint> actual, ReadOnlySpan<nint> expected)
    {
        if (!actual.SequenceEqual(expected))
        {
            ThrowShape(parameterName, actual, expected, "that of the input");
        }
    }

    /// <summary>A tensor of the shape that a row of tensors has when they are joined along axis 0.</summary>
    internal static void Joined(
        string parameterName,
        ReadOnlySpan<nint> actual,
        ReadOnlySpan<nint> part,
        int ranks,
        string because
    )
    {
        // A tensor without axes is an empty one.
        bool fits = part.IsEmpty
            ? actual.IsEmpty || actual is [0]
            : actual.Length == part.Length && actual[0] == part[0] * ranks && actual[1..].SequenceEqual(part[1..]);
        if (!fits)
        {
            ThrowShape(parameterName, actual, Join(part, ranks), because);
        }
    }

    /// <summary>A tensor that can be divided along axis 0.</summary>
    internal static nint DivideRows(string parameterName, ReadOnlySpan<nint> lengths, int ranks) =>
        !lengths.IsEmpty && lengths[0] % ranks == 0
            ? lengths[0] / ranks
            : throw new ArgumentException(
                $"{parameterName} has the shape {Describe(lengths)}, which cannot be divided along axis 0 among the "
                    + $"{ranks} ranks.",
                parameterName
            );

    /// <summary>The shape of one of the equal parts of a tensor that is divided along axis 0.</summary>
    internal static nint[] DivideAll(string parameterName, ReadOnlySpan<nint> lengths, int ranks)
    {
        nint rows = DivideRows(parameterName, lengths, ranks);
        nint[] part = lengths.ToArray();
        part[0] = rows;
        return part;
    }

    /// <summary>Two tensors that differ at most in their lengths along axis 0.</summary>
    internal static void SameRows(string parameterName, ReadOnlySpan<nint> actual, ReadOnlySpan<nint> expected)
    {
        if (actual.Length != expected.Length || (!actual.IsEmpty && !actual[1..].SequenceEqual(expected[1..])))
        {
            ThrowShape(parameterName, actual, expected, "that of the input but for the length along axis 0");
        }
    }

    /// <summary>Elements of one row of a tensor, along axis 0.</summary>
    internal static long Row(ReadOnlySpan<nint> lengths)
    {
        long elements = 1;
        foreach (nint length in lengths.IsEmpty ? lengths : lengths[1..])
        {
            elements *= length;
        }

        return elements;
    }

    /// <summary>The shape that a row of tensors has when they are joined along axis 0.</summary>
    internal static nint[] Join(ReadOnlySpan<nint> part, int ranks)
    {
        nint[] joined = part.IsEmpty ? [0] : part.ToArray();
        joined[0] *= ranks;
        return joined;
    }

    [DoesNotReturn]
    private static void ThrowShape(
        string parameterName,
        ReadOnlySpan<nint> actual,
        ReadOnlySpan<nint> expected,
        string because
    ) =>
        throw new ArgumentException(
            $"{parameterName} has the shape {Describe(actual)}, but should have {Describe(expected)}: {because}.",
            parameterName
        );

    private static string Describe(ReadOnlySpan<nint> lengths) => $"[{string.Join(", ", lengths.ToArray())}]";
}
