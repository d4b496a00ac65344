using System.Globalization;
using System.Numerics;
using System.Numerics.Tensors;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;

namespace NativeCollectives.Tests;

/// <summary>BFloat16 as a number of generic math, and in TensorPrimitives.</summary>
[TestFixture]
[Category("Unit")]
[CancelAfter(120_000)]
public sealed class BFloat16MathTests
{
    private static readonly BFloat16[] _all =
    [
        .. Enumerable.Range(0, 0x10000).Select(bits => BFloat16.FromBits((ushort)bits)),
    ];

    private static IEnumerable<TestCaseData> Functions()
    {
        yield return Function("Sqrt", BFloat16.Sqrt, Math.Sqrt);
        yield return Function("Cbrt", BFloat16.Cbrt, Math.Cbrt);
        yield return Function("RootN 3", x => BFloat16.RootN(x, 3), x => double.RootN(x, 3));
        yield return Function("RootN -2", x => BFloat16.RootN(x, -2), x => double.RootN(x, -2));
        yield return Function("Hypot", x => BFloat16.Hypot(x, (BFloat16)3f), x => double.Hypot(x, 3));
        yield return Function("Pow", x => BFloat16.Pow(x, (BFloat16)1.5f), x => Math.Pow(x, 1.5));
        yield return Function("Exp", BFloat16.Exp, Math.Exp);
        yield return Function("Exp2", BFloat16.Exp2, x => Math.Pow(2, x));
        yield return Function("Exp10", BFloat16.Exp10, x => Math.Pow(10, x));
        yield return Function("ExpM1", BFloat16.ExpM1, ExponentialLessOne);
        yield return Function("Exp2M1", BFloat16.Exp2M1, x => ExponentialLessOne(x * Math.Log(2)));
        yield return Function("Exp10M1", BFloat16.Exp10M1, x => ExponentialLessOne(x * Math.Log(10)));
        yield return Function("Log", BFloat16.Log, Math.Log);
        yield return Function("Log of a base", x => BFloat16.Log(x, (BFloat16)3f), x => Math.Log(x, 3));
        yield return Function("Log2", BFloat16.Log2, Math.Log2);
        yield return Function("Log10", BFloat16.Log10, Math.Log10);
        yield return Function("LogP1", BFloat16.LogP1, LogarithmOfOneMore);
        yield return Function("Log2P1", BFloat16.Log2P1, x => LogarithmOfOneMore(x) / Math.Log(2));
        yield return Function("Log10P1", BFloat16.Log10P1, x => LogarithmOfOneMore(x) / Math.Log(10));
        yield return Function("Sin", BFloat16.Sin, Math.Sin);
        yield return Function("Cos", BFloat16.Cos, Math.Cos);
        yield return Function("Tan", BFloat16.Tan, Math.Tan);
        yield return Function("SinCos, sine", x => BFloat16.SinCos(x).Sin, Math.Sin);
        yield return Function("SinCos, cosine", x => BFloat16.SinCos(x).Cos, Math.Cos);
        yield return Function("SinPi", BFloat16.SinPi, double.SinPi);
        yield return Function("CosPi", BFloat16.CosPi, double.CosPi);
        yield return Function("TanPi", BFloat16.TanPi, double.TanPi);
        yield return Function("SinCosPi, sine", x => BFloat16.SinCosPi(x).SinPi, double.SinPi);
        yield return Function("SinCosPi, cosine", x => BFloat16.SinCosPi(x).CosPi, double.CosPi);
        yield return Function("Asin", BFloat16.Asin, Math.Asin);
        yield return Function("Acos", BFloat16.Acos, Math.Acos);
        yield return Function("Atan", BFloat16.Atan, Math.Atan);
        yield return Function("AsinPi", BFloat16.AsinPi, double.AsinPi);
        yield return Function("AcosPi", BFloat16.AcosPi, double.AcosPi);
        yield return Function("AtanPi", BFloat16.AtanPi, double.AtanPi);
        yield return Function("Atan2", x => BFloat16.Atan2(x, (BFloat16)(-2f)), x => Math.Atan2(x, -2));
        yield return Function("Atan2Pi", x => BFloat16.Atan2Pi((BFloat16)0.5f, x), x => double.Atan2Pi(0.5, x));
        yield return Function("Sinh", BFloat16.Sinh, Math.Sinh);
        yield return Function("Cosh", BFloat16.Cosh, Math.Cosh);
        yield return Function("Tanh", BFloat16.Tanh, Math.Tanh);
        yield return Function("Asinh", BFloat16.Asinh, Math.Asinh);
        yield return Function("Acosh", BFloat16.Acosh, Math.Acosh);
        yield return Function("Atanh", BFloat16.Atanh, Math.Atanh);
        yield return Function("DegreesToRadians", BFloat16.DegreesToRadians, x => x * (Math.PI / 180));
        yield return Function("RadiansToDegrees", BFloat16.RadiansToDegrees, x => x * (180 / Math.PI));
        yield return Function("ReciprocalEstimate", BFloat16.ReciprocalEstimate, x => 1 / x);
        yield return Function("ReciprocalSqrtEstimate", BFloat16.ReciprocalSqrtEstimate, x => 1 / Math.Sqrt(x));
        yield return Function("Lerp", x => BFloat16.Lerp(x, (BFloat16)3f, (BFloat16)0.25f), x => (x * 0.75) + 0.75);
        yield return Function("Ceiling", BFloat16.Ceiling, Math.Ceiling);
        yield return Function("Floor", BFloat16.Floor, Math.Floor);
        yield return Function("Truncate", BFloat16.Truncate, Math.Truncate);
        yield return Function("Round", BFloat16.Round, Math.Round);
        yield return Function("Round to digits", x => BFloat16.Round(x, 1), x => Math.Round(x, 1));
        yield return Function(
            "Round away from zero",
            x => BFloat16.Round(x, MidpointRounding.AwayFromZero),
            x => Math.Round(x, MidpointRounding.AwayFromZero)
        );
        yield return Function(
            "Round to digits, toward zero",
            x => BFloat16.Round(x, 2, MidpointRounding.ToZero),
            x => Math.Round(x, 2, MidpointRounding.ToZero)
        );
        yield return Function("ScaleB up", x => BFloat16.ScaleB(x, 100), x => Math.ScaleB(x, 100));
        yield return Function("ScaleB down", x => BFloat16.ScaleB(x, -100), x => Math.ScaleB(x, -100));
        yield return Function("++", x => ++x, x => x + 1);
        yield return Function("--", x => --x, x => x - 1);
        yield return Function("Abs", BFloat16.Abs, Math.Abs);
        yield return Function(
            "Clamp",
            x => BFloat16.Clamp(x, (BFloat16)(-2f), BFloat16.One),
            x => Math.Clamp(x, -2, 1)
        );

        static TestCaseData Function(string name, Func<BFloat16, BFloat16> function, Func<double, double> reference) =>
            new TestCaseData(function, reference).SetArgDisplayNames(name);
    }

