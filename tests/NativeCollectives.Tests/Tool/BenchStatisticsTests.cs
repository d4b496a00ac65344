using NativeCollectives.Cli;
using NativeCollectives.Cli.Bench;

namespace NativeCollectives.Tests.Tool;

/// <summary>What <c>collectives bench</c> makes of the times.</summary>
[Category("Unit")]
public sealed class BenchStatisticsTests
{
    /// <summary>A system that reports a wrong element for each size, and that it cannot do int8.</summary>
    private sealed class Nobody : IBenchmarkSystem
    {
        public string Name => "nobody";
        public string Version => "1";

        public Task MeasureAsync(
            BenchmarkJob job,
            Action<BenchmarkCase, Measurement> measured,
            CancellationToken cancellationToken
        )
        {
            foreach (var one in job.Cases)
            {
                measured(
                    one,
                    one.Type == CollectiveDataType.Int8
                        ? Measurement.OfUnsupported("No int8.")
                        : new Measurement(one.Counts[0], 0, 1, [1000])
                );
            }
            return Task.CompletedTask;
        }
    }

    [Test]
    public void AnOddNumberOfTimesHasAMiddleOne() =>
        Assert.That(Statistics.Of([3000, 1000, 10_000]), Is.EqualTo(new Statistics(Min: 1, Median: 3, P99: 10)));

    [Test]
    public void AnEvenNumberOfTimesHasTwo() =>
        Assert.That(Statistics.Of([4000, 1000, 3000, 2000]), Is.EqualTo(new Statistics(Min: 1, Median: 2.5, P99: 4)));

    [Test]
    public void OneTimeIsAllOfThem() => Assert.That(Statistics.Of([5000]), Is.EqualTo(new Statistics(5, 5, 5)));

    [Test]
    public void ThePercentileIsTheNearestRank() =>
        Assert.That(Statistics.Of(Enumerable.Range(1, 200).Select(i => i * 1000.0)).P99, Is.EqualTo(198));

    [TestCase("all-reduce", 4, 1.5)]
    [TestCase("all-reduce", 1, 0)]
    [TestCase("all-gather", 4, 0.75)]
    [TestCase("reduce-scatter", 4, 0.75)]
    [TestCase("gather", 4, 0.75)]
    [TestCase("scatter", 4, 0.75)]
    [TestCase("all-to-all", 4, 0.75)]
    [TestCase("broadcast", 4, 1)]
    [TestCase("reduce", 4, 1)]
    [TestCase("send-receive", 4, 1)]
    public void TheFactorOfTheBusBandwidthIsThatOfNcclTests(string operation, int ranks, double factor) =>
        Assert.That(BenchmarkOperation.Find(operation).BusFactor(ranks), Is.EqualTo(factor));

    [Test]
    public void ARowSaysHowFast()
    {
        var one = new BenchmarkCase(
            BenchmarkOperation.Find("all-reduce"),
            CollectiveDataType.Float32,
            ReduceOp.Max,
            0,
            InPlace: true,
            [250]
        );
        var job = new BenchmarkJob(
            4,
            "tcp",
            new Links(Sockets: 2),
            null,
            BufferMemory.Host,
            [one],
            new Pace(2, 0),
            TimeSpan.FromSeconds(1)
        );
        var row = Row.Of(
            new Nobody(),
            job,
            one,
            new Measurement(250, CpuMicroseconds: 300, Errors: 7, [100_000, 300_000])
        );
        Assert.Multiple(() =>
        {
            Assert.That(row.Bytes, Is.EqualTo(1000));
            Assert.That((row.MinUs, row.MedianUs, row.P99Us), Is.EqualTo((100, 200, 300)));
            Assert.That(row.AlgbwGbps, Is.EqualTo(0.005));
            Assert.That(row.BusbwGbps, Is.EqualTo(0.0075));
            Assert.That(row.CpuUs, Is.EqualTo(150));
            Assert.That((row.Dtype, row.Redop, row.Root, row.Errors), Is.EqualTo(("float32", "max", (int?)null, 7L)));
        });
    }

