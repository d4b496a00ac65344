using System.CommandLine;
using NativeCollectives.Cli;
using NativeCollectives.Cli.Bench;
using NativeCollectives.Cli.Hosts;

namespace NativeCollectives.Tests.Tool;

/// <summary>Which sizes, operations, types and forms a command line of <c>collectives bench</c> measures.</summary>
[Category("Unit")]
public sealed class BenchSizesTests
{
    [TestCase("8", 8)]
    [TestCase("64K", 65536)]
    [TestCase("64KiB", 65536)]
    [TestCase("1M", 1 << 20)]
    [TestCase("1G", 1 << 30)]
    [TestCase("7B", 7)]
    public void ASizeIsReadAsPeopleWriteIt(string text, long bytes)
    {
        Assert.That(ByteSize.TryParse(text, out var read), Is.True);
        Assert.That(read, Is.EqualTo(bytes));
    }

    [TestCase("")]
    [TestCase("K")]
    [TestCase("-1")]
    [TestCase("1.5M")]
    [TestCase("1T")]
    [TestCase("9999999999G")]
    public void WhatIsNoSizeIsRefused(string text) => Assert.That(ByteSize.TryParse(text, out _), Is.False);

    [TestCase("--min-bytes 8 --max-bytes 64", new long[] { 8, 32 })]
    [TestCase("--min-bytes 8 --max-bytes 64 --factor 2", new long[] { 8, 16, 32, 64 })]
    [TestCase("--min-bytes 1K --max-bytes 4K --step 1500", new long[] { 1024, 2524, 4024 })]
    [TestCase("--sizes 4K,7 1M --sizes 7", new long[] { 4096, 7, 1 << 20 })]
    [TestCase("--max-bytes 4", new long[] { 4 })]
    [TestCase("--min-bytes 64M", new long[] { 64 << 20 })]
    public void TheRangeOrTheListIsMeasured(string arguments, long[] sizes) =>
        Assert.That(Read(arguments).Sizes, Is.EqualTo(sizes));

    [Test]
    public void TheDefaultIsASumOfFloatsOnceWithTwoBuffersAndOnceWithOne()
    {
        var cases = Read("--sizes 1K").Cases(2, reason => Assert.Fail(reason));
        Assert.That(
            cases.Select(one => (one.Operation.Name, one.Type, one.ReduceOp, one.InPlace, one.Counts[0])),
            Is.EqualTo(
                new[]
                {
                    ("all-reduce", CollectiveDataType.Float32, (ReduceOp?)ReduceOp.Sum, false, 256L),
                    ("all-reduce", CollectiveDataType.Float32, (ReduceOp?)ReduceOp.Sum, true, 256L),
                }
            )
        );
    }

    [Test]
    public void EverythingIsMeasuredWithEveryType()
    {
        List<string> leftOut = [];
        var cases = Read("--op all --dtype all --redop all --sizes 1K").Cases(3, leftOut.Add);
        Assert.Multiple(() =>
        {
            Assert.That(
                cases.Select(one => one.Operation.Name).Distinct(),
                Is.EquivalentTo(BenchmarkOperation.All.Select(one => one.Name))
            );
            Assert.That(
                cases.Select(one => one.Type).Distinct(),
                Is.EquivalentTo(Enum.GetValues<CollectiveDataType>())
            );
            Assert.That(
                cases.Select(one => one.ReduceOp).OfType<ReduceOp>().Distinct(),
                Is.EquivalentTo(Enum.GetValues<ReduceOp>().Where(op => op <= ReduceOp.Average))
            );
            // Five operations with 14 types, 5 operators and 2 forms, but for the average of bool; 3 others in 2
            // forms, 3 in one; and the barrier.
            Assert.That(cases, Has.Count.EqualTo((5 * ((14 * 5) - 1) * 2) + (3 * 14 * 2) + (3 * 14) + 1));
            Assert.That(leftOut.Distinct(), Is.EqualTo(new[] { "There is no avg of bool." }));
        });
    }

    [TestCase("all-gather", 8, 8, 24, Description = "three blocks of one element, which is more than 8 bytes")]
    [TestCase("all-gather", 4, 100, 96, Description = "three blocks of 8 elements")]
    [TestCase("all-reduce", 4, 7, 4, Description = "one element")]
    [TestCase("all-reduce", 8, 7, 8, Description = "one element at least")]
    [TestCase("barrier", 4, 100, 0)]
    public void SizesAreRoundedToWholeBlocks(string name, int elementSize, long bytes, long measured)
    {
        const int Ranks = 3;
        var operation = BenchmarkOperation.Find(name);
        Assert.That(
            operation.Bytes(Ranks, operation.Count(Ranks, bytes, elementSize), elementSize),
            Is.EqualTo(measured)
        );
    }

