using System.Globalization;
using System.Text.RegularExpressions;

namespace NativeCollectives.Tests.Samples;

[Category("Ring")]
[CancelAfter(120_000)]
public sealed partial class DataParallelTests
{
    // Relative. Numbers are added in another order, which changes their last bits (10⁻¹⁶); 400 steps of training
    // multiply such differences.
    private const double Tolerance = 1e-8;

    [Test]
    public async Task TheTrainingIsTheSameForAnyNumberOfRanks(CancellationToken cancellation)
    {
        var alone = (await SampleRanks.RunAsync("DataParallel", 1, cancellation)).Single();
        var expected = Epochs(alone);
        Assert.That(expected.Select(epoch => epoch.Number), Is.EqualTo(new[] { 1, 100, 200, 300, 400 }));
        Assert.That(expected[0].Loss, Is.InRange(0.5, 1), "ln 2 before anything is learnt");
        Assert.That(expected[^1].Loss, Is.LessThan(expected[0].Loss / 20), "it learns");
        Assert.That(expected[^1].Right, Is.GreaterThan(99));
        Assert.That(alone, Does.Contain("rank 0 of 1: 192 points, the same weights on all ranks\n"));

        foreach (var size in new[] { 4, 5 })
        {
            var printed = await SampleRanks.RunAsync("DataParallel", size, cancellation);
            var epochs = Epochs(printed[0]);
            Assert.That(epochs, Has.Count.EqualTo(expected.Count));
            foreach (var (got, wanted) in epochs.Zip(expected))
            {
                Assert.That(
                    got.Loss,
                    Is.EqualTo(wanted.Loss).Within(Tolerance * wanted.Loss),
                    $"{size} ranks, epoch {got.Number}"
                );
                Assert.That((got.Number, got.Right), Is.EqualTo((wanted.Number, wanted.Right)));
            }

            // 192 points do not divide by 5.
            Assert.That(
                printed.Select(text => text.Split('\n')[^2]),
                Is.EqualTo(
                    Enumerable
                        .Range(0, size)
                        .Select(rank =>
                            $"rank {rank} of {size}: {(192 / size) + (rank < 192 % size ? 1 : 0)} points, the same "
                            + "weights on all ranks"
                        )
                )
            );
        }
    }

    private static IReadOnlyList<(int Number, double Loss, double Right)> Epochs(string printed) =>
        [
            .. EpochLine()
                .Matches(printed)
                .Select(match =>
                    (
                        int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture),
                        double.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture),
                        double.Parse(match.Groups[3].Value, CultureInfo.InvariantCulture)
                    )
                ),
        ];

    [GeneratedRegex(@"^epoch (\d+): loss (\S+), ([\d.]+) ?% right$", RegexOptions.Multiline)]
    private static partial Regex EpochLine();
}
