using System.Numerics.Tensors;

namespace NativeCollectives.Samples.DataParallel;

/// <summary>
/// A fully connected layer, y = W·x + b. Its parameters, W row by row and then b, are a part of the network's one
/// vector.
/// </summary>
/// <param name="inputs">Length of x.</param>
/// <param name="outputs">Length of y.</param>
/// <param name="offset">Where its parameters begin.</param>
internal sealed class Dense(int inputs, int outputs, int offset)
{
    public int Outputs => outputs;

    /// <summary>Where the next layer's parameters begin.</summary>
    public int End => offset + (outputs * (inputs + 1));

    /// <summary>Weights uniform in ±√(1/inputs), biases 0.</summary>
    public void Initialize(Span<double> parameters, Random random)
    {
        var scale = Math.Sqrt(1.0 / inputs);
        foreach (ref var weight in parameters.Slice(offset, outputs * inputs))
        {
            weight = scale * ((2 * random.NextDouble()) - 1);
        }
    }

    public void Forward(ReadOnlySpan<double> parameters, ReadOnlySpan<double> x, Span<double> y)
    {
        for (var row = 0; row < outputs; row++)
        {
            y[row] = TensorPrimitives.Dot(parameters.Slice(Row(row), inputs), x) + parameters[Bias(row)];
        }
    }

    /// <summary>Adds dL/dW and dL/db of one point to the gradient, and gives dL/dx.</summary>
    public void Backward(
        ReadOnlySpan<double> parameters,
        Span<double> gradient,
        ReadOnlySpan<double> x,
        ReadOnlySpan<double> dy,
        Span<double> dx
    )
    {
        dx.Clear();
        for (var row = 0; row < outputs; row++)
        {
            Span<double> weights = gradient.Slice(Row(row), inputs);
            TensorPrimitives.MultiplyAdd(x, dy[row], weights, weights);
            gradient[Bias(row)] += dy[row];
            TensorPrimitives.MultiplyAdd(parameters.Slice(Row(row), inputs), dy[row], dx, dx);
        }
    }

    private int Row(int row) => offset + (row * inputs);

    private int Bias(int row) => offset + (outputs * inputs) + row;
}
