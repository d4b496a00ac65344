using System.Buffers.Binary;
using System.Numerics;

namespace NativeCollectives;

// What every binary floating-point number has: constants, rounding, neighbours, exponent and significand.
public readonly partial struct BFloat16
{
    private const int ExponentBias = 127;
    private const int FractionBits = 7;
    private const ushort FractionMask = (1 << FractionBits) - 1;

    /// <summary>Minus zero.</summary>
    public static BFloat16 NegativeZero => new(SignMask);

    /// <summary>The base of natural logarithms, rounded: 2.71875.</summary>
    public static BFloat16 E => new(0x402E);

    /// <summary>The ratio of a circle's circumference to its diameter, rounded: 3.140625.</summary>
    public static BFloat16 Pi => new(0x4049);

    /// <summary>The ratio of a circle's circumference to its radius, rounded: 6.28125.</summary>
    public static BFloat16 Tau => new(0x40C9);

    private int BiasedExponent => (_bits & MagnitudeMask) >> FractionBits;

    // As float has it: that of infinities and NaNs, 128, wraps around.
    private sbyte Exponent => (sbyte)(BiasedExponent - ExponentBias);

    private ushort Significand => (ushort)((_bits & FractionMask) | (BiasedExponent == 0 ? 0 : FractionMask + 1));

    /// <inheritdoc/>
    public static BFloat16 Ceiling(BFloat16 x) => (BFloat16)float.Ceiling(x);

    /// <inheritdoc/>
    public static BFloat16 Floor(BFloat16 x) => (BFloat16)float.Floor(x);

    /// <inheritdoc/>
    public static BFloat16 Truncate(BFloat16 x) => (BFloat16)float.Truncate(x);

    /// <inheritdoc/>
    public static BFloat16 Round(BFloat16 x) => (BFloat16)float.Round(x);

    /// <inheritdoc/>
    public static BFloat16 Round(BFloat16 x, int digits) => (BFloat16)double.Round(x, digits);

    /// <inheritdoc/>
    public static BFloat16 Round(BFloat16 x, MidpointRounding mode) => (BFloat16)float.Round(x, mode);

    /// <inheritdoc/>
    public static BFloat16 Round(BFloat16 x, int digits, MidpointRounding mode) =>
        (BFloat16)double.Round(x, digits, mode);

    /// <inheritdoc/>
    public static BFloat16 BitIncrement(BFloat16 x) =>
        IsNaN(x) || IsPositiveInfinity(x) ? x
        : x._bits == SignMask ? Epsilon
        : new BFloat16((ushort)(IsNegative(x) ? x._bits - 1 : x._bits + 1));

    /// <inheritdoc/>
    public static BFloat16 BitDecrement(BFloat16 x) => -BitIncrement(-x);

    /// <summary>
    /// The product of <paramref name="left"/> and <paramref name="right"/>, plus <paramref name="addend"/>, in one
    /// rounding.
    /// </summary>
    /// <param name="left">The first factor.</param>
    /// <param name="right">The second factor.</param>
    /// <param name="addend">What is added.</param>
    /// <returns>The nearest number.</returns>
    public static BFloat16 FusedMultiplyAdd(BFloat16 left, BFloat16 right, BFloat16 addend)
    {
        // The product is exact, the sum may not be. Rounded to nearest, it could become a tie of this type, and go the
        // wrong way then. So where something was cut off, the last bit says so.
        double product = (double)left * right;
        double sum = product + addend;
        double addendInSum = sum - product;
        double error = (product - (sum - addendInSum)) + (addend - addendInSum);
        long bits = BitConverter.DoubleToInt64Bits(sum);
        if (double.IsFinite(sum) && error != 0 && (bits & 1) == 0)
        {
            // Towards what was cut off: away from zero if the error has the sum's sign. A sum of zero is exact.
            bits += (error > 0) == (sum > 0) ? 1 : -1;
        }

        return (BFloat16)BitConverter.Int64BitsToDouble(bits);
    }

    /// <inheritdoc/>
    public static BFloat16 Ieee754Remainder(BFloat16 left, BFloat16 right) =>
        (BFloat16)float.Ieee754Remainder(left, right);

    /// <inheritdoc/>
    public static int ILogB(BFloat16 x) => float.ILogB(x);

    /// <inheritdoc/>
    public static BFloat16 ScaleB(BFloat16 x, int n) => (BFloat16)float.ScaleB(x, n);

    /// <inheritdoc/>
    public static BFloat16 Lerp(BFloat16 value1, BFloat16 value2, BFloat16 amount) =>
        (BFloat16)double.Lerp(value1, value2, amount);

    /// <inheritdoc/>
    public static BFloat16 ReciprocalEstimate(BFloat16 x) => One / x;

    /// <inheritdoc/>
    public static BFloat16 ReciprocalSqrtEstimate(BFloat16 x) => (BFloat16)(1 / double.Sqrt(x));

    /// <inheritdoc/>
    public static bool IsPow2(BFloat16 value) => float.IsPow2(value);

    /// <inheritdoc/>
    static BFloat16 IBitwiseOperators<BFloat16, BFloat16, BFloat16>.operator &(BFloat16 left, BFloat16 right) =>
        new((ushort)(left._bits & right._bits));

    /// <inheritdoc/>
    static BFloat16 IBitwiseOperators<BFloat16, BFloat16, BFloat16>.operator |(BFloat16 left, BFloat16 right) =>
        new((ushort)(left._bits | right._bits));

    /// <inheritdoc/>
    static BFloat16 IBitwiseOperators<BFloat16, BFloat16, BFloat16>.operator ^(BFloat16 left, BFloat16 right) =>
        new((ushort)(left._bits ^ right._bits));

    /// <inheritdoc/>
    static BFloat16 IBitwiseOperators<BFloat16, BFloat16, BFloat16>.operator ~(BFloat16 value) =>
        new((ushort)~value._bits);

    /// <inheritdoc/>
    int IFloatingPoint<BFloat16>.GetExponentByteCount() => sizeof(sbyte);

    /// <inheritdoc/>
    int IFloatingPoint<BFloat16>.GetExponentShortestBitLength() =>
        Exponent >= 0 ? 8 - (int)sbyte.LeadingZeroCount(Exponent) : 9 - (int)sbyte.LeadingZeroCount((sbyte)~Exponent);

    /// <inheritdoc/>
    int IFloatingPoint<BFloat16>.GetSignificandByteCount() => sizeof(ushort);

    /// <inheritdoc/>
    int IFloatingPoint<BFloat16>.GetSignificandBitLength() => FractionBits + 1;

    /// <inheritdoc/>
    bool IFloatingPoint<BFloat16>.TryWriteExponentBigEndian(Span<byte> destination, out int bytesWritten) =>
        TryWriteExponent(destination, out bytesWritten);

    /// <inheritdoc/>
    bool IFloatingPoint<BFloat16>.TryWriteExponentLittleEndian(Span<byte> destination, out int bytesWritten) =>
        TryWriteExponent(destination, out bytesWritten);

    /// <inheritdoc/>
    bool IFloatingPoint<BFloat16>.TryWriteSignificandBigEndian(Span<byte> destination, out int bytesWritten)
    {
        bool fits = BinaryPrimitives.TryWriteUInt16BigEndian(destination, Significand);
        bytesWritten = fits ? sizeof(ushort) : 0;
        return fits;
    }

    /// <inheritdoc/>
    bool IFloatingPoint<BFloat16>.TryWriteSignificandLittleEndian(Span<byte> destination, out int bytesWritten)
    {
        bool fits = BinaryPrimitives.TryWriteUInt16LittleEndian(destination, Significand);
        bytesWritten = fits ? sizeof(ushort) : 0;
        return fits;
    }

    private bool TryWriteExponent(Span<byte> destination, out int bytesWritten)
    {
        bytesWritten = destination.IsEmpty ? 0 : sizeof(sbyte);
        if (!destination.IsEmpty)
        {
            destination[0] = (byte)Exponent;
        }

        return bytesWritten > 0;
    }
}
