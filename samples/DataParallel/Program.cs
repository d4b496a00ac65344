// Data-parallel training: every rank holds the whole model and a part of the data; each step, the ranks' gradients are
// averaged by one all-reduce. The training is the same for any number of ranks, but for the order in which numbers are
// added.

using System.Globalization;
using System.Numerics.Tensors;
using NativeCollectives;
using NativeCollectives.Samples.DataParallel;

const int Epochs = 400;

using var group = DistributedGroup.Create();

IReadOnlyList<Point> points = Spirals.Make(pointsPerSpiral: 96, seed: 1);
List<Point> mine = [.. points.Where((_, index) => index % group.Size == group.Rank)];
var model = new Classifier(hidden: 24, seed: 2);
var optimizer = new Adam(model.Parameters.Length, rate: 0.01);

// Everything that is summed over the ranks in one buffer, for one operation: the gradient, the loss, and how many
// points were told rightly.
var sums = new double[model.Parameters.Length + 2];
for (var epoch = 1; epoch <= Epochs; epoch++)
{
    Array.Clear(sums);
    foreach (Point point in mine)
    {
        var (loss, isRight) = model.AddGradient(point, sums);
        sums[^2] += loss;
        sums[^1] += isRight ? 1 : 0;
    }

    group.AllReduce(sums);
    // parts may differ in size: the mean is over all points, not over the ranks' means
    TensorPrimitives.Divide(sums, points.Count, sums);
    optimizer.Step(model.Parameters, sums.AsSpan(0, model.Parameters.Length));

    if (group.Rank == 0 && (epoch == 1 || epoch % 100 == 0))
    {
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"epoch {epoch}: loss {sums[^2]:G12}, {sums[^1]:P1} right")
        );
    }
}

// Every rank has made the same steps: the largest and the smallest of each weight are the same.
var largest = (double[])model.Parameters.Clone();
var smallest = (double[])model.Parameters.Clone();
group.AllReduce(largest, ReduceOp.Max);
group.AllReduce(smallest, ReduceOp.Min);
Console.WriteLine(
    $"rank {group.Rank} of {group.Size}: {mine.Count} points, "
        + $"{(largest.AsSpan().SequenceEqual(smallest) ? "the same" : "DIFFERENT")} weights on all ranks"
);