    /// <summary>The nearest number to what the function of double gives, for every number there is.</summary>
    [TestCaseSource(nameof(Functions))]
    public void AFunctionIsThatOfDoubleRoundedOnce(
        Func<BFloat16, BFloat16> function,
        Func<double, double> reference,
        CancellationToken cancellationToken
    )
    {
        _ = cancellationToken;
        Assert.That(
            _all.Where(x => !IsNearest(function(x), reference(x)))
                .Select(x => $"of {(double)x:R}: {(double)function(x):R} and not {reference(x):R}")
                .Take(5),
            Is.Empty
        );
    }

    [Test]
    public void TwoNumbersAreCombinedAsIfInOneStep()
    {
        var random = new Random(2);
        List<string> wrong = [];
        for (int i = 0; i < 150_000 && wrong.Count < 5; i++)
        {
            BFloat16 x = _all[random.Next(_all.Length)];
            // Every other pair has results around the least normal number, where a float has fewer bits.
            BFloat16 y = _all[random.Next(_all.Length)];
            if (i % 2 == 1)
            {
                int exponent = ((x.ToBits() >> 7) & 0xFF) + random.Next(118, 136);
                y = BFloat16.FromBits((ushort)((Math.Clamp(exponent, 0, 254) << 7) | (y.ToBits() & 0x807F)));
            }

            Look("+", x + y, (double)x + y);
            Look("-", x - y, (double)x - y);
            Look("*", x * y, (double)x * y);
            Look("/", x / y, (double)x / y);
            Look("1/y * x, small", x * (BFloat16.One / y), (double)x * (double)(BFloat16.One / y));
            Look("%", x % y, (double)x % y);
            Look("remainder", BFloat16.Ieee754Remainder(x, y), Math.IEEERemainder(x, y));
            Look("max", BFloat16.Max(x, y), Math.Max((double)x, y));
            Look("max number", BFloat16.MaxNumber(x, y), double.MaxNumber(x, y));
            Look("max magnitude", BFloat16.MaxMagnitude(x, y), Math.MaxMagnitude((double)x, y));
            Look("max magnitude number", BFloat16.MaxMagnitudeNumber(x, y), double.MaxMagnitudeNumber(x, y));
            Look("min", BFloat16.Min(x, y), Math.Min((double)x, y));
            Look("min number", BFloat16.MinNumber(x, y), double.MinNumber(x, y));
            Look("min magnitude", BFloat16.MinMagnitude(x, y), Math.MinMagnitude((double)x, y));
            Look("min magnitude number", BFloat16.MinMagnitudeNumber(x, y), double.MinMagnitudeNumber(x, y));
            Look("sign", BFloat16.CopySign(x, y), Math.CopySign((double)x, y));

            void Look(string operation, BFloat16 result, double expected)
            {
                if (!IsNearest(result, expected))
                {
                    wrong.Add($"{(double)x:R} {operation} {(double)y:R}: {(double)result:R} and not {expected:R}");
                }
            }
        }

        Assert.That(wrong, Is.Empty);
    }

