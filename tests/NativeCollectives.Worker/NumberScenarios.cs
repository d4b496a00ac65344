using System.Numerics;
using System.Runtime.InteropServices;
using NativeCollectives.Worker.Reference;

namespace NativeCollectives.Worker;

/// <summary>What becomes of NaNs in maxima and minima, and of averages at the edges of their types.</summary>
internal static class NumberScenarios
{
    public static Dictionary<string, Action<Scenario>> All { get; } =
        new()
        {
            ["nan_reduce"] = scenario =>
                EachType(scenario.Group, NaNsInReduce, NaNsInReduce, NaNsInReduce, NaNsInReduce, NaNsInReduce),
            ["nan_reduce_scatter"] = scenario =>
                EachType(
                    scenario.Group,
                    NaNsInReduceScatter,
                    NaNsInReduceScatter,
                    NaNsInReduceScatter,
                    NaNsInReduceScatter,
                    NaNsInReduceScatter
                ),
            ["nan_all_reduce"] = scenario =>
                EachType(
                    scenario.Group,
                    NaNsInAllReduce,
                    NaNsInAllReduce,
                    NaNsInAllReduce,
                    NaNsInAllReduce,
                    NaNsInAllReduce
                ),
            ["nan_all_reduce_split"] = NaNsInASplitGroup,
            ["nan_all_reduce_mlx"] = NaNsByTheRuleOfMlx,
            ["average_half"] = AverageOfHalves,
            ["average_integers"] = AverageOfIntegers,
            ["average_floats"] = AverageOfFloats,
            ["average_special"] = AverageOfSpecialNumbers,
            ["average_many"] = AverageOfMany,
            ["average_uneven"] = AverageOfUnevenBlocks,
        };

    private const int Count = 4096;

    // ---- NaN in max and min -----------------------------------------------------------------------------------------

    private sealed record Kind<T>(string Name, Func<int, T> Number, T NaN, Func<T, bool> IsNaN);

    private static readonly Kind<float> _single = new("float", i => i, float.NaN, float.IsNaN);
    private static readonly Kind<double> _double = new("double", i => i, double.NaN, double.IsNaN);
    private static readonly Kind<Half> _half = new("Half", i => (Half)(i % 1000), Half.NaN, Half.IsNaN);
    private static readonly Kind<BFloat16> _bfloat = new(
        "BFloat16",
        i => (BFloat16)(float)(i % 200),
        BFloat16.NaN,
        BFloat16.IsNaN
    );

    // Either part makes it one, also where the real parts can be ordered.
    private static readonly Kind<Complex64> _complex = new(
        "Complex64",
        i => new Complex64(i, -i),
        new Complex64(3, float.NaN),
        value => float.IsNaN(value.Real) || float.IsNaN(value.Imaginary)
    );

    private static void EachType(
        DistributedGroup group,
        Action<DistributedGroup, Kind<float>> ofFloat,
        Action<DistributedGroup, Kind<double>> ofDouble,
        Action<DistributedGroup, Kind<Half>> ofHalf,
        Action<DistributedGroup, Kind<BFloat16>> ofBFloat16,
        Action<DistributedGroup, Kind<Complex64>> ofComplex
    )
    {
        ofFloat(group, _single);
        ofDouble(group, _double);
        ofHalf(group, _half);
        ofBFloat16(group, _bfloat);
        ofComplex(group, _complex);
    }

    // Element i is a NaN on rank i mod (size + 1): at each place on one rank, or on none.
    private static T[] WithNaNs<T>(DistributedGroup group, Kind<T> kind, int rank, int count) =>
        [.. Enumerable.Range(0, count).Select(i => i % (group.Size + 1) == rank ? kind.NaN : kind.Number(i + rank))];

    private static bool HasNaN(DistributedGroup group, int element) => element % (group.Size + 1) < group.Size;

    private static void Check<T>(
        DistributedGroup group,
        Kind<T> kind,
        ReadOnlySpan<T> result,
        ReduceOp op,
        int first = 0
    )
        where T : unmanaged
    {
        for (var i = 0; i < result.Length; i++)
        {
            var element = first + i;
            var expected = kind.Number(element + (op == ReduceOp.Max ? group.Size - 1 : 0));
            var isNaN = kind.IsNaN(result[i]);
            // Small numbers wrap around in the 16-bit types: there any of the ranks' may be the extreme.
            var candidates = Enumerable.Range(0, group.Size).Select(rank => kind.Number(element + rank));
            Scenario.True(isNaN == HasNaN(group, element), $"{op} of {kind.Name}, element {element}: {result[i]}");
            Scenario.True(
                isNaN || candidates.Contains(result[i]) || EqualityComparer<T>.Default.Equals(result[i], expected),
                $"{op} of {kind.Name}, element {element}: {result[i]}, expected {expected}"
            );
        }
    }

