using System.Numerics;
using System.Runtime.InteropServices;

namespace NativeCollectives;

// CreateChecked, CreateSaturating and CreateTruncating, from and to every type of number that .NET has.
public readonly partial struct BFloat16
{
    /// <inheritdoc/>
    static bool INumberBase<BFloat16>.TryConvertFromChecked<TOther>(TOther value, out BFloat16 result) =>
        TryConvertFrom(value, isChecked: true, out result);

    /// <inheritdoc/>
    static bool INumberBase<BFloat16>.TryConvertFromSaturating<TOther>(TOther value, out BFloat16 result) =>
        TryConvertFrom(value, isChecked: false, out result);

    /// <inheritdoc/>
    static bool INumberBase<BFloat16>.TryConvertFromTruncating<TOther>(TOther value, out BFloat16 result) =>
        TryConvertFrom(value, isChecked: false, out result);

    /// <inheritdoc/>
    static bool INumberBase<BFloat16>.TryConvertToChecked<TOther>(BFloat16 value, out TOther result)
    {
        bool isKnown = IsFloatingPoint<TOther>() || IsInteger<TOther>();
        result =
            !isKnown ? TOther.Zero
            : IsFloat<TOther>() ? TOther.CreateChecked<float>(value)
            : TOther.CreateChecked<double>(value);
        return isKnown;
    }

    /// <inheritdoc/>
    static bool INumberBase<BFloat16>.TryConvertToSaturating<TOther>(BFloat16 value, out TOther result)
    {
        bool isKnown = IsFloatingPoint<TOther>() || IsInteger<TOther>();
        result =
            !isKnown ? TOther.Zero
            : IsFloat<TOther>() ? TOther.CreateSaturating<float>(value)
            : TOther.CreateSaturating<double>(value);
        return isKnown;
    }

    /// <inheritdoc/>
    static bool INumberBase<BFloat16>.TryConvertToTruncating<TOther>(BFloat16 value, out TOther result)
    {
        bool isKnown = IsFloatingPoint<TOther>() || IsInteger<TOther>();
        result =
            !isKnown ? TOther.Zero
            : IsFloat<TOther>() ? TOther.CreateTruncating<float>(value)
            : TOther.CreateTruncating<double>(value);
        return isKnown;
    }

    // A number out of range becomes infinite in all three ways, as it does for every other type of floating point. The
    // ways differ for complex numbers that are not real.
    private static bool TryConvertFrom<TOther>(TOther value, bool isChecked, out BFloat16 result)
        where TOther : INumberBase<TOther>
    {
        if (typeof(TOther) == typeof(BFloat16))
        {
            result = (BFloat16)(object)value;
        }
        else if (IsFloat<TOther>())
        {
            result = (BFloat16)float.CreateChecked(value);
        }
        else if (typeof(TOther) == typeof(decimal))
        {
            result = FromDecimal(decimal.CreateChecked(value));
        }
        else if (typeof(TOther) == typeof(BigInteger))
        {
            result = FromBigInteger(BigInteger.CreateChecked(value));
        }
        else if (typeof(TOther) == typeof(UInt128))
        {
            result = Scaled(UInt128.CreateChecked(value), 0);
        }
        else if (IsFloatingPoint<TOther>())
        {
            // Exact: none has more than a double.
            result = (BFloat16)(isChecked ? double.CreateChecked(value) : double.CreateTruncating(value));
        }
        else if (IsInteger<TOther>())
        {
            Int128 integer = Int128.CreateChecked(value);
            BFloat16 magnitude = Scaled((UInt128)(Int128.IsNegative(integer) ? -integer : integer), 0);
            result = Int128.IsNegative(integer) ? -magnitude : magnitude;
        }
        else
        {
            result = default;
            return false;
        }

        return true;
    }

    private static bool IsFloat<TOther>() => typeof(TOther) == typeof(float);

    private static bool IsFloatingPoint<TOther>() =>
        typeof(TOther) == typeof(float)
        || typeof(TOther) == typeof(double)
        || typeof(TOther) == typeof(Half)
        || typeof(TOther) == typeof(NFloat)
        || typeof(TOther) == typeof(decimal)
        || typeof(TOther) == typeof(Complex);

    private static bool IsInteger<TOther>() =>
        typeof(TOther) == typeof(sbyte)
        || typeof(TOther) == typeof(short)
        || typeof(TOther) == typeof(int)
        || typeof(TOther) == typeof(long)
        || typeof(TOther) == typeof(nint)
        || typeof(TOther) == typeof(Int128)
        || typeof(TOther) == typeof(byte)
        || typeof(TOther) == typeof(char)
        || typeof(TOther) == typeof(ushort)
        || typeof(TOther) == typeof(uint)
        || typeof(TOther) == typeof(ulong)
        || typeof(TOther) == typeof(nuint)
        || typeof(TOther) == typeof(UInt128)
        || typeof(TOther) == typeof(BigInteger);

    private static BFloat16 FromDecimal(decimal value)
    {
        Span<int> parts = stackalloc int[4];
        _ = decimal.GetBits(value, parts);
        var digits = new UInt128((uint)parts[2], ((ulong)(uint)parts[1] << 32) | (uint)parts[0]);
        if (digits == 0)
        {
            return decimal.IsNegative(value) ? NegativeZero : Zero;
        }

        // At most 28 of its digits are behind the point. The quotient has 34 bits at least, more than enough; whether
        // something was left over is in the last one.
        UInt128 divisor = 1;
        for (int i = value.Scale; i > 0; i--)
        {
            divisor *= 10;
        }

        int shift = (int)UInt128.LeadingZeroCount(digits);
        (UInt128 quotient, UInt128 remainder) = UInt128.DivRem(digits << shift, divisor);
        BFloat16 magnitude = Scaled(remainder == 0 ? quotient : quotient | 1, -shift);
        return decimal.IsNegative(value) ? -magnitude : magnitude;
    }

    private static BFloat16 FromBigInteger(BigInteger value)
    {
        var magnitude = BigInteger.Abs(value);
        int shift = (int)long.Clamp(magnitude.GetBitLength() - 64, 0, int.MaxValue);
        BigInteger upper = magnitude >> shift;
        var bits = (ulong)upper;
        BFloat16 nearest = Scaled(upper << shift == magnitude ? bits : bits | 1, shift);
        return value.Sign < 0 ? -nearest : nearest;
    }

    // The nearest to magnitude * 2^exponent. What a double has no room for is in the last bit that it keeps.
    private static BFloat16 Scaled(UInt128 magnitude, int exponent)
    {
        int shift = Math.Max(0, 128 - 32 - (int)UInt128.LeadingZeroCount(magnitude));
        var upper = (uint)(magnitude >> shift);
        if ((UInt128)upper << shift != magnitude)
        {
            upper |= 1;
        }

        return (BFloat16)Math.ScaleB(upper, (int)Math.Min((long)shift + exponent, 1024));
    }
}
