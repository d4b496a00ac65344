using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;

namespace NativeCollectives;

// What every number of generic math has: signs, kinds of numbers, order, text.
public readonly partial struct BFloat16
{
    /// <summary>Minus one.</summary>
    public static BFloat16 NegativeOne => new(0xBF80);

    /// <inheritdoc/>
    static int INumberBase<BFloat16>.Radix => 2;

    /// <inheritdoc/>
    static BFloat16 IAdditiveIdentity<BFloat16, BFloat16>.AdditiveIdentity => Zero;

    /// <inheritdoc/>
    static BFloat16 IMultiplicativeIdentity<BFloat16, BFloat16>.MultiplicativeIdentity => One;

    /// <inheritdoc/>
    public static BFloat16 Abs(BFloat16 value) => new((ushort)(value._bits & MagnitudeMask));

    /// <inheritdoc/>
    public static BFloat16 CopySign(BFloat16 value, BFloat16 sign) =>
        new((ushort)((value._bits & MagnitudeMask) | (sign._bits & SignMask)));

    /// <inheritdoc/>
    public static int Sign(BFloat16 value) => float.Sign(value);

    /// <inheritdoc/>
    public static BFloat16 Clamp(BFloat16 value, BFloat16 min, BFloat16 max) => (BFloat16)float.Clamp(value, min, max);

    /// <inheritdoc/>
    public static BFloat16 Max(BFloat16 x, BFloat16 y) => (BFloat16)float.Max(x, y);

    /// <inheritdoc/>
    public static BFloat16 MaxNumber(BFloat16 x, BFloat16 y) => (BFloat16)float.MaxNumber(x, y);

    /// <inheritdoc/>
    public static BFloat16 MaxMagnitude(BFloat16 x, BFloat16 y) => (BFloat16)float.MaxMagnitude(x, y);

    /// <inheritdoc/>
    public static BFloat16 MaxMagnitudeNumber(BFloat16 x, BFloat16 y) => (BFloat16)float.MaxMagnitudeNumber(x, y);

    /// <inheritdoc/>
    public static BFloat16 Min(BFloat16 x, BFloat16 y) => (BFloat16)float.Min(x, y);

    /// <inheritdoc/>
    public static BFloat16 MinNumber(BFloat16 x, BFloat16 y) => (BFloat16)float.MinNumber(x, y);

    /// <inheritdoc/>
    public static BFloat16 MinMagnitude(BFloat16 x, BFloat16 y) => (BFloat16)float.MinMagnitude(x, y);

    /// <inheritdoc/>
    public static BFloat16 MinMagnitudeNumber(BFloat16 x, BFloat16 y) => (BFloat16)float.MinMagnitudeNumber(x, y);

    /// <inheritdoc/>
    public static BFloat16 MultiplyAddEstimate(BFloat16 left, BFloat16 right, BFloat16 addend) =>
        (BFloat16)float.MultiplyAddEstimate(left, right, addend);

    /// <inheritdoc/>
    public static bool IsInteger(BFloat16 value) => float.IsInteger(value);

    /// <inheritdoc/>
    public static bool IsEvenInteger(BFloat16 value) => float.IsEvenInteger(value);

    /// <inheritdoc/>
    public static bool IsOddInteger(BFloat16 value) => float.IsOddInteger(value);

    /// <inheritdoc/>
    public static bool IsPositive(BFloat16 value) => !IsNegative(value);

    /// <inheritdoc/>
    public static bool IsPositiveInfinity(BFloat16 value) => value._bits == InfinityBits;

    /// <inheritdoc/>
    public static bool IsNegativeInfinity(BFloat16 value) => value._bits == (SignMask | InfinityBits);

    // The exponents of a float and those of this type have the same range.

    /// <inheritdoc/>
    public static bool IsNormal(BFloat16 value) => float.IsNormal(value);

    /// <inheritdoc/>
    public static bool IsSubnormal(BFloat16 value) => float.IsSubnormal(value);

    /// <inheritdoc/>
    public static bool IsRealNumber(BFloat16 value) => !IsNaN(value);

    /// <inheritdoc/>
    static bool INumberBase<BFloat16>.IsZero(BFloat16 value) => (value._bits & MagnitudeMask) == 0;

    /// <inheritdoc/>
    static bool INumberBase<BFloat16>.IsCanonical(BFloat16 value) => true;

    /// <inheritdoc/>
    static bool INumberBase<BFloat16>.IsComplexNumber(BFloat16 value) => false;

    /// <inheritdoc/>
    static bool INumberBase<BFloat16>.IsImaginaryNumber(BFloat16 value) => false;

    /// <summary>Reads a number as <see cref="double"/> reads one, and rounds it.</summary>
    /// <param name="s">The text.</param>
    /// <param name="style">What the text may have in it.</param>
    /// <param name="provider">The culture; <see langword="null"/>: the current one.</param>
    /// <returns>The nearest number.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="s"/> is <see langword="null"/>.</exception>
    /// <exception cref="FormatException"><paramref name="s"/> is not a number.</exception>
    public static BFloat16 Parse(string s, NumberStyles style, IFormatProvider? provider) =>
        (BFloat16)double.Parse(s, style, provider);

    /// <summary>Reads a number as <see cref="double"/> reads one, and rounds it.</summary>
    /// <param name="s">The text.</param>
    /// <param name="style">What the text may have in it.</param>
    /// <param name="provider">The culture; <see langword="null"/>: the current one.</param>
    /// <returns>The nearest number.</returns>
    /// <exception cref="FormatException"><paramref name="s"/> is not a number.</exception>
    public static BFloat16 Parse(ReadOnlySpan<char> s, NumberStyles style, IFormatProvider? provider) =>
        (BFloat16)double.Parse(s, style, provider);

    /// <summary>Reads a number as <see cref="double"/> reads one, and rounds it.</summary>
    /// <param name="s">The text.</param>
    /// <param name="style">What the text may have in it.</param>
    /// <param name="provider">The culture; <see langword="null"/>: the current one.</param>
    /// <param name="result">The nearest number; 0 if there is none.</param>
    /// <returns>Whether the text is a number.</returns>
    public static bool TryParse(
        [NotNullWhen(true)] string? s,
        NumberStyles style,
        IFormatProvider? provider,
        out BFloat16 result
    ) => TryParse(s.AsSpan(), style, provider, out result);

    /// <summary>Reads a number as <see cref="double"/> reads one, and rounds it.</summary>
    /// <param name="s">The text.</param>
    /// <param name="style">What the text may have in it.</param>
    /// <param name="provider">The culture; <see langword="null"/>: the current one.</param>
    /// <param name="result">The nearest number; 0 if there is none.</param>
    /// <returns>Whether the text is a number.</returns>
    public static bool TryParse(
        ReadOnlySpan<char> s,
        NumberStyles style,
        IFormatProvider? provider,
        out BFloat16 result
    )
    {
        bool isNumber = double.TryParse(s, style, provider, out double value);
        result = (BFloat16)value;
        return isNumber;
    }

    /// <inheritdoc/>
    bool IUtf8SpanFormattable.TryFormat(
        Span<byte> utf8Destination,
        out int bytesWritten,
        ReadOnlySpan<char> format,
        IFormatProvider? provider
    ) => ((float)this).TryFormat(utf8Destination, out bytesWritten, format, provider);
}
