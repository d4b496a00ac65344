using System.Numerics;
using System.Runtime.CompilerServices;

namespace NativeCollectives.Worker.Reference;

/// <summary>bool: sum and max are OR, product and min are AND.</summary>
public readonly struct BooleanElement : IElement<bool>
{
    public static bool IsFloating => false;
    public static bool IsSigned => false;
    public static bool HasAverage => false;

    public static bool IsNaN(bool value) => false;

    public static bool WinningNaN(bool nan) => nan;

    public static bool Sum(bool own, bool incoming) => own || incoming;

    public static bool Product(bool own, bool incoming) => own && incoming;

    public static bool Less(bool own, bool incoming) => !own && incoming;

    public static bool Divide(bool sum, int ranks) => throw new NotSupportedException();

    public static bool FromBits(ulong random) => (random & 1) != 0;

    public static bool FromSmall(int value) => (value & 1) != 0;

    public static bool Spread(ulong random) => FromBits(random);

    public static bool Power(ulong random) => FromBits(random);

    public static bool Comparable(ulong random) => FromBits(random);

    public static double Distance(bool a, bool b) => a == b ? 0 : 1;

    public static double Magnitude(bool value) => value ? 1 : 0;

    public static double Precision => 0;
}

/// <summary>The eight integer types: two's complement, wrapping; an average truncates toward zero.</summary>
public readonly struct IntegerElement<T> : IElement<T>
    where T : unmanaged, IBinaryInteger<T>
{
    public static bool IsFloating => false;
    public static bool IsSigned => T.IsNegative(T.CreateTruncating(-1));
    public static bool HasAverage => true;

    public static bool IsNaN(T value) => false;

    public static T WinningNaN(T nan) => nan;

    public static T Sum(T own, T incoming) => unchecked(own + incoming);

    public static T Product(T own, T incoming) => unchecked(own * incoming);

    public static bool Less(T own, T incoming) => own < incoming;

    public static T Divide(T sum, int ranks) => sum / T.CreateChecked(ranks);

    public static T FromBits(ulong random) => T.CreateTruncating(random);

    public static T FromSmall(int value) => T.CreateTruncating(value);

    public static T Spread(ulong random) => FromBits(random);

    public static T Power(ulong random) => FromBits(random);

    public static T Comparable(ulong random) => FromBits(random);

    public static double Distance(T a, T b) => Math.Abs(double.CreateChecked(a) - double.CreateChecked(b));

    public static double Magnitude(T value) => Math.Abs(double.CreateChecked(value));

    public static double Precision => 0;
}

/// <summary>float and double: native arithmetic.</summary>
public readonly struct FloatElement<T> : IElement<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static bool IsFloating => true;
    public static bool IsSigned => true;
    public static bool HasAverage => true;

    public static bool IsNaN(T value) => T.IsNaN(value);

    public static T WinningNaN(T nan) => nan;

    public static double Distance(T a, T b) => double.CreateChecked(T.Abs(a - b));

    public static double Magnitude(T value) => double.CreateChecked(T.Abs(value));

    public static double Precision => double.CreateChecked(T.BitIncrement(T.One) - T.One);

    public static T Sum(T own, T incoming) => own + incoming;

    public static T Product(T own, T incoming) => own * incoming;

    public static bool Less(T own, T incoming) => own < incoming;

    public static T Divide(T sum, int ranks) => sum / T.CreateChecked(ranks);

    public static T FromBits(ulong random)
    {
        if (Unsafe.SizeOf<T>() == sizeof(float))
        {
            return Unsafe.BitCast<uint, T>((uint)random);
        }
        return Unsafe.BitCast<ulong, T>(random);
    }

    public static T FromSmall(int value) => T.CreateChecked(value);

    public static T Spread(ulong random) => T.CreateChecked(Samples.Spread(random));

    public static T Power(ulong random) => T.CreateChecked(Samples.Power(random));

    public static T Comparable(ulong random)
    {
        if (Samples.IsNaN(random))
        {
            // quiet, of either sign, with a payload
            return Unsafe.SizeOf<T>() == sizeof(float)
                ? Unsafe.BitCast<uint, T>((uint)(random >> 32) | 0x7FC0_0000u)
                : Unsafe.BitCast<ulong, T>(Samples.Mix(random) | 0x7FF8_0000_0000_0000ul);
        }
        return T.CreateChecked(Samples.Ordered(random));
    }
}

/// <summary>IEEE half precision: computed as binary32, rounded to nearest even after every combination.</summary>
public readonly struct HalfElement : IElement<Half>
{
    public static bool IsFloating => true;
    public static bool IsSigned => true;
    public static bool HasAverage => true;

    public static bool IsNaN(Half value) => Half.IsNaN(value);

    public static Half WinningNaN(Half nan) => BitConverter.UInt16BitsToHalf(0x7D00);

    public static double Distance(Half a, Half b) => Math.Abs((double)a - (double)b);

    public static double Magnitude(Half value) => Math.Abs((double)value);

    public static double Precision => 1.0 / 1024;

    public static Half Sum(Half own, Half incoming) => (Half)((float)own + (float)incoming);

    public static Half Product(Half own, Half incoming) => (Half)((float)own * (float)incoming);

    public static bool Less(Half own, Half incoming) => (float)own < (float)incoming;

    public static Half Divide(Half sum, int ranks) => (Half)((float)sum / ranks);

    public static Half FromBits(ulong random) => BitConverter.UInt16BitsToHalf((ushort)random);

    public static Half FromSmall(int value) => (Half)value;

    public static Half Spread(ulong random) => (Half)Samples.Spread(random);

    public static Half Power(ulong random) => (Half)Samples.Power(random);

    public static Half Comparable(ulong random) =>
        Samples.IsNaN(random)
            ? BitConverter.UInt16BitsToHalf((ushort)((random >> 32) | 0x7E00))
            : (Half)Samples.Ordered(random);
}

