using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace NativeCollectives.Tests;

[TestFixture]
[Category("Unit")]
[CancelAfter(60_000)]
public sealed class BFloat16Tests
{
    private static IEnumerable<ushort> AllBits => Enumerable.Range(0, 0x10000).Select(bits => (ushort)bits);

    [Test]
    public void ItIsTwoBytes() => Assert.That(Unsafe.SizeOf<BFloat16>(), Is.EqualTo(2));

    [Test]
    public void BitsAreKept()
    {
        foreach (ushort bits in AllBits)
        {
            Assert.That(BFloat16.FromBits(bits).ToBits(), Is.EqualTo(bits));
        }
    }

    [Test]
    public void EveryNumberSurvivesConversionToEveryWiderType()
    {
        foreach (BFloat16 value in AllBits.Select(BFloat16.FromBits).Where(value => !BFloat16.IsNaN(value)))
        {
            float single = value;
            double wide = value;
            Assert.That(BitConverter.SingleToUInt32Bits(single), Is.EqualTo((uint)value.ToBits() << 16));
            Assert.That(((BFloat16)single).ToBits(), Is.EqualTo(value.ToBits()));
            Assert.That(((BFloat16)wide).ToBits(), Is.EqualTo(value.ToBits()));
        }
    }

    [Test]
    public void EveryNaNBecomesTheQuietOneWithItsSign()
    {
        foreach (BFloat16 value in AllBits.Select(BFloat16.FromBits).Where(BFloat16.IsNaN))
        {
            int expected = BFloat16.IsNegative(value) ? 0xFFC0 : 0x7FC0;
            Assert.That((int)((BFloat16)(float)value).ToBits(), Is.EqualTo(expected));
            Assert.That((int)((BFloat16)(double)value).ToBits(), Is.EqualTo(expected));
        }

        Assert.That(
            (int)((BFloat16)BitConverter.UInt32BitsToSingle(0x7F800001)).ToBits(),
            Is.EqualTo(0x7FC0),
            "a NaN whose payload lies below what is kept"
        );
    }

    [Test]
    public void SinglesAreRoundedToNearestEven()
    {
        var random = new Random(1);
        IEnumerable<uint> atTies = AllBits.SelectMany(bits =>
            new[] { 0x7FFFu, 0x8000u, 0x8001u }.Select(low => ((uint)bits << 16) | low)
        );
        IEnumerable<uint> anywhere = Enumerable.Range(0, 200_000).Select(_ => (uint)random.NextInt64(1L << 32));
        foreach (uint bits in atTies.Concat(anywhere))
        {
            float value = BitConverter.UInt32BitsToSingle(bits);
            if (!float.IsNaN(value))
            {
                Assert.That(((BFloat16)value).ToBits(), Is.EqualTo(Nearest(value)), () => $"0x{bits:X8}");
            }
        }
    }

