using System.Numerics;

namespace NativeCollectives.Cli.Bench;

/// <summary>
/// The numbers that ranks give to an operation, and those that must come out, computed here from the definition of the
/// operator and not by the library. They are such that every order of combining gives the same, without rounding: whole
/// numbers whose sums the type holds exactly, products of few twos and signs. Only an average of floating-point numbers
/// may be rounded, once per rank, since NCCL multiplies before it adds.
/// </summary>
/// <remarks>
/// A rank's numbers repeat after <see cref="Period"/> elements. That is a prime, so that a block in the wrong place
/// shows.
/// </remarks>
internal sealed class Pattern
{
    public const int Period = 4093;

    // Bit patterns that never are expected: NaN, -1, and what is neither true nor false.
    private const byte Spoilt = 0xFF;

    private readonly CollectiveDataType _type;
    private readonly ReduceOp? _op;
    private readonly int _ranks;
    private readonly int _seed;
    private readonly int _elementSize;
    private readonly double _tolerance;
    private readonly byte[]?[] _given;
    private byte[]? _combined;

    /// <param name="type">The type of the elements.</param>
    /// <param name="op">How they are combined; <see langword="null"/>: they are not.</param>
    /// <param name="ranks">The number of ranks.</param>
    /// <param name="seed">Other seeds, other numbers.</param>
    public Pattern(CollectiveDataType type, ReduceOp? op, int ranks, int seed)
    {
        _type = type;
        _op = op;
        _ranks = ranks;
        _seed = seed;
        _elementSize = DataTypes.SizeOf(type);
        _given = new byte[ranks][];
        _tolerance = op == ReduceOp.Average && IsFloating ? (ranks + 1) * Math.ScaleB(1, -SignificantBits) : 0;
    }

    private bool IsFloating =>
        _type
            is CollectiveDataType.Float16
                or CollectiveDataType.BFloat16
                or CollectiveDataType.Float32
                or CollectiveDataType.Float64
                or CollectiveDataType.Complex64;

    private int SignificantBits =>
        _type switch
        {
            CollectiveDataType.Boolean => 1,
            CollectiveDataType.Int8 => 7,
            // One less than it has: 0xFF stands for an element that nothing was written to.
            CollectiveDataType.UInt8 => 7,
            CollectiveDataType.Int16 or CollectiveDataType.UInt16 => 15,
            CollectiveDataType.BFloat16 => 8,
            CollectiveDataType.Float16 => 11,
            _ => 24,
        };

    /// <summary>The greatest number up to which all whole ones are used: sums stay below.</summary>
    private int Limit => (1 << SignificantBits) - 1;

    /// <summary>Writes a rank's numbers.</summary>
    /// <param name="memory">Where to.</param>
    /// <param name="elements">How many.</param>
    /// <param name="rank">The rank.</param>
    /// <param name="start">The index of the first one.</param>
    public unsafe void Fill(byte* memory, long elements, int rank, long start = 0)
    {
        ReadOnlySpan<byte> period = Given(rank);
        foreach ((long offset, int from, int length) in Pieces(elements, start))
        {
            period.Slice(from, length).CopyTo(new Span<byte>(memory + offset, length));
        }
    }

    /// <summary>Makes sure that an element which nothing is written to counts as wrong.</summary>
    public unsafe void Spoil(byte* memory, long elements)
    {
        foreach ((long offset, _, int length) in Pieces(elements, 0))
        {
            new Span<byte>(memory + offset, length).Fill(Spoilt);
        }
    }

    /// <summary>The number of elements of a block that are not what they must be.</summary>
    public unsafe long Errors(byte* memory, long elements, BlockSource source)
    {
        ReadOnlySpan<byte> period = source.Rank is { } rank ? Given(rank) : Combined();
        long errors = 0;
        foreach ((long offset, int from, int length) in Pieces(elements, source.Start))
        {
            var actual = new ReadOnlySpan<byte>(memory + offset, length);
            ReadOnlySpan<byte> expected = period.Slice(from, length);
            if (!actual.SequenceEqual(expected))
            {
                errors += Differences(actual, expected);
            }
        }

        return errors;
    }

    // Values are compared and not bits: a product of signs may be -0.
    private long Differences(ReadOnlySpan<byte> actual, ReadOnlySpan<byte> expected)
    {
        long differences = 0;
        for (int i = 0; i < actual.Length; i += _elementSize)
        {
            Complex one = ElementCodec.Read(_type, actual.Slice(i, _elementSize));
            Complex other = ElementCodec.Read(_type, expected.Slice(i, _elementSize));
            if (!IsNear(one.Real, other.Real) || !IsNear(one.Imaginary, other.Imaginary))
            {
                differences++;
            }
        }

        return differences;
    }

