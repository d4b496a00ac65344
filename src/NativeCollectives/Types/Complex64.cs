using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;

namespace NativeCollectives;

/// <summary>
/// A complex number of two <see cref="float"/>, the real part first: MLX's and NumPy's <c>complex64</c>.
/// </summary>
/// <remarks>
/// Arithmetic is that of the textbook, in <see cref="float"/>; <see cref="Complex"/> is its counterpart of two
/// <see cref="double"/>.
/// </remarks>
/// <param name="real">The real part.</param>
/// <param name="imaginary">The imaginary part.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly struct Complex64(float real, float imaginary)
    : IEquatable<Complex64>,
        ISpanFormattable,
        IAdditionOperators<Complex64, Complex64, Complex64>,
        ISubtractionOperators<Complex64, Complex64, Complex64>,
        IMultiplyOperators<Complex64, Complex64, Complex64>,
        IDivisionOperators<Complex64, Complex64, Complex64>,
        IUnaryPlusOperators<Complex64, Complex64>,
        IUnaryNegationOperators<Complex64, Complex64>,
        IAdditiveIdentity<Complex64, Complex64>,
        IMultiplicativeIdentity<Complex64, Complex64>,
        IEqualityOperators<Complex64, Complex64, bool>
{
    /// <summary>Zero.</summary>
    public static Complex64 Zero => default;

    /// <summary>One.</summary>
    public static Complex64 One => new(1, 0);

    /// <summary>The imaginary unit.</summary>
    public static Complex64 ImaginaryOne => new(0, 1);

    /// <inheritdoc/>
    static Complex64 IAdditiveIdentity<Complex64, Complex64>.AdditiveIdentity => Zero;

    /// <inheritdoc/>
    static Complex64 IMultiplicativeIdentity<Complex64, Complex64>.MultiplicativeIdentity => One;

    /// <summary>The real part.</summary>
    public float Real { get; } = real;

    /// <summary>The imaginary part.</summary>
    public float Imaginary { get; } = imaginary;

    /// <summary>The distance from zero, without overflow on the way.</summary>
    public float Magnitude => float.Hypot(Real, Imaginary);

    /// <summary>The angle from the positive real axis, in radians, from -π to π.</summary>
    public float Phase => MathF.Atan2(Imaginary, Real);

    /// <summary>The number with its imaginary part negated.</summary>
    /// <param name="value">The number.</param>
    /// <returns>Its conjugate.</returns>
    public static Complex64 Conjugate(Complex64 value) => new(value.Real, -value.Imaginary);

    /// <summary>A real number as a complex one.</summary>
    /// <param name="value">The real part.</param>
    public static implicit operator Complex64(float value) => new(value, 0);

    /// <summary>The same number in double precision. Exact.</summary>
    /// <param name="value">The number.</param>
    public static implicit operator Complex(Complex64 value) => new(value.Real, value.Imaginary);

    /// <summary>The number with both parts rounded to <see cref="float"/>.</summary>
    /// <param name="value">The number.</param>
    public static explicit operator Complex64(Complex value) => new((float)value.Real, (float)value.Imaginary);

    /// <summary>The sum.</summary>
    /// <param name="left">The first addend.</param>
    /// <param name="right">The second addend.</param>
    /// <returns>The sum.</returns>
    public static Complex64 operator +(Complex64 left, Complex64 right) =>
        new(left.Real + right.Real, left.Imaginary + right.Imaginary);

    /// <summary>The difference.</summary>
    /// <param name="left">What is subtracted from.</param>
    /// <param name="right">What is subtracted.</param>
    /// <returns>The difference.</returns>
    public static Complex64 operator -(Complex64 left, Complex64 right) =>
        new(left.Real - right.Real, left.Imaginary - right.Imaginary);

    /// <summary>The product.</summary>
    /// <param name="left">The first factor.</param>
    /// <param name="right">The second factor.</param>
    /// <returns>The product.</returns>
    public static Complex64 operator *(Complex64 left, Complex64 right) =>
        new(
            (left.Real * right.Real) - (left.Imaginary * right.Imaginary),
            (left.Real * right.Imaginary) + (left.Imaginary * right.Real)
        );

    /// <summary>The quotient, computed in double precision.</summary>
    /// <param name="left">What is divided.</param>
    /// <param name="right">What it is divided by.</param>
    /// <returns>The quotient.</returns>
    public static Complex64 operator /(Complex64 left, Complex64 right) => (Complex64)((Complex)left / (Complex)right);

    /// <summary>The number itself.</summary>
    /// <param name="value">The number.</param>
    /// <returns>The same.</returns>
    public static Complex64 operator +(Complex64 value) => value;

    /// <summary>The number with both parts negated.</summary>
    /// <param name="value">The number.</param>
    /// <returns>Its negative.</returns>
    public static Complex64 operator -(Complex64 value) => new(-value.Real, -value.Imaginary);

    /// <summary>Whether both parts are equal; a NaN is equal to nothing.</summary>
    /// <param name="left">The first number.</param>
    /// <param name="right">The second number.</param>
    /// <returns>Whether they are equal.</returns>
    public static bool operator ==(Complex64 left, Complex64 right) =>
        left.Real == right.Real && left.Imaginary == right.Imaginary;

    /// <summary>Whether a part differs; a NaN differs from everything.</summary>
    /// <param name="left">The first number.</param>
    /// <param name="right">The second number.</param>
    /// <returns>Whether they differ.</returns>
    public static bool operator !=(Complex64 left, Complex64 right) => !(left == right);

    /// <summary>Whether both parts are equal, where a NaN equals every NaN.</summary>
    /// <param name="other">The number to compare with.</param>
    /// <returns>Whether they are equal.</returns>
    public bool Equals(Complex64 other) => Real.Equals(other.Real) && Imaginary.Equals(other.Imaginary);

    /// <summary>Whether an object is an equal <see cref="Complex64"/>.</summary>
    /// <param name="obj">The object.</param>
    /// <returns>Whether it is.</returns>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is Complex64 other && Equals(other);

    /// <summary>A hash code that equal numbers share.</summary>
    /// <returns>The hash code.</returns>
    public override int GetHashCode() => HashCode.Combine(Real, Imaginary);

    /// <summary>
    /// The number as <c>&lt;real; imaginary&gt;</c>, the form of <see cref="Complex"/>, in the current culture.
    /// </summary>
    /// <returns>Such as <c>&lt;1; -0.5&gt;</c>.</returns>
    public override string ToString() => ToString(null, CultureInfo.CurrentCulture);

    /// <summary>The number as <c>&lt;real; imaginary&gt;</c>, both parts in a format of <see cref="float"/>.</summary>
    /// <param name="format">
    /// A numeric format; <see langword="null"/>: the shortest form that is read back as the same number.
    /// </param>
    /// <param name="formatProvider">The culture; <see langword="null"/>: the current one.</param>
    /// <returns>The text.</returns>
    public string ToString(
        [StringSyntax(StringSyntaxAttribute.NumericFormat)] string? format,
        IFormatProvider? formatProvider
    ) => $"<{Real.ToString(format, formatProvider)}; {Imaginary.ToString(format, formatProvider)}>";

    /// <summary>
    /// Writes the number as <c>&lt;real; imaginary&gt;</c>, both parts in a format of <see cref="float"/>.
    /// </summary>
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
    )
    {
        int position = 0;
        bool fits =
            TryAppend(destination, ref position, '<')
            && TryAppend(destination, ref position, Real, format, provider)
            && TryAppend(destination, ref position, ';')
            && TryAppend(destination, ref position, ' ')
            && TryAppend(destination, ref position, Imaginary, format, provider)
            && TryAppend(destination, ref position, '>');
        charsWritten = fits ? position : 0;
        return fits;
    }

    private static bool TryAppend(Span<char> destination, ref int position, char character)
    {
        if (position == destination.Length)
        {
            return false;
        }

        destination[position++] = character;
        return true;
    }

    private static bool TryAppend(
        Span<char> destination,
        ref int position,
        float part,
        ReadOnlySpan<char> format,
        IFormatProvider? provider
    )
    {
        bool fits = part.TryFormat(destination[position..], out int written, format, provider);
        position += written;
        return fits;
    }
}