    [Test]
    public void DoublesAreRoundedInOneStep()
    {
        // A hair beside a tie: as a float it would be the tie itself.
        foreach (ushort bits in AllBits.Where(bits => (bits & 0x7FFF) < 0x7F80))
        {
            double tie = BitConverter.UInt32BitsToSingle(((uint)bits << 16) | 0x8000);
            foreach (
                double value in new[]
                {
                    Math.BitDecrement(tie),
                    tie,
                    Math.BitIncrement(tie),
                    tie * (1 + 1e-12),
                    tie * (1 - 1e-12),
                }
            )
            {
                Assert.That(((BFloat16)value).ToBits(), Is.EqualTo(Nearest(value)), () => $"{value:R}");
            }
        }

        var random = new Random(2);
        for (int i = 0; i < 200_000; i++)
        {
            double value = BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue));
            if (!double.IsNaN(value))
            {
                Assert.That(((BFloat16)value).ToBits(), Is.EqualTo(Nearest(value)), () => $"{value:R}");
            }
        }
    }

    [TestCase(float.MaxValue, 0x7F80)]
    [TestCase(float.MinValue, 0xFF80)]
    [TestCase(float.PositiveInfinity, 0x7F80)]
    [TestCase(float.NegativeInfinity, 0xFF80)]
    [TestCase(float.Epsilon, 0x0000)]
    [TestCase(-float.Epsilon, 0x8000)]
    [TestCase(0f, 0x0000)]
    [TestCase(-0f, 0x8000)]
    [TestCase(1f, 0x3F80)]
    public void Borders(float value, int bits)
    {
        Assert.That((int)((BFloat16)value).ToBits(), Is.EqualTo(bits));
        Assert.That((int)((BFloat16)(double)value).ToBits(), Is.EqualTo(bits));
    }

    [Test]
    public void DoublesBeyondSinglesOverflow()
    {
        Assert.That((BFloat16)1e300, Is.EqualTo(BFloat16.PositiveInfinity));
        Assert.That((BFloat16)(-1e300), Is.EqualTo(BFloat16.NegativeInfinity));
        Assert.That((int)((BFloat16)(-1e-300)).ToBits(), Is.EqualTo(0x8000));
    }

    [Test]
    public void ConstantsAreWhatTheySay()
    {
        Assert.That((float)BFloat16.Epsilon, Is.EqualTo(MathF.Pow(2, -133)));
        Assert.That((float)BFloat16.MaxValue, Is.EqualTo(3.3895314e38f));
        Assert.That((float)BFloat16.MinValue, Is.EqualTo(-3.3895314e38f));
        Assert.That((float)BFloat16.One, Is.EqualTo(1f));
        Assert.That((float)BFloat16.Zero, Is.Zero);
        Assert.That(float.IsNaN(BFloat16.NaN), Is.True);
        Assert.That((int)BFloat16.NaN.ToBits(), Is.EqualTo(0x7FC0));
        Assert.That(
            (
                BFloat16.IsFinite(BFloat16.MaxValue),
                BFloat16.IsFinite(BFloat16.PositiveInfinity),
                BFloat16.IsFinite(BFloat16.NaN)
            ),
            Is.EqualTo((true, false, false))
        );
        Assert.That(
            (BFloat16.IsInfinity(BFloat16.NegativeInfinity), BFloat16.IsInfinity(BFloat16.NaN)),
            Is.EqualTo((true, false))
        );
    }

    [Test]
    public void ArithmeticIsRoundedSingleArithmetic()
    {
        var one = (BFloat16)1f;
        var small = (BFloat16)0.00390625f; // 2^-8, half of the last place of 1
        Assert.That((float)(one + small), Is.EqualTo(1f), "a tie, to even");
        Assert.That((float)(one + small + small + small), Is.EqualTo(1f), "rounded at every step");
        Assert.That((float)((BFloat16)1.0078125f + small), Is.EqualTo(1.015625f), "a tie, to even");
        Assert.That((float)(one - (BFloat16)3f), Is.EqualTo(-2f));
        Assert.That((float)((BFloat16)3f * (BFloat16)5f), Is.EqualTo(15f));
        Assert.That((float)((BFloat16)1f / (BFloat16)3f), Is.EqualTo(0.333984375f));
        Assert.That((-one).ToBits(), Is.EqualTo(((BFloat16)(-1f)).ToBits()));
        Assert.That((-BFloat16.NaN).ToBits(), Is.EqualTo((ushort)0xFFC0));
        Assert.That((+one).ToBits(), Is.EqualTo(one.ToBits()));
        Assert.That(
            (float)Sum([(BFloat16)1f, (BFloat16)2f, (BFloat16)4f]),
            Is.EqualTo(7f),
            "through the generic operators"
        );
    }

    [Test]
    public void ComparisonsAreThoseOfNumbers()
    {
        BFloat16 zero = BFloat16.Zero;
        BFloat16 negativeZero = BFloat16.FromBits(0x8000);
        BFloat16 nan = BFloat16.NaN;
        BFloat16 otherNaN = BFloat16.FromBits(0xFFFF);
        BFloat16 one = BFloat16.One;

        Assert.That(zero == negativeZero, Is.True);
        Assert.That(zero.Equals(negativeZero), Is.True);
        Assert.That(zero.GetHashCode(), Is.EqualTo(negativeZero.GetHashCode()));
        Assert.That(nan == otherNaN, Is.False);
        Assert.That(nan != otherNaN, Is.True);
        Assert.That(nan.Equals(otherNaN), Is.True);
        Assert.That(nan.GetHashCode(), Is.EqualTo(otherNaN.GetHashCode()));
        Assert.That(nan < one || nan > one || nan <= one || nan >= one, Is.False);
        Assert.That(zero < one && one > zero && zero <= one && one >= zero && one != zero, Is.True);
        Assert.That(nan.CompareTo(BFloat16.NegativeInfinity), Is.Negative);
        Assert.That(one.CompareTo(zero), Is.Positive);
        Assert.That(one.CompareTo((object)one), Is.Zero);
        Assert.That(one.CompareTo(null), Is.Positive);
        Assert.That(() => one.CompareTo("1"), Throws.ArgumentException.With.Property("ParamName").EqualTo("obj"));
        Assert.That(one.Equals((object)1f), Is.False);
        BFloat16[] sorted = [one, nan, zero, BFloat16.NegativeInfinity];
        Array.Sort(sorted);
        Assert.That(sorted, Is.EqualTo(new[] { nan, BFloat16.NegativeInfinity, zero, one }));
    }

    [Test]
    public void TextIsReadBackAsTheSameNumber()
    {
        foreach (BFloat16 value in AllBits.Select(BFloat16.FromBits).Where(value => !BFloat16.IsNaN(value)))
        {
            string text = value.ToString(null, CultureInfo.InvariantCulture);
            Assert.That(BFloat16.Parse(text, CultureInfo.InvariantCulture).ToBits(), Is.EqualTo(value.ToBits()), text);
        }
    }

    [Test]
    public void FormattingAndParsing()
    {
        var half = (BFloat16)0.5f;
        Assert.That(half.ToString("F2", CultureInfo.InvariantCulture), Is.EqualTo("0.50"));
        Assert.That($"{half:E1}", Is.EqualTo("5.0E-001"));
        Span<char> narrow = stackalloc char[2];
        Assert.That(half.TryFormat(narrow, out int written), Is.False);
        Assert.That(written, Is.Zero);
        Span<char> wide = stackalloc char[8];
        Assert.That(half.TryFormat(wide, out written, default, CultureInfo.InvariantCulture), Is.True);
        Assert.That(wide[..written].ToString(), Is.EqualTo("0.5"));
        Assert.That(BFloat16.TryParse("1e39", CultureInfo.InvariantCulture, out BFloat16 large), Is.True);
        Assert.That(large, Is.EqualTo(BFloat16.PositiveInfinity));
        Assert.That(BFloat16.TryParse("half", CultureInfo.InvariantCulture, out BFloat16 none), Is.False);
        Assert.That(none, Is.EqualTo(BFloat16.Zero));
        Assert.That(BFloat16.TryParse(null, CultureInfo.InvariantCulture, out _), Is.False);
        Assert.That(() => BFloat16.Parse("half", CultureInfo.InvariantCulture), Throws.InstanceOf<FormatException>());
        Assert.That((Half)half, Is.EqualTo((Half)0.5f));
        Assert.That((BFloat16)(Half)0.5f, Is.EqualTo(half));
        Assert.That((int)(BFloat16)(-7.9f), Is.EqualTo(-7));
        Assert.That((float)(BFloat16)257, Is.EqualTo(256f), "a tie, to even");
        Assert.That(
            (float)(BFloat16)16842753,
            Is.EqualTo(16908288f),
            "2^24 + 2^16 + 1: above the tie, though as a float it is the tie"
        );
    }

    private static T Sum<T>(T[] values)
        where T : struct, IAdditionOperators<T, T, T>
    {
        T sum = values[0];
        foreach (T value in values.AsSpan(1))
        {
            sum += value;
        }

        return sum;
    }

    // The nearest of the neighbours, by their distances, which are exact in double precision wherever they are close.
    internal static ushort Nearest(double value)
    {
        double magnitude = Math.Abs(value);
        int sign = double.IsNegative(value) ? 0x8000 : 0;
        int low = 0;
        int high = 0x7F80;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            if (Magnitude(middle) <= magnitude)
            {
                low = middle;
            }
            else
            {
                high = middle;
            }
        }

        double below = magnitude - Magnitude(low);
        double above = Magnitude(high) - magnitude;
        int nearest =
            magnitude >= Magnitude(0x7F80) || above < below || (above == below && (low & 1) != 0) ? high : low;
        return (ushort)(sign | nearest);
    }

    // Infinity counts as the number that would come next.
    private static double Magnitude(int bits) =>
        bits == 0x7F80 ? Math.Pow(2, 128) : BitConverter.UInt32BitsToSingle((uint)bits << 16);
}
