using System.Globalization;
using System.Text.Json;
using NativeCollectives.Cli;
using NativeCollectives.Cli.Bench;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests.Tool;

/// <summary><c>collectives bench</c>, run.</summary>
[Category("Tool")]
public sealed class BenchRunTests
{
    private static readonly string[] _fields =
    [
        "system",
        "transport",
        "operation",
        "dtype",
        "ranks",
        "in_place",
        "bytes",
        "min_us",
        "median_us",
        "p99_us",
        "algbw_gbps",
        "busbw_gbps",
        "errors",
    ];

    /// <summary>
    /// Every operation with every type and operator, in one start of three ranks; the file has what it promises.
    /// </summary>
    [Test]
    [CancelAfter(60_000)]
    public async Task ThreeRanksMeasureEverythingAndEveryResultIsRight(CancellationToken cancellation)
    {
        var folder = Directory.CreateTempSubdirectory("nc-bench-").FullName;
        try
        {
            var json = Path.Combine(folder, "result.json");
            var csv = Path.Combine(folder, "result.csv");
            var (code, output, errors) = await BenchTool.RunAsync(
                "--backend ring -n 3 --op all --dtype all --redop all --root 1 --sizes 100 --iterations 1 --warmup 0 "
                    + $"--json {json} --csv {csv}",
                cancellation
            );
            Assert.That(code, Is.Zero, errors);

            using var document = JsonDocument.Parse(await File.ReadAllTextAsync(json, cancellation));
            var conditions = document.RootElement.GetProperty("conditions");
            var rows = document.RootElement.GetProperty("rows").EnumerateArray().ToList();
            var expected = (5 * ((14 * 5) - 1) * 2) + (3 * 14 * 2) + (3 * 14) + 1;
            Assert.Multiple(() =>
            {
                Assert.That(
                    conditions.GetProperty("command").GetString(),
                    Does.StartWith("collectives bench --backend ring -n 3 ")
                );
                Assert.That(
                    conditions.GetProperty("machine").GetProperty("cores").GetInt32(),
                    Is.EqualTo(Environment.ProcessorCount)
                );
                Assert.That(
                    conditions.GetProperty("versions").GetProperty("native-collectives").GetString(),
                    Is.Not.Empty
                );
                Assert.That(
                    conditions.GetProperty("date").GetDateTimeOffset(),
                    Is.EqualTo(DateTimeOffset.Now).Within(TimeSpan.FromMinutes(2))
                );
                Assert.That(document.RootElement.GetProperty("complete").GetBoolean(), Is.True);
                Assert.That(rows, Has.Count.EqualTo(expected));
                Assert.That(
                    rows.SelectMany(row => _fields.Where(field => !row.TryGetProperty(field, out _))),
                    Is.Empty,
                    "missing fields"
                );
                Assert.That(rows.Sum(row => row.GetProperty("errors").GetInt64()), Is.Zero);
                Assert.That(
                    rows.Select(row => row.GetProperty("operation").GetString()).Distinct(),
                    Is.EquivalentTo(BenchmarkOperation.All.Select(one => one.Name))
                );
                Assert.That(
                    rows.Select(row => row.GetProperty("dtype").GetString()).Distinct(),
                    Is.EquivalentTo(DataTypes.Names)
                );
                Assert.That(
                    rows.All(row =>
                        row.GetProperty("ranks").GetInt32() == 3 && row.GetProperty("median_us").GetDouble() > 0
                    ),
                    Is.True
                );
            });

            var lines = await File.ReadAllLinesAsync(csv, cancellation);
            var header = lines[0].Split(',');
            Assert.That(_fields.Except(header), Is.Empty);
            Assert.That(lines, Has.Length.EqualTo(1 + expected));
            Assert.That(lines.Select(line => line.Split(',').Length).Distinct(), Is.EqualTo(new[] { header.Length }));
            Assert.That(output, Does.Contain("# Every result was right."));
            Assert.That(output, Does.Contain("# Left out: There is no avg of bool."));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    [CancelAfter(60_000)]
    public async Task SeveralNumbersOfRanksAreMeasuredAndNothingButJsonIsOnTheOutput(CancellationToken cancellation)
    {
        var (code, output, errors) = await BenchTool.RunAsync(
            "--backend ring -n 1,2 --connections 2 --sizes 8 --iterations 2 --place in --json -",
            cancellation
        );
        Assert.That(code, Is.Zero, errors);
        using var document = JsonDocument.Parse(output);
        var rows = document
            .RootElement.GetProperty("rows")
            .EnumerateArray()
            .Select(row =>
                (
                    row.GetProperty("ranks").GetInt32(),
                    row.GetProperty("sockets").GetInt32(),
                    row.GetProperty("in_place").GetBoolean()
                )
            );
        Assert.That(rows, Is.EqualTo(new[] { (1, 2, true), (2, 2, true) }));
    }

    /// <summary>Started by a launcher on both ranks, it measures their group, and rank 0 prints.</summary>
    [Test]
    [CancelAfter(60_000)]
    public async Task TheGroupThatItWasLaunchedInIsMeasured(CancellationToken cancellation)
    {
        using var hosts = new HostFile(2, 1);
        hosts.Release();
        using var first = Launch(0);
        using var second = Launch(1);
        var (code, output, errors) = await first.EndAsync(cancellation);
        var (otherCode, otherOutput, otherErrors) = await second.EndAsync(cancellation);
        Assert.That((code, otherCode), Is.EqualTo((0, 0)), errors + otherErrors);
        Assert.That(otherOutput, Is.Empty, "rank 0 prints");
        var rows = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(rows, Has.Length.EqualTo(1 + 4));
        Assert.That(rows[0], Does.StartWith("system,transport,operation,"));
        Assert.That(rows[1], Does.StartWith("native-collectives,tcp,all-gather,int32,,,2,"));

        BenchTool Launch(int rank) =>
            BenchTool.Start(
                "--op all-gather broadcast --dtype int32 --sizes 8,4K --place out --iterations 2 --csv -",
                new Dictionary<string, string>
                {
                    ["MLX_RANK"] = rank.ToString(CultureInfo.InvariantCulture),
                    ["MLX_HOSTFILE"] = hosts.Path,
                }
            );
    }

    [Test]
    [CancelAfter(60_000)]
    public async Task JacclIsMeasuredOverVerbsInSoftware(CancellationToken cancellation)
    {
        SoftVerbsLibrary.Require("devices for any number of ranks");
        var (code, output, errors) = await BenchTool.RunAsync(
            $"--backend jaccl --verbs-library {SoftVerbsLibrary.Path} -n 2 --topology ring --wires 2 "
                + "--op all-reduce all-reduces all-reduce-batch send-receive "
                + "--dtype bfloat16 --sizes 6,8K --iterations 2 --place out --csv -",
            cancellation
        );
        Assert.That(code, Is.Zero, errors);
        AssertRows(output, transport: "verbs", rows: 8);
    }

    [Test]
    [CancelAfter(60_000)]
    public async Task NcclIsMeasuredOnDevicesAndLeavesOutWhatItCannotDo(CancellationToken cancellation)
    {
        if (NcclLibraries.AreReal)
        {
            Assert.Ignore("the doubles are what this test runs on");
        }
        var (code, output, errors) = await BenchTool.RunAsync(
            "--backend any -n 2 --op all-reduce all-reduce-batch --dtype int16 float16 complex64 --sizes 4K "
                + "--iterations 2 --csv -",
            cancellation,
            NcclLibraries.Doubles()
        );
        Assert.That(code, Is.Zero, errors);
        AssertRows(output, transport: "nccl", rows: 2 * 2 * 2, "float16", "complex64");
    }

    /// <summary>A rank that dies is named, at once, and the others go with it.</summary>
    [Test]
    [CancelAfter(60_000)]
    public async Task ARankThatFailsIsNamed(CancellationToken cancellation)
    {
        var missing = Path.Combine(Path.GetTempPath(), $"nc-no-such-library-{Guid.NewGuid():N}.so");
        var (code, output, errors) = await BenchTool.RunAsync(
            $"--backend jaccl --devices none --verbs-library {missing} -n 2 --sizes 8",
            cancellation
        );
        Assert.That(code, Is.EqualTo(ExitCodes.Failed), output);
        var message = errors.TrimEnd().Split('\n')[^1];
        Assert.That(message, Does.Match("^collectives: rank [01]: .*").And.Contain(missing));
    }

    /// <summary>Ctrl-C leaves no rank behind, and what had been measured is in the file.</summary>
    [Test]
    [CancelAfter(60_000)]
    public async Task AnInterruptEndsTheRanksToo(CancellationToken cancellation)
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Ignore("children are looked for in /proc");
        }
        using var tool = BenchTool.Start("--backend ring -n 2 --sizes 8 --iterations 10000000");
        var ranks = await ChildrenAsync(tool.Process.Id, 2, cancellation);
        Signals.Interrupt(tool.Process.Id);
        var (code, _, errors) = await tool.EndAsync(cancellation);
        Assert.That(code, Is.EqualTo(ExitCodes.Signalled + 2), errors);
        Assert.That(errors.Trim(), Is.EqualTo("collectives: Stopped."));
        Assert.That(ranks.Where(IsRunning), Is.Empty);
    }