    // All ranks have the same bits.
    private static void SameEverywhere<T>(DistributedGroup group, ReadOnlySpan<T> result, string what)
        where T : unmanaged
    {
        ReadOnlySpan<byte> own = MemoryMarshal.AsBytes(result);
        var all = group.AllGather(own);
        for (var rank = 0; rank < group.Size; rank++)
        {
            Scenario.Same(all.AsSpan(rank * own.Length, own.Length), own, $"{what}, the bits of rank {rank}");
        }
    }

    private static void NaNsInReduce<T>(DistributedGroup group, Kind<T> kind)
        where T : unmanaged
    {
        for (var root = 0; root < group.Size; root++)
        {
            foreach (var op in new[] { ReduceOp.Max, ReduceOp.Min })
            {
                var result = new T[Count];
                group.Reduce<T>(WithNaNs(group, kind, group.Rank, Count), result, root, op);
                if (group.Rank == root)
                {
                    Check<T>(group, kind, result, op);
                }
            }
        }
    }

    private static void NaNsInReduceScatter<T>(DistributedGroup group, Kind<T> kind)
        where T : unmanaged
    {
        foreach (var op in new[] { ReduceOp.Max, ReduceOp.Min })
        {
            var own = new T[Count / 4];
            group.ReduceScatter<T>(WithNaNs(group, kind, group.Rank, own.Length * group.Size), own, op);
            Check<T>(group, kind, own, op, first: group.Rank * own.Length);

            long[] counts = [.. Enumerable.Range(0, group.Size).Select(rank => 100 * rank)];
            var part = new T[counts[group.Rank]];
            group.ReduceScatter<T>(WithNaNs(group, kind, group.Rank, (int)counts.Sum()), part, counts, op);
            Check<T>(group, kind, part, op, first: (int)counts[..group.Rank].Sum());
        }
    }

    private static void NaNsInAllReduce<T>(DistributedGroup group, Kind<T> kind)
        where T : unmanaged
    {
        // Few elements, one exchange, and several phases.
        foreach (var count in new[] { 1, 2, 5, Count, 20_000 })
        {
            foreach (var op in new[] { ReduceOp.Max, ReduceOp.Min })
            {
                var values = WithNaNs(group, kind, group.Rank, count);
                group.AllReduce<T>(values, op);
                Check<T>(group, kind, values, op);
                SameEverywhere<T>(group, values, $"{op} of {kind.Name}");
            }
        }
    }

    private static void NaNsInASplitGroup(Scenario scenario)
    {
        // A group of all of the ranks, in another order: all known to be ours.
        using var part = scenario.Group.Split(color: 0, key: scenario.Size - scenario.Rank);
        EachType(part, NaNsInAllReduce, NaNsInAllReduce, NaNsInAllReduce, NaNsInAllReduce, NaNsInAllReduce);
    }

    private static void NaNsByTheRuleOfMlx(Scenario scenario)
    {
        var group = scenario.Group;
        foreach (var op in new[] { ReduceOp.Max, ReduceOp.Min })
        {
            float[][] operands =
            [
                .. Enumerable.Range(0, group.Size).Select(rank => WithNaNs(group, _single, rank, Count)),
            ];
            var result = operands[group.Rank].ToArray();
            group.AllReduce<float>(result, op);
            Scenario.Same<float>(
                result,
                Definitions.AllReduce<float, FloatElement<float>>(operands, op, scenario.Command.Sockets),
                $"{op} as MLX's ranks have it"
            );
        }
        // One rank's alone: it is kept where that rank is the last to combine, which it is for a part of the elements.
        var mine = Enumerable.Repeat(group.Rank == 0 ? float.NaN : 1f, Count).ToArray();
        group.AllMax(mine);
        var kept = mine.Count(float.IsNaN);
        Scenario.True(kept > 0 && kept < Count, $"{kept} NaNs of {Count} were kept");
    }

    // ---- averages ---------------------------------------------------------------------------------------------------

