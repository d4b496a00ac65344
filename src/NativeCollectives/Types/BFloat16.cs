using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;

namespace NativeCollectives;

/// <summary>
/// A 16-bit brain floating-point number: the upper half of a <see cref="float"/>, with its range and 8 bits of
/// precision.
/// </summary>
/// <remarks>
/// <para>
/// Arithmetic is done as <see cref="float"/> and rounded to nearest, ties to even. Conversions round the same way, from
/// every type in one step, and turn a NaN into the quiet NaN 0x7FC0 with its sign. Comparisons are those of
/// <see cref="float"/>: a NaN differs from everything with operators, while <see cref="Equals(BFloat16)"/> and
/// <see cref="CompareTo(BFloat16)"/> take it as equal to itself and less than every number.
/// </para>
/// <para>
/// The type has the interfaces of generic math that <see cref="Half"/> has, so it works as the element type of
/// <c>System.Numerics.Tensors.TensorPrimitives</c>. Functions such as <see cref="Exp"/> are computed as
/// <see cref="double"/> and rounded once.
/// </para>
/// </remarks>
public readonly partial struct BFloat16 : IBinaryFloatingPointIeee754<BFloat16>, IMinMaxValue<BFloat16>
{
    private const ushort SignMask = 0x8000;
    private const ushort MagnitudeMask = 0x7FFF;
    private const ushort InfinityBits = 0x7F80;
    private const ushort NaNBits = 0x7FC0;

    private readonly ushort _bits;

    private BFloat16(ushort bits) => _bits = bits;

    /// <summary>The smallest number greater than zero, 2^-133.</summary>
    public static BFloat16 Epsilon => new(0x0001);

    /// <summary>The greatest finite number, about 3.39e38.</summary>
    public static BFloat16 MaxValue => new(0x7F7F);

    /// <summary>The least finite number, about -3.39e38.</summary>
    public static BFloat16 MinValue => new(0xFF7F);

    /// <summary>Positive infinity.</summary>
    public static BFloat16 PositiveInfinity => new(InfinityBits);

    /// <summary>Negative infinity.</summary>
    public static BFloat16 NegativeInfinity => new(SignMask | InfinityBits);

    /// <summary>Not a number: the quiet NaN 0x7FC0.</summary>
    public static BFloat16 NaN => new(NaNBits);

    /// <summary>Zero.</summary>
    public static BFloat16 Zero => default;

    /// <summary>One.</summary>
    public static BFloat16 One => new(0x3F80);

    /// <summary>The number with these 16 bits.</summary>
    /// <param name="bits">Sign, eight bits of exponent, seven of fraction.</param>
    /// <returns>The number, its bits unchanged.</returns>
    public static BFloat16 FromBits(ushort bits) => new(bits);

    /// <summary>The 16 bits of this number: sign, eight bits of exponent, seven of fraction.</summary>
    /// <returns>The bits, unchanged.</returns>
    public ushort ToBits() => _bits;

    /// <summary>Whether the number is neither infinite nor NaN.</summary>
    /// <param name="value">The number.</param>
    /// <returns>Whether it is finite.</returns>
    public static bool IsFinite(BFloat16 value) => (value._bits & MagnitudeMask) < InfinityBits;

    /// <summary>Whether the number is positive or negative infinity.</summary>
    /// <param name="value">The number.</param>
    /// <returns>Whether it is infinite.</returns>
    public static bool IsInfinity(BFloat16 value) => (value._bits & MagnitudeMask) == InfinityBits;

    /// <summary>Whether it is not a number.</summary>
    /// <param name="value">The number.</param>
    /// <returns>Whether it is a NaN.</returns>
    public static bool IsNaN(BFloat16 value) => (value._bits & MagnitudeMask) > InfinityBits;

    /// <summary>Whether the sign bit is set; so it is for -0 and for half of the NaNs.</summary>
    /// <param name="value">The number.</param>
    /// <returns>Whether the sign bit is set.</returns>
    public static bool IsNegative(BFloat16 value) => (value._bits & SignMask) != 0;

    /// <summary>The nearest <see cref="BFloat16"/>, ties to even; out of range: infinity.</summary>
    /// <param name="value">The number to round.</param>
    public static explicit operator BFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
        {
            return new BFloat16((ushort)(((bits >> 16) & SignMask) | NaNBits));
        }

        uint roundToEven = 0x7FFF + ((bits >> 16) & 1);
        return new BFloat16((ushort)((bits + roundToEven) >> 16));
    }

    /// <summary>The nearest <see cref="BFloat16"/>, ties to even; out of range: infinity.</summary>
    /// <param name="value">The number to round, in one step.</param>
    public static explicit operator BFloat16(double value)
    {
        float single = (float)value;
        if (double.IsNaN(value) || single == value)
        {
            return (BFloat16)single;
        }

        // Rounding twice could end beside the nearest number. So the first step rounds to odd: toward zero, with the
        // last bit telling that something was cut off.
        uint bits = BitConverter.SingleToUInt32Bits(single);
        if (Math.Abs((double)single) > Math.Abs(value))
        {
            bits--;
        }

        return (BFloat16)BitConverter.UInt32BitsToSingle(bits | 1);
    }

    /// <summary>The nearest <see cref="BFloat16"/>, ties to even.</summary>
    /// <param name="value">The number to round.</param>
    public static explicit operator BFloat16(Half value) => (BFloat16)(float)value;

    /// <summary>The nearest <see cref="BFloat16"/>, ties to even.</summary>
    /// <param name="value">The number to round, in one step.</param>
    public static explicit operator BFloat16(int value) => (BFloat16)(double)value;

    /// <summary>The same number as a <see cref="float"/>. Exact.</summary>
    /// <param name="value">The number.</param>
    public static implicit operator float(BFloat16 value) => BitConverter.UInt32BitsToSingle((uint)value._bits << 16);

    /// <summary>The same number as a <see cref="double"/>. Exact.</summary>
    /// <param name="value">The number.</param>
    public static implicit operator double(BFloat16 value) => (float)value;

    /// <summary>The nearest <see cref="Half"/>, ties to even; out of range: infinity.</summary>
    /// <param name="value">The number to round.</param>
    public static explicit operator Half(BFloat16 value) => (Half)(float)value;

    /// <summary>The number, toward zero, as C# converts a <see cref="float"/>.</summary>
    /// <param name="value">The number.</param>
    public static explicit operator int(BFloat16 value) => (int)(float)value;

    // Sums, differences, products, quotients and square roots are rounded twice, to float and then to BFloat16, and are
    // the nearest BFloat16 all the same. A float has 24 bits, more than 2 * 8 + 1: so a result that is no tie of
    // BFloat16 is too far from every tie to be rounded to one. Below the normal numbers, where a float has fewer bits,
    // sums are exact. There a product of 16 bits, or a quotient of two numbers of 8 bits, is again no tie or further
    // from it than half the last place of a float.

    /// <summary>The sum, rounded.</summary>
    /// <param name="left">The first addend.</param>
    /// <param name="right">The second addend.</param>
    /// <returns>The sum.</returns>
    public static BFloat16 operator +(BFloat16 left, BFloat16 right) => (BFloat16)((float)left + (float)right);

    /// <summary>The difference, rounded.</summary>
    /// <param name="left">What is subtracted from.</param>
    /// <param name="right">What is subtracted.</param>
    /// <returns>The difference.</returns>
    public static BFloat16 operator -(BFloat16 left, BFloat16 right) => (BFloat16)((float)left - (float)right);

    /// <summary>The product, rounded.</summary>
    /// <param name="left">The first factor.</param>
    /// <param name="right">The second factor.</param>
    /// <returns>The product.</returns>
    public static BFloat16 operator *(BFloat16 left, BFloat16 right) => (BFloat16)((float)left * (float)right);

    /// <summary>The quotient, rounded.</summary>
    /// <param name="left">What is divided.</param>
    /// <param name="right">What it is divided by.</param>
    /// <returns>The quotient.</returns>
    public static BFloat16 operator /(BFloat16 left, BFloat16 right) => (BFloat16)((float)left / (float)right);

    /// <summary>The remainder of the division truncated toward zero. Exact.</summary>
    /// <param name="left">What is divided.</param>
    /// <param name="right">What it is divided by.</param>
    /// <returns>The remainder, with the sign of <paramref name="left"/>.</returns>
    public static BFloat16 operator %(BFloat16 left, BFloat16 right) => (BFloat16)((float)left % (float)right);

    /// <summary>The number plus one, rounded.</summary>
    /// <param name="value">The number.</param>
    /// <returns>The sum.</returns>
    public static BFloat16 operator ++(BFloat16 value) => value + One;

    /// <summary>The number minus one, rounded.</summary>
    /// <param name="value">The number.</param>
    /// <returns>The difference.</returns>
    public static BFloat16 operator --(BFloat16 value) => value - One;

    /// <summary>The number itself.</summary>
    /// <param name="value">The number.</param>
    /// <returns>The same.</returns>
    public static BFloat16 operator +(BFloat16 value) => value;

    /// <summary>The number with its sign bit turned over.</summary>
    /// <param name="value">The number.</param>
    /// <returns>Its negative.</returns>
    public static BFloat16 operator -(BFloat16 value) => new((ushort)(value._bits ^ SignMask));

    /// <summary>Whether two numbers are equal; a NaN is equal to nothing, 0 equals -0.</summary>
    /// <param name="left">The first number.</param>
    /// <param name="right">The second number.</param>
    /// <returns>Whether they are equal.</returns>
    public static bool operator ==(BFloat16 left, BFloat16 right) => (float)left == (float)right;

    /// <summary>Whether two numbers differ; a NaN differs from everything.</summary>
    /// <param name="left">The first number.</param>
    /// <param name="right">The second number.</param>
    /// <returns>Whether they differ.</returns>
    public static bool operator !=(BFloat16 left, BFloat16 right) => (float)left != (float)right;

    /// <summary>Whether the first is less; never with a NaN.</summary>
    /// <param name="left">The first number.</param>
    /// <param name="right">The second number.</param>
    /// <returns>Whether the first is less.</returns>
    public static bool operator <(BFloat16 left, BFloat16 right) => (float)left < (float)right;

    /// <summary>Whether the first is greater; never with a NaN.</summary>
    /// <param name="left">The first number.</param>
    /// <param name="right">The second number.</param>
    /// <returns>Whether the first is greater.</returns>
    public static bool operator >(BFloat16 left, BFloat16 right) => (float)left > (float)right;

    /// <summary>Whether the first is less or equal; never with a NaN.</summary>
    /// <param name="left">The first number.</param>
    /// <param name="right">The second number.</param>
    /// <returns>Whether the first is less or equal.</returns>
    public static bool operator <=(BFloat16 left, BFloat16 right) => (float)left <= (float)right;

    /// <summary>Whether the first is greater or equal; never with a NaN.</summary>
    /// <param name="left">The first number.</param>
    /// <param name="right">The second number.</param>
    /// <returns>Whether the first is greater or equal.</returns>
    public static bool operator >=(BFloat16 left, BFloat16 right) => (float)left >= (float)right;

    /// <summary>The order of two numbers, in which a NaN equals itself and comes before every number.</summary>
    /// <param name="other">The number to compare with.</param>
    /// <returns>Less than 0, 0 or greater than 0, as this number comes before, beside or after the other.</returns>
    public int CompareTo(BFloat16 other) => ((float)this).CompareTo(other);

    /// <summary>The order of this number and an object, in which <see langword="null"/> comes first.</summary>
    /// <param name="obj">A <see cref="BFloat16"/> or <see langword="null"/>.</param>
    /// <returns>Less than 0, 0 or greater than 0, as this number comes before, beside or after the other.</returns>
    /// <exception cref="ArgumentException"><paramref name="obj"/> is something else.</exception>
    public int CompareTo(object? obj) =>
        obj switch
        {
            null => 1,
            BFloat16 other => CompareTo(other),
            _ => throw new ArgumentException(
                $"The object must be a {nameof(BFloat16)}, but is a {obj.GetType()}.",
                nameof(obj)
            ),
        };

    /// <summary>Whether two numbers are equal, where a NaN equals every NaN and 0 equals -0.</summary>
    /// <param name="other">The number to compare with.</param>
    /// <returns>Whether they are equal.</returns>
    public bool Equals(BFloat16 other) => ((float)this).Equals(other);

    /// <summary>Whether an object is an equal <see cref="BFloat16"/>.</summary>
    /// <param name="obj">The object.</param>
    /// <returns>Whether it is.</returns>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is BFloat16 other && Equals(other);

    /// <summary>A hash code that equal numbers share.</summary>
    /// <returns>The hash code.</returns>
    public override int GetHashCode() => ((float)this).GetHashCode();

    /// <summary>The number in the shortest form that is read back as the same number, of the current culture.</summary>
    /// <returns>Such as <c>0.5</c>.</returns>
    public override string ToString() => ((float)this).ToString(CultureInfo.CurrentCulture);

    /// <summary>The number in a format of <see cref="float"/>.</summary>
    /// <param name="format">
    /// A numeric format; <see langword="null"/>: the shortest form that is read back as the same number.
    /// </param>
    /// <param name="formatProvider">The culture; <see langword="null"/>: the current one.</param>
    /// <returns>The text.</returns>
    public string ToString(
        [StringSyntax(StringSyntaxAttribute.NumericFormat)] string? format,
        IFormatProvider? formatProvider
    ) => ((float)this).ToString(format, formatProvider);

    /// <summary>Writes the number in a format of <see cref="float"/>.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="charsWritten">How many characters were written.</param>
    /// <param name="format">A numeric format; empty: the shortest form that is read back as the same number.</param>
    /// <param name="provider">The culture; <see langword="null"/>: the current one.</param>
    /// <returns>Whether there was room.</returns>
    public bool TryFormat(
        Span<char> destination,
        out int charsWritten,
        [StringSyntax(StringSyntaxAttribute.NumericFormat)] ReadOnlySpan<char> format = default,
        IFormatProvider? provider = null
    ) => ((float)this).TryFormat(destination, out charsWritten, format, provider);

    /// <summary>Reads a number as <see cref="double"/> reads one, and rounds it.</summary>
    /// <param name="s">The text.</param>
    /// <param name="provider">The culture; <see langword="null"/>: the current one.</param>
    /// <returns>The nearest number.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="s"/> is <see langword="null"/>.</exception>
    /// <exception cref="FormatException"><paramref name="s"/> is not a number.</exception>
    public static BFloat16 Parse(string s, IFormatProvider? provider = null) => (BFloat16)double.Parse(s, provider);

    /// <summary>Reads a number as <see cref="double"/> reads one, and rounds it.</summary>
    /// <param name="s">The text.</param>
    /// <param name="provider">The culture; <see langword="null"/>: the current one.</param>
    /// <returns>The nearest number.</returns>
    /// <exception cref="FormatException"><paramref name="s"/> is not a number.</exception>
    public static BFloat16 Parse(ReadOnlySpan<char> s, IFormatProvider? provider = null) =>
        (BFloat16)double.Parse(s, provider);

    /// <summary>Reads a number as <see cref="double"/> reads one, and rounds it.</summary>
    /// <param name="s">The text.</param>
    /// <param name="provider">The culture; <see langword="null"/>: the current one.</param>
    /// <param name="result">The nearest number; 0 if there is none.</param>
    /// <returns>Whether the text is a number.</returns>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out BFloat16 result) =>
        TryParse(s.AsSpan(), provider, out result);

    /// <summary>Reads a number as <see cref="double"/> reads one, and rounds it.</summary>
    /// <param name="s">The text.</param>
    /// <param name="provider">The culture; <see langword="null"/>: the current one.</param>
    /// <param name="result">The nearest number; 0 if there is none.</param>
    /// <returns>Whether the text is a number.</returns>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out BFloat16 result)
    {
        bool isNumber = double.TryParse(s, provider, out double value);
        result = (BFloat16)value;
        return isNumber;
    }
}