    /// <summary>However the tool ends, its ranks notice.</summary>
    [Test]
    [CancelAfter(60_000)]
    public async Task RanksEndWithAToolThatIsKilled(CancellationToken cancellation)
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Ignore("children are looked for in /proc");
        }
        using var tool = BenchTool.Start("--backend ring -n 2 --sizes 8 --iterations 10000000");
        var ranks = await ChildrenAsync(tool.Process.Id, 2, cancellation);
        tool.Process.Kill();
        await tool.EndAsync(cancellation);
        while (ranks.Any(IsRunning))
        {
            await Task.Delay(20, cancellation);
        }
    }

    private static void AssertRows(string csv, string transport, int rows, params string[] types)
    {
        var lines = csv.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var header = lines[0].Split(',');
        var cells = lines[1..]
            .Select(line => header.Zip(line.Split(',')).ToDictionary(cell => cell.First, cell => cell.Second))
            .ToList();
        Assert.Multiple(() =>
        {
            Assert.That(cells, Has.Count.EqualTo(rows));
            Assert.That(cells.Select(row => row["errors"]).Distinct(), Is.EqualTo(new[] { "0" }));
            Assert.That(cells.Select(row => row["transport"]).Distinct(), Is.EqualTo(new[] { transport }));
            if (types.Length > 0)
            {
                Assert.That(cells.Select(row => row["dtype"]).Distinct(), Is.EquivalentTo(types));
            }
        });
    }

    /// <summary>The processes that another has started, once there are so many.</summary>
    private static async Task<int[]> ChildrenAsync(int parent, int number, CancellationToken cancellation)
    {
        while (true)
        {
            var children = Directory
                .EnumerateDirectories("/proc")
                .Select(folder =>
                    int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id) ? id : 0
                )
                .Where(id =>
                    id > 0
                    && Stat(id) is [_, var ofParent, ..]
                    && ofParent == parent.ToString(CultureInfo.InvariantCulture)
                )
                .ToArray();
            if (children.Length == number)
            {
                return children;
            }
            await Task.Delay(20, cancellation);
        }
    }

    private static bool IsRunning(int process) => Stat(process) is [not "Z", ..];

    /// <summary>State, parent and so on of a process; none, if it is not there.</summary>
    private static string[] Stat(int process)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{process}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' '); // its name may hold anything
        }
        catch (IOException)
        {
            return [];
        }
    }
}