    // The average of what each rank gives, by all operations there are: in place and not, and the input stays what it
    // was.
    private static void Averages<T>(
        DistributedGroup group,
        Func<int, T> ofRank,
        T expected,
        string what,
        Func<T, bool>? isRight = null
    )
        where T : unmanaged, IEquatable<T>
    {
        isRight ??= value => value.Equals(expected);
        void Right(ReadOnlySpan<T> values, string how)
        {
            foreach (var value in values)
            {
                Scenario.True(isRight(value), $"average of {what} by {how} is {value}, expected is {expected}");
            }
        }

        var mine = ofRank(group.Rank);
        foreach (var count in new[] { 1, group.Size, 37 })
        {
            var input = Enumerable.Repeat(mine, count * group.Size).ToArray();
            var output = new T[input.Length];
            group.AllReduce<T>(input, output, ReduceOp.Average);
            Right(output, "AllReduce");
            Right(group.Rank == 0 ? output : [], "AllReduce");
            for (var root = 0; root < group.Size; root++)
            {
                Array.Clear(output);
                group.Reduce<T>(input, output, root, ReduceOp.Average);
                Right(group.Rank == root ? output : [], "Reduce");
            }
            var own = new T[count];
            group.ReduceScatter<T>(input, own, ReduceOp.Average);
            Right(own, "ReduceScatter");
            Scenario.True(
                input.All(value => EqualityComparer<T>.Default.Equals(value, mine)),
                $"average of {what}: the input has changed"
            );

            group.AllReduce<T>(input, ReduceOp.Average);
            Right(input, "AllReduce in place");
            SameEverywhere<T>(group, input, $"average of {what}");
        }
    }

    private static void AverageOfHalves(Scenario scenario)
    {
        var group = scenario.Group;
        Averages(group, _ => (Half)40_000, (Half)40_000, "Half 40000");
        Averages(group, _ => Half.MaxValue, Half.MaxValue, "Half.MaxValue");
        Averages(
            group,
            rank => rank == 0 ? Half.MinValue : Half.MaxValue,
            (Half)(65504.0 * (group.Size - 2) / group.Size),
            "Half.MaxValue but one"
        );
        // Rounded once, so that tiny ones are not lost on the way.
        Averages(group, _ => (Half)1e-6f, (Half)1e-6f, "Half 1e-6");
        Averages(group, _ => Half.Epsilon, Half.Epsilon, "Half.Epsilon");
    }

    private static void AverageOfIntegers(Scenario scenario)
    {
        var group = scenario.Group;
        OfInteger<sbyte>(group);
        OfInteger<byte>(group);
        OfInteger<int>(group);
        OfInteger<uint>(group);
        OfInteger<long>(group);
        OfInteger<ulong>(group);
        if (group.Backend != BackendKind.Nccl)
        {
            OfInteger<short>(group);
            OfInteger<ushort>(group);
        }
    }

    private static void OfInteger<T>(DistributedGroup group)
        where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
    {
        Func<int, T>[] ways =
        [
            _ => T.MinValue,
            _ => T.MaxValue,
            _ => T.CreateTruncating(200),
            rank => rank == 0 ? T.MinValue : T.MaxValue,
            rank => rank % 2 == 0 ? T.MinValue : T.CreateTruncating(-1),
            rank => T.MaxValue - T.CreateChecked(rank),
            rank => T.CreateTruncating(rank == 1 ? -5 : 2),
            rank => T.CreateTruncating(rank == 1 ? 1 : 0),
        ];
        for (var way = 0; way < ways.Length; way++)
        {
            var sum = Enumerable
                .Range(0, group.Size)
                .Aggregate(BigInteger.Zero, (sum, rank) => sum + BigInteger.CreateChecked(ways[way](rank)));
            Averages(
                group,
                ways[way],
                T.CreateChecked(BigInteger.Divide(sum, group.Size)),
                $"{typeof(T).Name}, case {way}"
            );
        }
    }

    private static void AverageOfFloats(Scenario scenario)
    {
        var group = scenario.Group;
        var n = group.Size;
        Averages(group, _ => 3e38f, 3e38f, "float 3e38", value => Math.Abs(value - 3e38f) <= n * 2e31f);
        Averages(
            group,
            _ => float.MaxValue,
            float.MaxValue,
            "float.MaxValue",
            value => float.IsFinite(value) && value >= float.MaxValue * (1 - (n * 1.2e-7f))
        );
        Averages(
            group,
            _ => double.MaxValue,
            double.MaxValue,
            "double.MaxValue",
            value => double.IsFinite(value) && value >= double.MaxValue * (1 - (n * 2.3e-16))
        );
        Averages(
            group,
            _ => BFloat16.MaxValue,
            BFloat16.MaxValue,
            "BFloat16.MaxValue",
            value => (float)value >= (float)BFloat16.MaxValue * (1 - (n / 128f)) && BFloat16.IsFinite(value)
        );
        Averages(
            group,
            _ => new Complex64(3e38f, -3e38f),
            new Complex64(3e38f, -3e38f),
            "Complex64",
            value => Math.Abs(value.Real - 3e38f) <= n * 2e31f && Math.Abs(value.Imaginary + 3e38f) <= n * 2e31f
        );
        Averages(
            group,
            rank => rank == 0 ? 1f : 0f,
            1f / n,
            "one float of 1",
            value => Math.Abs(value - (1f / n)) <= n * 6e-8f
        );
        var tiny = n * double.Epsilon;
        Averages(
            group,
            _ => 5 * double.Epsilon,
            5 * double.Epsilon,
            "tiny double",
            value => Math.Abs(value - (5 * double.Epsilon)) <= 2 * tiny
        );
        Averages(
            group,
            _ => 5 * float.Epsilon,
            5 * float.Epsilon,
            "tiny float",
            value => Math.Abs(value - (5 * float.Epsilon)) <= n * float.Epsilon
        );
    }

