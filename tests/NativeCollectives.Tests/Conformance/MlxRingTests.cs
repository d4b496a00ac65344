using System.Collections.Concurrent;
using NativeCollectives.ConformanceReplay;

namespace NativeCollectives.Tests.Conformance;

/// <summary>
/// Recorded exchanges of real MLX ranks: our rank sends the same bytes and computes the same results. A few at a time,
/// each on a process that stays up.
/// </summary>
[Category("Conformance")]
[Parallelizable(ParallelScope.Children)]
public sealed class MlxRingTests
{
    private static readonly ReplayOptions _options = new()
    {
        Command = [Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", Rank],
    };

    private readonly ConcurrentBag<RankProcess> _idle = [];

    private static string Rank => Path.Combine(AppContext.BaseDirectory, "conformance-rank.dll");

    public static IEnumerable<TestCaseData> Cases => Vectors.Folders().SelectMany(Vectors.Cases).Select(Named);

    /// <summary>Sequences and everything with several sockets: for the ways in which bytes may come.</summary>
    public static IEnumerable<TestCaseData> Some =>
        Vectors
            .Folders()
            .SelectMany(Vectors.Cases)
            .Where(folder =>
                Path.GetFileName(folder) is var name
                && (name.Contains("-seq-") || name.Contains("s3-") || name.Contains("-send") || name.Contains("-recv"))
                && Size(folder) < 100_000
            )
            .Select(Named);

    [OneTimeTearDown]
    public void End()
    {
        foreach (var process in _idle)
        {
            process.Dispose();
        }
    }

    [TestCaseSource(nameof(Cases))]
    public Task Recorded(string folder) => ReplayAsync(folder, _options);

    /// <summary>Fed in tiny pieces, each direction ended right after its last byte.</summary>
    [TestCaseSource(nameof(Some))]
    public Task RecordedInTinyPieces(string folder) =>
        ReplayAsync(folder, _options with { Split = 3, HalfClose = true });

    /// <summary>Fed at once, each direction ended right after its last byte.</summary>
    [TestCaseSource(nameof(Some))]
    public Task RecordedAndClosedEarly(string folder) => ReplayAsync(folder, _options with { HalfClose = true });

    [Test]
    public void ThereAreCases() => Assert.That(Cases, Is.Not.Empty);

    /// <summary>A replay can fail: one byte of the recording changed, in each kind of file.</summary>
    [TestCase("left0.sent.bin", "left0: byte 5 sent")]
    [TestCase("op0.output.bin", "op0.output.bin: differs at byte 5")]
    [TestCase("right0.received.bin", "left0: byte")]
    [TestCase("op0.input.bin", "left0: byte 5 sent")]
    public async Task AChangedByteIsFound(string file, string complaint)
    {
        var folder = Directory.CreateTempSubdirectory("nc-changed-");
        try
        {
            var original = Path.Combine(
                Vectors.RepositoryRoot,
                "tests",
                "vectors",
                "mlx-ring",
                "r3-s1-rank0-allsum-f32-10"
            );
            foreach (var path in Directory.GetFiles(original))
            {
                File.Copy(path, Path.Combine(folder.FullName, Path.GetFileName(path)));
            }
            var changed = Path.Combine(folder.FullName, file);
            var bytes = await File.ReadAllBytesAsync(changed);
            bytes[5] ^= 0x10;
            await File.WriteAllBytesAsync(changed, bytes);
            var complaints = await Replayer.ReplayAsync(RecordedCase.Read(folder.FullName), _options);
            Assert.That(complaints, Has.Some.StartsWith(complaint), string.Join('\n', complaints));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>A rank that does nothing, or does not end, does not pass.</summary>
    [Test]
    public async Task AnotherProgramDoesNotPass()
    {
        var recorded = RecordedCase.Read(
            Path.Combine(Vectors.RepositoryRoot, "tests", "vectors", "mlx-ring", "r2-s1-rank0-send1-u8-0")
        );
        Assert.That(
            await Replayer.ReplayAsync(recorded, new ReplayOptions { Command = ["true"] }),
            Has.Some.Contains("never connected")
        );
        Assert.That(
            await Replayer.ReplayAsync(recorded, new ReplayOptions { Command = ["sh", "-c", "exit 3"] }),
            Has.Some.EqualTo("exit status 3")
        );
        Assert.That(
            await Replayer.ReplayAsync(
                recorded,
                new ReplayOptions
                {
                    Command = ["sh", "-c", "exec sleep 60", "{case}"],
                    Timeout = TimeSpan.FromSeconds(0.3),
                }
            ),
            Has.Some.StartsWith("not finished")
        );
    }

    /// <summary>The program ends after one case, as other replayers start it.</summary>
    [Test]
    public async Task RecordedOnAProcessOfItsOwn()
    {
        var complaints = await Replayer.ReplayAsync(
            RecordedCase.Read(Vectors.Cases(Vectors.Folders()[0])[0]),
            _options
        );
        Assert.That(complaints, Is.Empty, string.Join('\n', complaints));
    }

    private async Task ReplayAsync(string folder, ReplayOptions options)
    {
        var process = _idle.TryTake(out var idle) ? idle : new RankProcess(options.Command);
        var complaints = await Replayer.ReplayAsync(RecordedCase.Read(folder), options, process);
        if (complaints.Count == 0)
        {
            _idle.Add(process);
        }
        else
        {
            process.Dispose();
        }
        Assert.That(complaints, Is.Empty, string.Join('\n', complaints));
    }

    private static TestCaseData Named(string folder) =>
        new TestCaseData(folder).SetArgDisplayNames(Path.GetFileName(folder));

    private static long Size(string folder) => new DirectoryInfo(folder).EnumerateFiles().Sum(file => file.Length);
}