/// <summary>
/// bfloat16: the upper half of a binary32, computed as one and rounded to nearest even after every combination.
/// </summary>
public readonly struct BFloat16Element : IElement<BFloat16>
{
    public static bool IsFloating => true;
    public static bool IsSigned => true;
    public static bool HasAverage => true;

    public static bool IsNaN(BFloat16 value) => float.IsNaN(Widen(value));

    public static BFloat16 WinningNaN(BFloat16 nan) => FromBits(0x7FC0);

    public static double Distance(BFloat16 a, BFloat16 b) => Math.Abs((double)Widen(a) - Widen(b));

    public static double Magnitude(BFloat16 value) => Math.Abs((double)Widen(value));

    public static double Precision => 1.0 / 128;

    public static BFloat16 Sum(BFloat16 own, BFloat16 incoming) => Round(Widen(own) + Widen(incoming));

    public static BFloat16 Product(BFloat16 own, BFloat16 incoming) => Round(Widen(own) * Widen(incoming));

    public static bool Less(BFloat16 own, BFloat16 incoming) => Widen(own) < Widen(incoming);

    public static BFloat16 Divide(BFloat16 sum, int ranks) => Round(Widen(sum) / ranks);

    public static BFloat16 FromBits(ulong random) => Unsafe.BitCast<ushort, BFloat16>((ushort)random);

    public static BFloat16 FromSmall(int value) => Round(value);

    public static BFloat16 Spread(ulong random) => Round((float)Samples.Spread(random));

    public static BFloat16 Power(ulong random) => Round((float)Samples.Power(random));

    public static BFloat16 Comparable(ulong random) =>
        Samples.IsNaN(random) ? FromBits((random >> 32) | 0x7FC0) : Round((float)Samples.Ordered(random));

    private static float Widen(BFloat16 value) =>
        BitConverter.UInt32BitsToSingle((uint)Unsafe.BitCast<BFloat16, ushort>(value) << 16);

    private static BFloat16 Round(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
        {
            return FromBits(((bits >> 16) & 0x8000) | 0x7FC0);
        }
        var upper = bits >> 16;
        var rest = bits & 0xFFFF;
        var up = rest > 0x8000 || (rest == 0x8000 && (upper & 1) != 0);
        return FromBits(up ? upper + 1 : upper);
    }
}

/// <summary>A complex number of two floats: added by component, ordered by real part, then by imaginary part.</summary>
public readonly struct ComplexElement : IElement<Complex64>
{
    private readonly record struct Pair(float Real, float Imaginary);

    public static bool IsFloating => true;
    public static bool IsSigned => true;
    public static bool HasAverage => true;

    public static bool IsNaN(Complex64 value) => float.IsNaN(Open(value).Real) || float.IsNaN(Open(value).Imaginary);

    public static Complex64 WinningNaN(Complex64 nan) => nan;

    public static double Precision => 1.0 / (1 << 23);

    public static double Distance(Complex64 a, Complex64 b)
    {
        var (x, y) = (Open(a), Open(b));
        return Math.Max(Math.Abs((double)x.Real - y.Real), Math.Abs((double)x.Imaginary - y.Imaginary));
    }

    public static double Magnitude(Complex64 value)
    {
        var x = Open(value);
        return Math.Max(Math.Abs((double)x.Real), Math.Abs((double)x.Imaginary));
    }

    public static Complex64 Sum(Complex64 own, Complex64 incoming)
    {
        var (a, b) = (Open(own), Open(incoming));
        return Make(a.Real + b.Real, a.Imaginary + b.Imaginary);
    }

    public static Complex64 Product(Complex64 own, Complex64 incoming)
    {
        var (a, b) = (Open(own), Open(incoming));
        return Make((a.Real * b.Real) - (a.Imaginary * b.Imaginary), (a.Real * b.Imaginary) + (a.Imaginary * b.Real));
    }

    public static bool Less(Complex64 own, Complex64 incoming)
    {
        var (a, b) = (Open(own), Open(incoming));
        return a.Real < b.Real || (a.Real == b.Real && a.Imaginary < b.Imaginary);
    }

    public static Complex64 Divide(Complex64 sum, int ranks)
    {
        var a = Open(sum);
        return Make(a.Real / ranks, a.Imaginary / ranks);
    }

    public static Complex64 FromBits(ulong random) => Unsafe.BitCast<ulong, Complex64>(random);

    public static Complex64 FromSmall(int value) => Make(value, -value);

    public static Complex64 Spread(ulong random) =>
        Make((float)Samples.Spread(random), (float)Samples.Spread(Samples.Mix(random)));

    /// <summary>
    /// A power of two times 2 + i, whose powers are whole and have no component of zero: a zero's sign would depend on
    /// the order.
    /// </summary>
    public static Complex64 Power(ulong random)
    {
        var power = (float)Samples.Power(random);
        return Make(2 * power, power);
    }

    public static Complex64 Comparable(ulong random) =>
        Make(FloatElement<float>.Comparable(random), FloatElement<float>.Comparable(Samples.Mix(random)));

    private static Pair Open(Complex64 value) => Unsafe.BitCast<Complex64, Pair>(value);

    private static Complex64 Make(float real, float imaginary) =>
        Unsafe.BitCast<Pair, Complex64>(new Pair(real, imaginary));
}