    private static void AverageOfSpecialNumbers(Scenario scenario)
    {
        var group = scenario.Group;
        Averages(
            group,
            rank => rank == 1 ? float.PositiveInfinity : float.MaxValue,
            float.PositiveInfinity,
            "one infinity"
        );
        Averages(
            group,
            rank => rank == 0 ? double.NegativeInfinity : 1,
            double.NegativeInfinity,
            "one negative infinity"
        );
        Averages(group, rank => rank == 0 ? float.NaN : 1, float.NaN, "one NaN", float.IsNaN);
        Averages(
            group,
            rank => rank == 0 ? Half.PositiveInfinity : (Half)1,
            Half.PositiveInfinity,
            "one Half infinity"
        );
        Averages(group, rank => rank == 0 ? Half.NaN : (Half)1, Half.NaN, "one Half NaN", Half.IsNaN);
        Averages(
            group,
            rank => rank == 0 ? BFloat16.NaN : (BFloat16)1f,
            BFloat16.NaN,
            "one BFloat16 NaN",
            BFloat16.IsNaN
        );
        Averages(
            group,
            rank => rank == 0 ? float.PositiveInfinity : float.NegativeInfinity,
            float.NaN,
            "infinities of both signs",
            float.IsNaN
        );
    }

    // More than one part of 4 MiB.
    private static void AverageOfMany(Scenario scenario)
    {
        var group = scenario.Group;
        const int count = 700_001;
        int Value(int rank, int i) => int.MaxValue - ((i % 1000) * (rank + 1));
        var expected = new int[count];
        for (var i = 0; i < count; i++)
        {
            expected[i] = (int)(Enumerable.Range(0, group.Size).Sum(rank => (long)Value(rank, i)) / group.Size);
        }
        int[] values = [.. Enumerable.Range(0, count).Select(i => Value(group.Rank, i))];
        group.AllReduce<int>(values, ReduceOp.Average);
        Scenario.Same<int>(values, expected, "AllReduce of many");

        Half[] halves = [.. Enumerable.Repeat((Half)40_000, count * group.Size)];
        var own = new Half[count];
        group.ReduceScatter<Half>(halves, own, ReduceOp.Average);
        Scenario.True(own.All(value => value == (Half)40_000), "ReduceScatter of many");
    }

    private static void AverageOfUnevenBlocks(Scenario scenario)
    {
        var group = scenario.Group;
        long[] counts = [.. Enumerable.Range(0, group.Size).Select(rank => rank * 41)];
        var own = new byte[counts[group.Rank]];
        group.ReduceScatter<byte>(
            Enumerable.Repeat((byte)200, (int)counts.Sum()).ToArray(),
            own,
            counts,
            ReduceOp.Average
        );
        Scenario.True(own.All(value => value == 200), $"bytes: {string.Join(' ', own)}");
        var wide = new ulong[counts[group.Rank]];
        group.ReduceScatter<ulong>(
            Enumerable.Repeat(ulong.MaxValue - (ulong)group.Rank, (int)counts.Sum()).ToArray(),
            wide,
            counts,
            ReduceOp.Average
        );
        var sum = Enumerable
            .Range(0, group.Size)
            .Aggregate(BigInteger.Zero, (sum, rank) => sum + (ulong.MaxValue - (ulong)rank));
        Scenario.True(wide.All(value => value == (ulong)(sum / group.Size)), $"ulongs: {string.Join(' ', wide)}");
        var halves = new Half[counts[group.Rank]];
        group.ReduceScatter<Half>(
            Enumerable.Repeat((Half)40_000, (int)counts.Sum()).ToArray(),
            halves,
            counts,
            ReduceOp.Average
        );
        Scenario.True(halves.All(value => value == (Half)40_000), $"halves: {string.Join(' ', halves)}");
    }
}