    [Test]
    public void AProductAndASumAreRoundedOnce()
    {
        var random = new Random(3);
        List<string> wrong = [];
        for (int i = 0; i < 100_000 && wrong.Count < 5; i++)
        {
            BFloat16 x = _all[random.Next(_all.Length)];
            BFloat16 y = _all[random.Next(_all.Length)];
            BFloat16 z = _all[random.Next(_all.Length)];
            if (i % 2 == 1)
            {
                // Products that are often ties, and addends that are too small to be seen beside them.
                x = (BFloat16)(1 + (random.Next(128) / 128f));
                y = (BFloat16)(random.Next(16) + 0.5f);
                z = (BFloat16)Math.ScaleB(random.Next(-2, 3), random.Next(-130, 3));
            }

            if (!BFloat16.IsFinite(x) || !BFloat16.IsFinite(y) || !BFloat16.IsFinite(z))
            {
                continue;
            }

            // In units of 2^-266.
            BigInteger exact = (Units(x) * Units(y)) + (Units(z) << 133);
            BFloat16 result = BFloat16.FusedMultiplyAdd(x, y, z);
            if (BFloat16.Abs(result) != NearestMagnitude(BigInteger.Abs(exact), -266) || (exact.Sign < 0 && result > 0))
            {
                wrong.Add($"{(double)x:R} * {(double)y:R} + {(double)z:R}: {(double)result:R}");
            }
        }

        Assert.That(wrong, Is.Empty);
        Assert.That(float.IsNaN(BFloat16.FusedMultiplyAdd(BFloat16.PositiveInfinity, BFloat16.Zero, BFloat16.One)));
        Assert.That(
            (float)BFloat16.FusedMultiplyAdd(BFloat16.PositiveInfinity, BFloat16.One, BFloat16.One),
            Is.EqualTo(float.PositiveInfinity)
        );
        Assert.That(
            BFloat16.IsNegative(BFloat16.FusedMultiplyAdd(BFloat16.NegativeZero, BFloat16.One, BFloat16.NegativeZero)),
            Is.True
        );
    }

    [Test]
    public void WhatKindOfNumberItIsIsWhatFloatSays()
    {
        Assert.That(_all.Where(value => !Kinds(value).SequenceEqual(Kinds<float>(value))), Is.Empty);
        Assert.That(
            _all.Where(value =>
                !BFloat16.IsNaN(value) && BFloat16.Sign(value) != Math.Sign((float)value)
                || BFloat16.ILogB(value) != MathF.ILogB(value)
            ),
            Is.Empty
        );
        Assert.That(() => BFloat16.Sign(BFloat16.NaN), Throws.InstanceOf<ArithmeticException>());

        static bool[] Kinds<T>(T value)
            where T : IBinaryFloatingPointIeee754<T> =>
            [
                T.IsCanonical(value),
                T.IsComplexNumber(value),
                T.IsEvenInteger(value),
                T.IsFinite(value),
                T.IsImaginaryNumber(value),
                T.IsInfinity(value),
                T.IsInteger(value),
                T.IsNaN(value),
                T.IsNegative(value),
                T.IsNegativeInfinity(value),
                T.IsNormal(value),
                T.IsOddInteger(value),
                T.IsPositive(value),
                T.IsPositiveInfinity(value),
                T.IsPow2(value),
                T.IsRealNumber(value),
                T.IsSubnormal(value),
                T.IsZero(value),
            ];
    }

