using System.Numerics.Tensors;

namespace NativeCollectives.Samples.DataParallel;

/// <summary>The optimiser of Kingma and Ba (2015), with their constants.</summary>
/// <param name="size">How many parameters there are.</param>
/// <param name="rate">The learning rate.</param>
internal sealed class Adam(int size, double rate)
{
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.999;
    private const double Epsilon = 1e-8;

    private readonly double[] _mean = new double[size];
    private readonly double[] _square = new double[size];
    private readonly double[] _step = new double[size];
    private int _steps;

    public void Step(Span<double> parameters, ReadOnlySpan<double> gradient)
    {
        _steps++;
        TensorPrimitives.Lerp(gradient, _mean, Beta1, _mean);
        TensorPrimitives.Multiply(gradient, gradient, _step);
        TensorPrimitives.Lerp(_step, _square, Beta2, _square);

        // step = −rate · mean' / (√square' + ε), with both averages corrected for having begun at 0.
        TensorPrimitives.Divide(_square, 1 - Math.Pow(Beta2, _steps), _step);
        TensorPrimitives.Sqrt<double>(_step, _step);
        TensorPrimitives.Add(_step, Epsilon, _step);
        TensorPrimitives.Divide(_mean, _step, _step);
        TensorPrimitives.MultiplyAdd(_step, -rate / (1 - Math.Pow(Beta1, _steps)), parameters, parameters);
    }
}
