using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NativeCollectives.Tests;

[TestFixture]
[Category("Unit")]
[CancelAfter(10_000)]
public sealed class Complex64Tests
{
    private static readonly Complex64 A = new(3, -4);
    private static readonly Complex64 B = new(-0.5f, 2);

    [Test]
    public void ItIsTwoSinglesTheRealPartFirst()
    {
        Assert.That(Unsafe.SizeOf<Complex64>(), Is.EqualTo(8));
        Complex64[] values = [A, B];
        Assert.That(MemoryMarshal.Cast<Complex64, float>(values).ToArray(), Is.EqualTo(new[] { 3f, -4f, -0.5f, 2f }));
    }

    [Test]
    public void ArithmeticIsThatOfTheTextbook()
    {
        Assert.That(A + B, Is.EqualTo(new Complex64(2.5f, -2)));
        Assert.That(A - B, Is.EqualTo(new Complex64(3.5f, -6)));
        Assert.That(A * B, Is.EqualTo(new Complex64(6.5f, 8)));
        Assert.That(A * B / B, Is.EqualTo(A));
        Assert.That(-A, Is.EqualTo(new Complex64(-3, 4)));
        Assert.That(+A, Is.EqualTo(A));
        Assert.That(A + 1f, Is.EqualTo(new Complex64(4, -4)));
        Assert.That(Complex64.Conjugate(A), Is.EqualTo(new Complex64(3, 4)));
        Assert.That(Complex64.ImaginaryOne * Complex64.ImaginaryOne, Is.EqualTo(-Complex64.One));
        Assert.That(A + Complex64.Zero, Is.EqualTo(A));
    }

    [Test]
    public void MagnitudeAndPhase()
    {
        Assert.That(A.Magnitude, Is.EqualTo(5f));
        Assert.That(
            new Complex64(3e38f, 1e38f).Magnitude,
            Is.EqualTo(3.1622777e38f).Within(1e32f),
            "no overflow on the way"
        );
        Assert.That(Complex64.ImaginaryOne.Phase, Is.EqualTo(MathF.PI / 2));
    }

    [Test]
    public void Conversions()
    {
        Complex wide = A;
        Assert.That(wide, Is.EqualTo(new Complex(3, -4)));
        Assert.That((Complex64)wide, Is.EqualTo(A));
        Assert.That((Complex64)new Complex(0.1, 1e300), Is.EqualTo(new Complex64(0.1f, float.PositiveInfinity)));
    }

    [Test]
    public void Equality()
    {
        var nan = new Complex64(float.NaN, 0);
        Assert.That(A == new Complex64(3, -4) && A != B, Is.True);
        Assert.That(new Complex64(3, 1) == A || new Complex64(1, -4) == A, Is.False);
        Assert.That(nan == new Complex64(float.NaN, 0), Is.False);
        Assert.That(nan.Equals(new Complex64(float.NaN, 0)), Is.True);
        Assert.That(A.Equals((object)new Complex64(3, -4)) && !A.Equals("A"), Is.True);
        Assert.That(A.GetHashCode(), Is.EqualTo(new Complex64(3, -4).GetHashCode()));
        Assert.That(new Complex64(0, -0f).GetHashCode(), Is.EqualTo(new Complex64(-0f, 0).GetHashCode()));
    }

    [Test]
    public void Formatting()
    {
        Assert.That(B.ToString(null, CultureInfo.InvariantCulture), Is.EqualTo("<-0.5; 2>"));
        Assert.That(B.ToString("F1", CultureInfo.InvariantCulture), Is.EqualTo("<-0.5; 2.0>"));
        Assert.That(
            B.ToString(null, CultureInfo.InvariantCulture),
            Is.EqualTo(((Complex)B).ToString(null, CultureInfo.InvariantCulture))
        );
        Span<char> text = stackalloc char[9];
        for (int length = 0; length < 9; length++)
        {
            Assert.That(B.TryFormat(text[..length], out int none, default, CultureInfo.InvariantCulture), Is.False);
            Assert.That(none, Is.Zero);
        }

        Assert.That(B.TryFormat(text, out int written, default, CultureInfo.InvariantCulture), Is.True);
        Assert.That(text[..written].ToString(), Is.EqualTo("<-0.5; 2>"));
    }
}