    [Test]
    public void ConstantsAreTheNearest()
    {
        Assert.That(BFloat16.E.ToBits(), Is.EqualTo(BFloat16Tests.Nearest(Math.E)));
        Assert.That(BFloat16.Pi.ToBits(), Is.EqualTo(BFloat16Tests.Nearest(Math.PI)));
        Assert.That(BFloat16.Tau.ToBits(), Is.EqualTo(BFloat16Tests.Nearest(Math.Tau)));
        Assert.That((float)BFloat16.NegativeOne, Is.EqualTo(-1f));
        Assert.That(BFloat16.NegativeZero.ToBits(), Is.EqualTo((ushort)0x8000));
        Assert.That(
            new[] { Radix<BFloat16>(), (int)Sums<BFloat16>(), (int)Products<BFloat16>() },
            Is.EqualTo(new[] { 2, 0, 1 })
        );
        Assert.That(AllBitsSet<BFloat16>().ToBits(), Is.EqualTo((ushort)0xFFFF));

        static int Radix<T>()
            where T : INumberBase<T> => T.Radix;
        static T Sums<T>()
            where T : INumberBase<T> => T.AdditiveIdentity;
        static T Products<T>()
            where T : INumberBase<T> => T.MultiplicativeIdentity;
        static T AllBitsSet<T>()
            where T : IBinaryNumber<T> => T.AllBitsSet;
    }

    [Test]
    public void NeighboursAreNextToEachOther()
    {
        BFloat16 value = BFloat16.NegativeInfinity;
        int steps = 0;
        while (value != BFloat16.PositiveInfinity)
        {
            BFloat16 next = BFloat16.BitIncrement(value);
            Assert.That(next > value, Is.True);
            Assert.That(BFloat16.BitDecrement(next) == value, Is.True);
            value = next;
            steps++;
        }

        // Every number once; the two zeros are one.
        Assert.That(steps, Is.EqualTo(2 * 0x7F80));
        Assert.That(BFloat16.BitIncrement(value), Is.EqualTo(value));
        Assert.That(
            BFloat16.BitDecrement(BFloat16.NegativeInfinity).ToBits(),
            Is.EqualTo(BFloat16.NegativeInfinity.ToBits())
        );
        Assert.That(BFloat16.BitIncrement(BFloat16.NaN).ToBits(), Is.EqualTo((ushort)0x7FC0));
        Assert.That(BFloat16.BitDecrement(BFloat16.Zero).ToBits(), Is.EqualTo((ushort)0x8001));
    }

    [Test]
    public void BitsAreCombinedAsBits()
    {
        var random = new Random(4);
        for (int i = 0; i < 10_000; i++)
        {
            ushort x = (ushort)random.Next(0x10000);
            ushort y = (ushort)random.Next(0x10000);
            Assert.That(
                Combine(BFloat16.FromBits(x), BFloat16.FromBits(y)).Select(static result => result.ToBits()),
                Is.EqualTo(new[] { (ushort)(x & y), (ushort)(x | y), (ushort)(x ^ y), (ushort)~x })
            );
        }

        static T[] Combine<T>(T x, T y)
            where T : IBitwiseOperators<T, T, T> => [x & y, x | y, x ^ y, ~x];
    }

