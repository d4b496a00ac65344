using System.Numerics.Tensors;

namespace NativeCollectives.Samples.DataParallel;

/// <summary>
/// A network of two hidden layers with tanh and one output, whose sign says which spiral a point belongs to.
/// </summary>
internal sealed class Classifier
{
    private readonly Dense[] _layers;

    // x of each layer, the network's output, and dL/dx of each.
    private readonly double[][] _values;
    private readonly double[][] _errors;

    /// <param name="hidden">Width of the hidden layers.</param>
    /// <param name="seed">The same weights for the same seed, on every rank.</param>
    public Classifier(int hidden, int seed)
    {
        var first = new Dense(2, hidden, 0);
        var second = new Dense(hidden, hidden, first.End);
        _layers = [first, second, new Dense(hidden, 1, second.End)];
        _values = [new double[2], .. _layers.Select(layer => new double[layer.Outputs])];
        _errors = [.. _values.Select(values => new double[values.Length])];
        Parameters = new double[_layers[^1].End];
        var random = new Random(seed);
        foreach (Dense layer in _layers)
        {
            layer.Initialize(Parameters, random);
        }
    }

    /// <summary>All weights and biases.</summary>
    public double[] Parameters { get; }

    /// <summary>
    /// Adds the gradient of one point's loss, ln(1 + exp(−label·output)), to a vector like <see cref="Parameters"/>.
    /// </summary>
    /// <returns>The loss, and whether the point is told rightly.</returns>
    public (double Loss, bool IsRight) AddGradient(Point point, Span<double> gradient)
    {
        point.Position.CopyTo(_values[0], 0);
        for (var layer = 0; layer < _layers.Length; layer++)
        {
            _layers[layer].Forward(Parameters, _values[layer], _values[layer + 1]);
            if (layer < _layers.Length - 1)
            {
                TensorPrimitives.Tanh<double>(_values[layer + 1], _values[layer + 1]);
            }
        }

        var margin = point.Label * _values[^1][0];
        _errors[^1][0] = -point.Label / (1 + Math.Exp(margin));
        for (var layer = _layers.Length - 1; layer >= 0; layer--)
        {
            if (layer < _layers.Length - 1)
            {
                // tanh' = 1 − tanh².
                Span<double> error = _errors[layer + 1];
                for (var index = 0; index < error.Length; index++)
                {
                    error[index] *= 1 - (_values[layer + 1][index] * _values[layer + 1][index]);
                }
            }

            _layers[layer].Backward(Parameters, gradient, _values[layer], _errors[layer + 1], _errors[layer]);
        }

        return (Math.Log(1 + Math.Exp(-margin)), margin > 0);
    }
}