    // A NaN is near nothing.
    private bool IsNear(double actual, double expected) =>
        Math.Abs(actual - expected) <= _tolerance * Math.Abs(expected);

    /// <summary>
    /// Elements of which each piece lies within one period: the offset in the memory, that in the period, and the
    /// length, all in bytes.
    /// </summary>
    private IEnumerable<(long Offset, int From, int Length)> Pieces(long elements, long start)
    {
        int from = (int)(start % Period);
        for (long done = 0; done < elements; )
        {
            int length = (int)Math.Min(Period - from, elements - done);
            yield return (done * _elementSize, from * _elementSize, length * _elementSize);
            done += length;
            from = 0;
        }
    }

    private byte[] Given(int rank) => _given[rank] ??= Encode(index => Element(rank, index));

    private byte[] Combined() => _combined ??= Encode(Combine);

    private byte[] Encode(Func<int, Complex> valueAt)
    {
        var bytes = new byte[Period * _elementSize];
        for (int i = 0; i < Period; i++)
        {
            ElementCodec.Write(_type, bytes.AsSpan(i * _elementSize, _elementSize), valueAt(i));
        }

        return bytes;
    }

    private Complex Combine(int index)
    {
        Complex result = Element(0, index);
        for (int rank = 1; rank < _ranks; rank++)
        {
            Complex next = Element(rank, index);
            result = _op switch
            {
                ReduceOp.Product => result * next,
                ReduceOp.Max => IsLess(result, next) ? next : result,
                ReduceOp.Min => IsLess(next, result) ? next : result,
                // the sum of truth values is OR
                _ when _type == CollectiveDataType.Boolean => Math.Max(result.Real, next.Real),
                _ => result + next,
            };
        }

        if (_op != ReduceOp.Average)
        {
            return result;
        }

        return IsFloating ? result / _ranks : Math.Truncate(result.Real / _ranks);
    }

    // By real part, then by imaginary part: MLX's order of complex numbers.
    private static bool IsLess(Complex one, Complex other) =>
        one.Real < other.Real || (one.Real == other.Real && one.Imaginary < other.Imaginary);

    private Complex Element(int rank, int index)
    {
        uint random = Mix((uint)rank, (uint)index);
        return _type switch
        {
            CollectiveDataType.Boolean => TruthValue(random),
            CollectiveDataType.Complex64 when _op == ReduceOp.Product => Unit(random),
            CollectiveDataType.Complex64 => new Complex(Number(rank, random), Number(rank, Mix(random, 1))),
            _ when _op == ReduceOp.Product => Factor(rank, index, random),
            _ => Number(rank, random),
        };
    }

    // Rare enough that the others' elements count.
    private double TruthValue(uint random) =>
        _op switch
        {
            null => random & 1,
            ReduceOp.Product or ReduceOp.Min => random % (_ranks + 1) == 0 ? 0 : 1,
            _ => random % (_ranks + 1) == 0 ? 1 : 0,
        };

    private double Number(int rank, uint random)
    {
        const int Most = 1020;
        switch (_op)
        {
            case ReduceOp.Sum or ReduceOp.Average:
                // Beyond the limit ranks give 0: the sum would not be exact.
                int most = Math.Max(1, Math.Min(Most, Limit / _ranks));
                return rank < Limit ? random % (most + 1) : 0;
            case null:
                return random % (Math.Min(Most, Limit) + 1);
            default:
                int range = Math.Min(Most, Limit);
                return (random % (range + 1)) - (IsFloating ? range / 2 : 0);
        }
    }

    private double Factor(int rank, int index, uint random)
    {
        // At every index so many ranks may double the product.
        int doublings = SignificantBits - 1;
        double factor = (rank + index) % _ranks < doublings && (random & 1) != 0 ? 2 : 1;
        return IsFloating && (random & 2) != 0 ? -factor : factor;
    }

    private static Complex Unit(uint random) =>
        (random & 3) switch
        {
            0 => Complex.One,
            1 => Complex.ImaginaryOne,
            2 => -Complex.One,
            _ => -Complex.ImaginaryOne,
        };

    // The finishing steps of MurmurHash3, which spread every bit over all.
    private uint Mix(uint one, uint other)
    {
        uint value = (one * 0x9E3779B1) ^ (other * 0x85EBCA77) ^ ((uint)_seed * 0xC2B2AE3D);
        value = (value ^ (value >> 16)) * 0x85EBCA6B;
        value = (value ^ (value >> 13)) * 0xC2B2AE35;
        return value ^ (value >> 16);
    }
}