    /// <summary>The exponent is a float's, as both have the same; the significand is a float's upper bits.</summary>
    [Test]
    public void ExponentAndSignificandAreWritten()
    {
        foreach (BFloat16 value in _all)
        {
            (byte[] own, int ownBits, byte[] ownSignificand, byte[] swapped, int length) = Parts(value);
            (byte[] theirs, int theirBits, byte[] theirSignificand, _, _) = Parts<float>(value);
            uint significand = BitConverter.ToUInt32(theirSignificand);
            if (
                !own.SequenceEqual(theirs)
                || ownBits != theirBits
                || BitConverter.ToUInt16(ownSignificand) != significand >> 16
                || !ownSignificand.Reverse().SequenceEqual(swapped)
                || length != 8
            )
            {
                Assert.Fail(
                    $"of {value.ToBits():X4}: {Convert.ToHexString(own)} {Convert.ToHexString(ownSignificand)}"
                );
            }
        }

        Assert.That(Write(BFloat16.One, []), Is.EqualTo(new[] { false, false, false, false }));
        Assert.That(Write(BFloat16.One, new byte[1]), Is.EqualTo(new[] { true, true, false, false }));

        static (byte[] Exponent, int Bits, byte[] Significand, byte[] Swapped, int Length) Parts<T>(T value)
            where T : IFloatingPoint<T>
        {
            byte[] exponent = new byte[value.GetExponentByteCount()];
            byte[] significand = new byte[value.GetSignificandByteCount()];
            byte[] swapped = new byte[significand.Length];
            Assert.That(value.WriteExponentBigEndian(exponent), Is.EqualTo(exponent.Length));
            Assert.That(value.WriteSignificandLittleEndian(significand), Is.EqualTo(significand.Length));
            _ = value.WriteSignificandBigEndian(swapped);
            return (
                exponent,
                value.GetExponentShortestBitLength(),
                significand,
                swapped,
                value.GetSignificandBitLength()
            );
        }

        static bool[] Write<T>(T value, byte[] destination)
            where T : IFloatingPoint<T>
        {
            List<bool> fits =
            [
                value.TryWriteExponentBigEndian(destination, out int first),
                value.TryWriteExponentLittleEndian(destination, out int second),
                value.TryWriteSignificandBigEndian(destination, out int third),
                value.TryWriteSignificandLittleEndian(destination, out int fourth),
            ];
            Assert.That(first + second + third + fourth, Is.EqualTo(2 * destination.Length));
            return [.. fits];
        }
    }

    [Test]
    public void NumbersOfEveryTypeAreRoundedOnce()
    {
        // 2^60 + 2^52 is a tie. What is added to it is too little for a double to keep.
        const long Tie = (1L << 60) + (1L << 52);
        Assert.That((float)Checked(Tie), Is.EqualTo(MathF.Pow(2, 60)));
        Assert.That((float)Checked(Tie + 1), Is.EqualTo(MathF.Pow(2, 60) + MathF.Pow(2, 53)));
        Assert.That((float)Saturating(-Tie - 1), Is.EqualTo(-MathF.Pow(2, 60) - MathF.Pow(2, 53)));
        Assert.That((float)Truncating(Tie - 1), Is.EqualTo(MathF.Pow(2, 60)));
        Assert.That(
            (float)Truncating((nint)long.CreateChecked(Tie + 1)),
            Is.EqualTo(MathF.Pow(2, 60) + MathF.Pow(2, 53))
        );
        Assert.That(Checked((ulong)Tie + 1), Is.EqualTo(Checked(Tie + 1)));
        Assert.That(Checked((nuint)ulong.CreateChecked(Tie + 1)), Is.EqualTo(Checked(Tie + 1)));
        Assert.That(Checked((Int128)Tie + 1), Is.EqualTo(Checked(Tie + 1)));
        Assert.That(Checked((BigInteger)Tie + 1), Is.EqualTo(Checked(Tie + 1)));
        Assert.That((float)Checked(((BigInteger)Tie << 60) + 1), Is.EqualTo(MathF.Pow(2, 120) + MathF.Pow(2, 113)));
        Assert.That((float)Checked((BigInteger)Tie << 60), Is.EqualTo(MathF.Pow(2, 120)));
        Assert.That((float)Checked(-(BigInteger.One << 128)), Is.EqualTo(float.NegativeInfinity));
        Assert.That((float)Checked(BigInteger.One << 100_000), Is.EqualTo(float.PositiveInfinity));
        Assert.That((float)Checked(UInt128.MaxValue), Is.EqualTo(float.PositiveInfinity));
        Assert.That((float)Checked(Int128.MinValue), Is.EqualTo(-MathF.Pow(2, 127)));
        Assert.That((float)Checked(long.MinValue), Is.EqualTo(-MathF.Pow(2, 63)));
        Assert.That((float)Checked(1.00390625m), Is.EqualTo(1f), "a tie, to even");
        Assert.That((float)Checked(1.0039062500000000000000000001m), Is.EqualTo(1.0078125f));
        Assert.That((float)Checked(-0.1m), Is.EqualTo((float)(BFloat16)(-0.1)));
        Assert.That(Checked(1e-28m), Is.EqualTo((BFloat16)1e-28));
        Assert.That(Checked(decimal.MaxValue), Is.EqualTo((BFloat16)7.9228162514264338e28));
        Assert.That((float)Checked(decimal.Zero), Is.Zero);
        Assert.That((float)Checked(1 + Math.ScaleB(1, -8) + Math.ScaleB(1, -50)), Is.EqualTo(1.0078125f));
        Assert.That((float)Checked((NFloat)3), Is.EqualTo(3f));
        Assert.That((float)Checked((Half)0.1f), Is.EqualTo((float)(BFloat16)(float)(Half)0.1f));
        Assert.That((float)Checked('a'), Is.EqualTo(97f));
        Assert.That((float)Checked(new Complex(3, 0)), Is.EqualTo(3f));
        Assert.That((float)Truncating(new Complex(3, 1)), Is.EqualTo(3f));
        Assert.That(BFloat16.IsNaN(Checked(new Complex(3, 1))), Is.True, "as double has it");
        foreach (BFloat16 value in _all)
        {
            Assert.That(Checked(value).ToBits(), Is.EqualTo(value.ToBits()), "the same type: the same");
        }
    }

