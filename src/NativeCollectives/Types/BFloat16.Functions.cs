namespace NativeCollectives;

// Functions: computed as double and rounded once. A double is so much finer that the result is the nearest number in
// all but freak cases; a float, at 16 bits finer, would now and then miss it.
public readonly partial struct BFloat16
{
    // From here down, a double's own e^x - 1 and log(x + 1) lose what is small to rounding, and a few terms of their
    // series are exact enough.
    private const double Small = 1.0 / 1024;

    // Correctly rounded, as the quotient is.

    /// <inheritdoc/>
    public static BFloat16 Sqrt(BFloat16 x) => (BFloat16)float.Sqrt(x);

    /// <inheritdoc/>
    public static BFloat16 Cbrt(BFloat16 x) => (BFloat16)double.Cbrt(x);

    /// <inheritdoc/>
    public static BFloat16 RootN(BFloat16 x, int n) => (BFloat16)double.RootN(x, n);

    /// <inheritdoc/>
    public static BFloat16 Hypot(BFloat16 x, BFloat16 y) => (BFloat16)double.Hypot(x, y);

    /// <inheritdoc/>
    public static BFloat16 Pow(BFloat16 x, BFloat16 y) => (BFloat16)double.Pow(x, y);

    /// <inheritdoc/>
    public static BFloat16 Exp(BFloat16 x) => (BFloat16)double.Exp(x);

    /// <inheritdoc/>
    public static BFloat16 Exp2(BFloat16 x) => (BFloat16)double.Exp2(x);

    /// <inheritdoc/>
    public static BFloat16 Exp10(BFloat16 x) => (BFloat16)double.Exp10(x);

    /// <inheritdoc/>
    public static BFloat16 ExpM1(BFloat16 x) => (BFloat16)ExponentialLessOne(x);

    /// <inheritdoc/>
    public static BFloat16 Exp2M1(BFloat16 x) => (BFloat16)ExponentialLessOne(x * Math.Log(2));

    /// <inheritdoc/>
    public static BFloat16 Exp10M1(BFloat16 x) => (BFloat16)ExponentialLessOne(x * Math.Log(10));

    /// <inheritdoc/>
    public static BFloat16 Log(BFloat16 x) => (BFloat16)double.Log(x);

    /// <inheritdoc/>
    public static BFloat16 Log(BFloat16 x, BFloat16 newBase) => (BFloat16)double.Log(x, newBase);

    /// <inheritdoc/>
    public static BFloat16 Log2(BFloat16 x) => (BFloat16)double.Log2(x);

    /// <inheritdoc/>
    public static BFloat16 Log10(BFloat16 x) => (BFloat16)double.Log10(x);

    /// <inheritdoc/>
    public static BFloat16 LogP1(BFloat16 x) => (BFloat16)LogarithmOfOneMore(x);

    /// <inheritdoc/>
    public static BFloat16 Log2P1(BFloat16 x) => (BFloat16)(LogarithmOfOneMore(x) / Math.Log(2));

    /// <inheritdoc/>
    public static BFloat16 Log10P1(BFloat16 x) => (BFloat16)(LogarithmOfOneMore(x) / Math.Log(10));

    /// <inheritdoc/>
    public static BFloat16 Sin(BFloat16 x) => (BFloat16)double.Sin(x);

    /// <inheritdoc/>
    public static BFloat16 Cos(BFloat16 x) => (BFloat16)double.Cos(x);

    /// <inheritdoc/>
    public static BFloat16 Tan(BFloat16 x) => (BFloat16)double.Tan(x);

    /// <inheritdoc/>
    public static BFloat16 SinPi(BFloat16 x) => (BFloat16)double.SinPi(x);

    /// <inheritdoc/>
    public static BFloat16 CosPi(BFloat16 x) => (BFloat16)double.CosPi(x);

    /// <inheritdoc/>
    public static BFloat16 TanPi(BFloat16 x) => (BFloat16)double.TanPi(x);

    /// <inheritdoc/>
    public static BFloat16 Asin(BFloat16 x) => (BFloat16)double.Asin(x);

    /// <inheritdoc/>
    public static BFloat16 Acos(BFloat16 x) => (BFloat16)double.Acos(x);

    /// <inheritdoc/>
    public static BFloat16 Atan(BFloat16 x) => (BFloat16)double.Atan(x);

    /// <inheritdoc/>
    public static BFloat16 AsinPi(BFloat16 x) => (BFloat16)double.AsinPi(x);

    /// <inheritdoc/>
    public static BFloat16 AcosPi(BFloat16 x) => (BFloat16)double.AcosPi(x);

    /// <inheritdoc/>
    public static BFloat16 AtanPi(BFloat16 x) => (BFloat16)double.AtanPi(x);

    /// <inheritdoc/>
    public static BFloat16 Atan2(BFloat16 y, BFloat16 x) => (BFloat16)double.Atan2(y, x);

    /// <inheritdoc/>
    public static BFloat16 Atan2Pi(BFloat16 y, BFloat16 x) => (BFloat16)double.Atan2Pi(y, x);

    /// <inheritdoc/>
    public static (BFloat16 Sin, BFloat16 Cos) SinCos(BFloat16 x) => (Sin(x), Cos(x));

    /// <inheritdoc/>
    public static (BFloat16 SinPi, BFloat16 CosPi) SinCosPi(BFloat16 x) => (SinPi(x), CosPi(x));

    /// <inheritdoc/>
    public static BFloat16 DegreesToRadians(BFloat16 degrees) => (BFloat16)double.DegreesToRadians(degrees);

    /// <inheritdoc/>
    public static BFloat16 RadiansToDegrees(BFloat16 radians) => (BFloat16)double.RadiansToDegrees(radians);

    /// <inheritdoc/>
    public static BFloat16 Sinh(BFloat16 x) => (BFloat16)double.Sinh(x);

    /// <inheritdoc/>
    public static BFloat16 Cosh(BFloat16 x) => (BFloat16)double.Cosh(x);

    /// <inheritdoc/>
    public static BFloat16 Tanh(BFloat16 x) => (BFloat16)double.Tanh(x);

    /// <inheritdoc/>
    public static BFloat16 Asinh(BFloat16 x) => (BFloat16)double.Asinh(x);

    /// <inheritdoc/>
    public static BFloat16 Acosh(BFloat16 x) => (BFloat16)double.Acosh(x);

    /// <inheritdoc/>
    public static BFloat16 Atanh(BFloat16 x) => (BFloat16)double.Atanh(x);

    private static double ExponentialLessOne(double x) =>
        Math.Abs(x) < Small ? x * (1 + (x / 2 * (1 + (x / 3)))) : Math.Exp(x) - 1;

    private static double LogarithmOfOneMore(double x) =>
        Math.Abs(x) < Small ? x * (1 - (x / 2) + (x * x / 3)) : Math.Log(1 + x);
}