    [TestCase("--sizes 1K --factor 2", "--sizes lists the sizes; --factor is for a range of them.")]
    [TestCase("--factor 2 --step 8", "--factor and --step both say which sizes come next: give one of them.")]
    [TestCase("--min-bytes 1K --max-bytes 8", "--min-bytes is 1024, more than --max-bytes, which is 8.")]
    [TestCase(
        "--max-bytes 1T",
        "--max-bytes is '1T', but should be a size such as 8, 64K, 1M or 1G, from 1 B to 1024 GiB."
    )]
    [TestCase("--step 1 --max-bytes 1G", "--step 1 makes more than 10000 sizes.")]
    [TestCase("--op sum", "--op is 'sum', but should be one of all-reduce, all-reduces, ")]
    [TestCase("--dtype float", "--dtype is 'float', but should be one of bool, int8, ")]
    [TestCase("--redop add", "--redop is 'add', but should be one of sum, prod, max, min, avg.")]
    [TestCase("--backend none", "--backend is 'none', but should be one of any, ring, jaccl, nccl.")]
    [TestCase("-n 0", "--ranks is '0', but should be a whole number from 1 to 64.")]
    [TestCase("-n two", "--ranks is 'two', but should be a whole number from 1 to 64.")]
    [TestCase(
        "--iterations 3 --seconds 1",
        "--seconds and --iterations both say how long to measure: give one of them."
    )]
    [TestCase("--seconds never", "--seconds is 'never', but should be a number of seconds from 0.001 to 3600.")]
    [TestCase("--json - --csv -", "--json and --csv cannot both be the standard output.")]
    public void AMistakeIsOneSentence(string arguments, string message)
    {
        var failure = Assert.Throws<ToolException>(() => Read(arguments))!;
        Assert.Multiple(() =>
        {
            Assert.That(failure.Message, Does.StartWith(message));
            Assert.That(failure.ExitCode, Is.EqualTo(ExitCodes.Usage));
        });
    }

    [TestCase("-n 2 --root 2 --op broadcast", "--root is 2, but should be a rank from 0 to 1.")]
    [TestCase("-n 1 --op send-receive", "Nothing is left to measure with 1 rank: send-receive needs at least 2 ranks.")]
    [TestCase(
        "-n 2 --op all-to-all --place in",
        "Nothing is left to measure with 2 ranks: all-to-all has no in-place form."
    )]
    [TestCase(
        "-n 2 --sizes 512G",
        "all-reduce of 512 GiB needs 2048.0 GiB for the buffers of 2 ranks, but this machine has "
    )]
    [TestCase("-n 2 --wires 2", "--wires is for --backend jaccl; here the backend is ring.")]
    [TestCase("-n 2 --memory device", "--memory device is for --backend nccl; here the backend is ring.")]
    [TestCase(
        "-n 2 --backend jaccl --connections 2",
        "--connections is for --backend ring; here the backend is jaccl."
    )]
    [TestCase("-n 9 --backend jaccl --devices a", "--ranks is 9, but should be 2 to 8 for jaccl in a mesh.")]
    [TestCase("-n 2 --backend jaccl --device-file /nonexistent", "--device-file /nonexistent cannot be read: ")]
    public void WhatDoesNotFitTheRunIsFoundBeforeItStarts(string arguments, string message)
    {
        var options = Read(
            arguments.Contains("--backend", StringComparison.Ordinal) ? arguments : "--backend ring " + arguments
        );
        using var scratch = new TemporaryFolder("native-collectives-bench-");
        var failure = Assert.Throws<ToolException>(() => BenchPlan.Local(options, scratch))!;
        Assert.Multiple(() =>
        {
            Assert.That(failure.Message, Does.StartWith(message));
            Assert.That(failure.ExitCode, Is.EqualTo(ExitCodes.Usage));
        });
    }

    [Test]
    public void AFileThatCannotBeWrittenIsFoundBeforehand()
    {
        var path = Path.Combine(Path.GetTempPath(), $"nc-bench-{Guid.NewGuid():N}", "result.json");
        var failure = Assert.Throws<ToolException>(() => OutputFile.Open("--json", path, TextWriter.Null))!;
        Assert.That(failure.Message, Does.StartWith($"--json {path} cannot be written: "));
    }

    [Test]
    public void AFileForNothingIsNotLeftBehindAndOneThatWasThereStays()
    {
        var folder = Directory.CreateTempSubdirectory("nc-bench-").FullName;
        try
        {
            var fresh = Path.Combine(folder, "new.json");
            var old = Path.Combine(folder, "old.json");
            File.WriteAllText(old, "what was measured yesterday");
            OutputFile.Open("--json", fresh, TextWriter.Null)!.Dispose();
            OutputFile.Open("--json", old, TextWriter.Null)!.Dispose();
            Assert.That(File.Exists(fresh), Is.False);
            Assert.That(File.ReadAllText(old), Is.EqualTo("what was measured yesterday"));

            using (var file = OutputFile.Open("--json", old, TextWriter.Null)!)
            {
                file.Write("today");
            }
            Assert.That(File.ReadAllText(old), Is.EqualTo("today"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestCase("""[[null,"a"],["b",null]]""", 2)]
    [TestCase("""[[[],["a","b"]],[["c","d"],null]]""", 2)]
    public void ADeviceMatrixIsReadAsMlxWritesIt(string text, int ranks)
    {
        var path = Harness.HostFile.Write(text);
        try
        {
            var matrix = DeviceMatrix.Read(path).Rows;
            Assert.That(matrix, Has.Count.EqualTo(ranks));
            Assert.That(matrix[0][1][0], Is.EqualTo("a"));
            Assert.That(matrix[0][0], Is.Empty);
        }
        finally
        {
            Harness.HostFile.Delete(path);
        }
    }

    [TestCase("""[[null,"a"]]""")]
    [TestCase("""{"a":1}""")]
    [TestCase("[[1,2],[3,4]]")]
    [TestCase("[[null,")]
    public void AnythingElseIsNoDeviceMatrix(string text)
    {
        var path = Harness.HostFile.Write(text);
        try
        {
            var failure = Assert.Throws<ToolException>(() => DeviceMatrix.Read(path))!;
            Assert.That(failure.Message, Does.StartWith($"--device-file {path} holds no device matrix"));
        }
        finally
        {
            Harness.HostFile.Delete(path);
        }
    }

    private static BenchOptions Read(string arguments)
    {
        var options = new BenchCommandOptions();
        var command = new RootCommand();
        foreach (var option in options.All)
        {
            command.Options.Add(option);
        }
        var parsed = command.Parse(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.That(parsed.Errors, Is.Empty);
        return options.Read(parsed);
    }
}