    [Test]
    public void NumbersBecomeThoseOfEveryTypeAsFloatsDo()
    {
        Become<sbyte>();
        Become<short>();
        Become<int>();
        Become<long>();
        Become<nint>();
        Become<Int128>();
        Become<byte>();
        Become<char>();
        Become<ushort>();
        Become<uint>();
        Become<ulong>();
        Become<nuint>();
        Become<UInt128>();
        Become<BigInteger>();
        Become<Half>();
        Become<float>();
        Become<double>();
        Become<NFloat>();
        Become<Complex>();
        Assert.That(decimal.CreateChecked((BFloat16)(1f / 3)), Is.EqualTo(0.333984375m), "all digits");
        Assert.That(decimal.CreateSaturating(BFloat16.MaxValue), Is.EqualTo(decimal.MaxValue));

        static void Become<T>()
            where T : INumberBase<T>
        {
            Assert.That(
                _all.Where(value =>
                    // A number that is out of range costs an exception, which is slow: so few of them are looked at.
                    (
                        value.ToBits() % 61 == 0
                        && !Same(() => T.CreateChecked(value), () => T.CreateChecked((double)value))
                    )
                    || !Same(() => T.CreateSaturating(value), () => T.CreateSaturating((double)value))
                    || !Same(() => T.CreateTruncating(value), () => T.CreateTruncating((double)value))
                ),
                Is.Empty,
                typeof(T).Name
            );
        }

        static bool Same<T>(Func<T> one, Func<T> other)
            where T : INumberBase<T>
        {
            (T value, bool isTooLarge) = Try(one);
            return (value, isTooLarge).Equals(Try(other));
        }

        static (T Value, bool IsTooLarge) Try<T>(Func<T> create)
            where T : INumberBase<T>
        {
            try
            {
                return (create(), false);
            }
            catch (OverflowException)
            {
                return (T.Zero, true);
            }
        }
    }

    [Test]
    public void TextOfAStyleIsRead()
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        Assert.That((float)BFloat16.Parse("(1,000)", NumberStyles.Currency, culture), Is.EqualTo(-1000f));
        Assert.That((float)BFloat16.Parse("1.5".AsSpan(), NumberStyles.Float, culture), Is.EqualTo(1.5f));
        Assert.That(BFloat16.TryParse("1,000", NumberStyles.Float, culture, out BFloat16 none), Is.False);
        Assert.That(none, Is.EqualTo(BFloat16.Zero));
        Assert.That(BFloat16.TryParse("1,000", NumberStyles.Number, culture, out BFloat16 thousand), Is.True);
        Assert.That((float)thousand, Is.EqualTo(1000f));
        Assert.That((float)ReadUtf8<BFloat16>("0.5"u8), Is.EqualTo(0.5f));
        Assert.That(Encoding.UTF8.GetString(WriteUtf8((BFloat16)0.5f)), Is.EqualTo("0.50"));