    [Test]
    public void AMeasurementSurvivesItsLineOfText()
    {
        using var text = new StringWriter();
        Measurement.Write(text, new Measurement(5, 12, 3, [100, 200]));
        Measurement.Write(text, Measurement.OfUnsupported("The backend\ncannot."));
        var lines = text.ToString().Split('\n');
        var first = Measurement.Parse(lines[0])!;
        Assert.That((first.Count, first.CpuMicroseconds, first.Errors), Is.EqualTo((5L, 12.0, 3L)));
        Assert.That(first.Nanoseconds, Is.EqualTo(new[] { 100.0, 200.0 }));
        Assert.That(Measurement.Parse(lines[1])!.Unsupported, Is.EqualTo("The backend cannot."));
        Assert.That(Measurement.Parse("5 3 12 0 100 200"), Is.Null, "a time is missing");
        Assert.That(Measurement.Parse("NCCL INFO something"), Is.Null);
    }

    [Test]
    public void TheTableHasBothFormsOnOneLine()
    {
        var one = new BenchmarkCase(
            BenchmarkOperation.Find("broadcast"),
            CollectiveDataType.Int8,
            null,
            1,
            InPlace: true,
            [64]
        );
        var job = new BenchmarkJob(
            2,
            "tcp",
            new Links(),
            null,
            BufferMemory.Host,
            [one],
            new Pace(1, 0),
            TimeSpan.FromSeconds(1)
        );
        var row = Row.Of(new Nobody(), job, one, new Measurement(64, 0, 0, [2000]));
        using var text = new StringWriter();
        var table = new ResultTable(text);
        table.Add(null, row, "broadcast, 2 ranks");
        table.Add(row with { InPlace = false }, row, "broadcast, 2 ranks");
        var lines = text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(lines.Count(line => line.StartsWith('#')), Is.EqualTo(lines.Length - 2), "one header for both");
        Assert.That(
            lines[^2].Split(' ', StringSplitOptions.RemoveEmptyEntries),
            Is.EqualTo(
                new[]
                {
                    "64",
                    "64",
                    "int8",
                    "none",
                    "1",
                    "-",
                    "-",
                    "-",
                    "-",
                    "-",
                    "-",
                    "2.00",
                    "2.00",
                    "2.00",
                    "0.032",
                    "0.032",
                    "0",
                }
            )
        );
        Assert.That(lines[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries), Has.Length.EqualTo(17));
    }

    [Test]
    public async Task WrongElementsAreAddedUpAndWhatCannotBeDoneIsNamedOnce()
    {
        var allReduce = BenchmarkOperation.Find("all-reduce");
        BenchmarkCase Case(CollectiveDataType type, long count, bool inPlace) =>
            new(allReduce, type, ReduceOp.Sum, 0, inPlace, [count]);
        List<BenchmarkCase> cases =
        [
            Case(CollectiveDataType.Int8, 1, false),
            Case(CollectiveDataType.Int8, 1, true),
            Case(CollectiveDataType.Int32, 1, false),
            Case(CollectiveDataType.Int32, 1, true),
            Case(CollectiveDataType.Int32, 2, false),
        ];
        var job = new BenchmarkJob(
            2,
            "tcp",
            new Links(Sockets: 1),
            null,
            BufferMemory.Host,
            cases,
            new Pace(1, 0),
            TimeSpan.FromSeconds(1)
        );
        using var text = new StringWriter();
        var plan = new BenchPlan(new Nobody(), [job], ["A note"], IsReporter: true);
        var run = new BenchRun(plan, job.Pace, new ResultTable(text), new ProgressLine(null, cases.Count));
        await run.MeasureAsync(CancellationToken.None);
        var lines = text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Multiple(() =>
        {
            Assert.That(run.Result.Errors, Is.EqualTo(3));
            Assert.That(run.Result.Complete, Is.True);
            Assert.That(run.Result.LeftOut, Is.EqualTo(new[] { "Left out: No int8." }));
            Assert.That(lines.Count(line => !line.StartsWith('#')), Is.EqualTo(2), "two sizes");
            Assert.That(lines, Has.Member("# A note.").And.Member("# Left out: No int8."));
            Assert.That(lines, Has.Member("# WRONG: 3 elements of results were not what they must be."));
        });
    }
}