        static T ReadUtf8<T>(ReadOnlySpan<byte> text)
            where T : INumberBase<T> => T.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);

        static byte[] WriteUtf8<T>(T value)
            where T : IUtf8SpanFormattable
        {
            byte[] text = new byte[16];
            Assert.That(value.TryFormat(text, out int written, "F2", CultureInfo.InvariantCulture), Is.True);
            return text[..written];
        }
    }

    /// <summary>Where Half goes, BFloat16 goes.</summary>
    [Test]
    public void EveryMethodOfTensorPrimitivesThatTakesHalfTakesBFloat16()
    {
        MethodInfo[] methods =
        [
            .. typeof(TensorPrimitives)
                .GetMethods(BindingFlags.Public | BindingFlags.Static)
                .Where(method => method.IsGenericMethodDefinition && Takes(method, typeof(Half))),
        ];

        Assert.That(methods, Has.Length.GreaterThan(150));
        Assert.That(methods.Where(method => !Takes(method, typeof(BFloat16))), Is.Empty);

        static bool Takes(MethodInfo method, Type type)
        {
            Type[] arguments = [.. method.GetGenericArguments().Select(_ => type)];
            try
            {
                _ = method.MakeGenericMethod(arguments);
                return true;
            }
            catch (ArgumentException)
            {
                return false;
            }
        }
    }

    [Test]
    public void TensorPrimitivesCompute()
    {
        BFloat16[] x = [.. new[] { 1f, -2f, 3f, 0.5f, 8f }.Select(static value => (BFloat16)value)];
        BFloat16[] y = [.. new[] { 2f, 4f, -1f, 2f, 0.25f }.Select(static value => (BFloat16)value)];
        BFloat16[] result = new BFloat16[5];

        Assert.That((float)TensorPrimitives.Sum<BFloat16>(x), Is.EqualTo(10.5f));
        Assert.That((float)TensorPrimitives.Dot<BFloat16>(x, y), Is.EqualTo(-6f));
        Assert.That((float)TensorPrimitives.Product<BFloat16>(x), Is.EqualTo(-24f));
        Assert.That((float)TensorPrimitives.Max<BFloat16>(x), Is.EqualTo(8f));
        Assert.That((float)TensorPrimitives.Min<BFloat16>(x), Is.EqualTo(-2f));
        Assert.That(TensorPrimitives.IndexOfMaxMagnitude<BFloat16>(x), Is.EqualTo(4));
        Assert.That((float)TensorPrimitives.Norm<BFloat16>([(BFloat16)3f, (BFloat16)4f]), Is.EqualTo(5f));
        Assert.That((float)TensorPrimitives.CosineSimilarity<BFloat16>(x, x), Is.EqualTo(1f).Within(0.01f));
        TensorPrimitives.Add<BFloat16>(x, y, result);
        Assert.That(result.Select(static value => (float)value), Is.EqualTo(new[] { 3f, 2f, 2f, 2.5f, 8.25f }));
        TensorPrimitives.MultiplyAdd(x, y, BFloat16.One, result);
        Assert.That(result.Select(static value => (float)value), Is.EqualTo(new[] { 3f, -7f, -2f, 2f, 3f }));
        TensorPrimitives.SoftMax<BFloat16>(x, result);
        Assert.That(result.Sum(static value => (float)value), Is.EqualTo(1f).Within(0.01f));
        Assert.That((float)result[4], Is.EqualTo(0.99f).Within(0.01f));
        TensorPrimitives.Sigmoid<BFloat16>(x, result);
        Assert.That((float)result[0], Is.EqualTo(0.731f).Within(0.004f));
        TensorPrimitives.Tanh<BFloat16>(x, result);
        Assert.That(result[0], Is.EqualTo(BFloat16.Tanh(x[0])));
    }

    [Test]
    public void TensorPrimitivesConvert()
    {
        float[] given = [1.00390625f, -3.5f, 1e30f, float.NaN, float.NegativeInfinity];
        BFloat16[] values = new BFloat16[5];
        float[] floats = new float[5];
        int[] integers = new int[5];
        BFloat16[] expected = [.. given.Select(static value => (BFloat16)value)];

        TensorPrimitives.ConvertTruncating<float, BFloat16>(given, values);
        Assert.That(values, Is.EqualTo(expected));
        TensorPrimitives.ConvertSaturating<float, BFloat16>(given, values);
        Assert.That(values, Is.EqualTo(expected));
        TensorPrimitives.ConvertChecked<float, BFloat16>(given, values);
        Assert.That(values, Is.EqualTo(expected));
        TensorPrimitives.ConvertTruncating<BFloat16, float>(values, floats);
        Assert.That(floats, Is.EqualTo(expected.Select(static value => (float)value)));
        TensorPrimitives.ConvertSaturating<BFloat16, int>(values, integers);
        Assert.That(integers, Is.EqualTo(new[] { 1, -3, int.MaxValue, 0, int.MinValue }));
        Assert.That(
            () => TensorPrimitives.ConvertChecked<BFloat16, int>(values, integers),
            Throws.InstanceOf<OverflowException>()
        );
        TensorPrimitives.ConvertToInteger<BFloat16, int>(values, integers);
        Assert.That(integers[1], Is.EqualTo(-3));
    }

    [Test]
    public void ComplexNumbersAreSummedByTensorPrimitives()
    {
        Complex64[] x = [new(1, 2), new(3, -1)];
        Complex64[] y = [new(0, 1), new(2, 0)];

        Assert.That(TensorPrimitives.Sum<Complex64>(x), Is.EqualTo(new Complex64(4, 1)));
        Assert.That(TensorPrimitives.Product<Complex64>(x), Is.EqualTo(new Complex64(5, 5)));
        Assert.That(TensorPrimitives.Dot<Complex64>(x, y), Is.EqualTo(new Complex64(4, -1)));
    }

    private static BFloat16 Checked<T>(T value)
        where T : INumberBase<T>
    {
        return Create<BFloat16>(value);

        static TResult Create<TResult>(T value)
            where TResult : INumberBase<TResult> => TResult.CreateChecked(value);
    }

    private static BFloat16 Saturating<T>(T value)
        where T : INumberBase<T>
    {
        return Create<BFloat16>(value);

        static TResult Create<TResult>(T value)
            where TResult : INumberBase<TResult> => TResult.CreateSaturating(value);
    }

    private static BFloat16 Truncating<T>(T value)
        where T : INumberBase<T>
    {
        return Create<BFloat16>(value);

        static TResult Create<TResult>(T value)
            where TResult : INumberBase<TResult> => TResult.CreateTruncating(value);
    }

    private static bool IsNearest(BFloat16 result, double expected) =>
        double.IsNaN(expected) ? BFloat16.IsNaN(result) : result.ToBits() == BFloat16Tests.Nearest(expected);

    // Those of double lose a small x beside the one.
    private static double ExponentialLessOne(double x) =>
        Math.Abs(x) > 1 ? Math.Exp(x) - 1 : 2 * Math.Exp(x / 2) * Math.Sinh(x / 2);

    private static double LogarithmOfOneMore(double x) =>
        Math.Abs(x) > 1 ? Math.Log(1 + x) : 2 * Math.Atanh(x / (2 + x));

    // In units of the least one.
    private static BigInteger Units(BFloat16 value) => (BigInteger)Math.ScaleB(value, 133);

    // The nearest to magnitude * 2^exponent, ties to even, in whole numbers.
    private static BFloat16 NearestMagnitude(BigInteger magnitude, int exponent)
    {
        // What is left are 8 bits, or fewer where the unit is that of the least number.
        int shift = (int)Math.Max(magnitude.GetBitLength() - 8, -133 - exponent);
        if (shift > 0)
        {
            BigInteger half = BigInteger.One << (shift - 1);
            BigInteger rest = magnitude & ((BigInteger.One << shift) - 1);
            magnitude >>= shift;
            exponent += shift;
            if (rest > half || (rest == half && !magnitude.IsEven))
            {
                magnitude++;
            }
        }

        double nearest = Math.ScaleB((double)magnitude, exponent);
        return nearest >= Math.ScaleB(1, 128) ? BFloat16.PositiveInfinity : (BFloat16)(float)nearest;
    }
}
