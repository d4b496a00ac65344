using System.Diagnostics;
using System.Text;
using NativeCollectives.Cli;
using NativeCollectives.Cli.Doctor.Cluster;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests.Tool;

/// <summary>
/// Command lines, hostfiles and configurations of any kind: the tool does as it is told, or says in one sentence why
/// not.
/// </summary>
[Category("Tool")]
[CancelAfter(120_000)]
public sealed class ToolFuzzTests
{
    private static readonly string[] _options =
    [
        "-n",
        "-np",
        "--ranks",
        "--repeat-hosts",
        "--hosts",
        "--hostfile",
        "--backend",
        "--env",
        "--env-file",
        "--connections-per-ip",
        "-p",
        "--starting-port",
        "--nccl-port",
        "--cwd",
        "--python",
        "--verbose",
        "--timeout",
        "--patience",
        "--grace-period",
        "--restart",
        "--stdin",
        "--prefix",
        "--no-prefix",
        "--color",
        "--help",
        "--",
        "--bogus",
        "-x",
        "-",
        "",
        "--=",
        "-n=",
        "--backend=",
        "@",
        "[diagram]",
    ];

    private static readonly string[] _values =
    [
        "0",
        "1",
        "2",
        "64",
        "-1",
        "1e9",
        "99999999999999999999",
        "a",
        "",
        " ",
        "127.0.0.1",
        "127.0.0.1,127.0.0.2",
        "a.invalid,b.invalid",
        ",",
        "::1",
        "ring",
        "nccl",
        "jaccl",
        "jaccl-ring",
        "mpi",
        "RING",
        "A=b",
        "=",
        "A",
        "5s",
        "0.5",
        "-5s",
        "all",
        "none",
        "true",
        "echo",
        "/",
        "/nowhere",
        "~",
        "\0",
        "\ud800",
        "\u001b[31m",
        "\n",
        "NaN",
        "always",
        "auto",
        "%s",
        "$(true)",
        "'",
    ];

    private string _folder = "";
    private TextWriter? _output;
    private TextWriter? _errors;

    [SetUp]
    public void Quiet()
    {
        _folder = Directory.CreateTempSubdirectory("nc-fuzz-").FullName;
        _output = Console.Out;
        _errors = Console.Error;
        Console.SetError(TextWriter.Null);
    }

    [TearDown]
    public void Loud()
    {
        Console.SetOut(_output!);
        Console.SetError(_errors!);
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public async Task CommandLines()
    {
        await Fuzzer.RunAsync(
            "command lines of launch",
            2000,
            async random =>
            {
                List<string> arguments = ["launch", "--dry-run"];
                for (var count = random.Next(7); count > 0; count--)
                {
                    var word =
                        random.Next(3) == 0
                            ? _values[random.Next(_values.Length)]
                            : _options[random.Next(_options.Length)];
                    arguments.Add(random.Next(12) == 0 ? Mutated(word, random) : word);
                    if (random.Next(3) > 0)
                    {
                        var value = _values[random.Next(_values.Length)];
                        arguments.Add(random.Next(12) == 0 ? Mutated(value, random) : value);
                    }
                }

                if (random.Next(2) == 0)
                {
                    arguments.AddRange(["--", "echo", _values[random.Next(_values.Length)]]);
                }

                await Expect([.. arguments], random.Next(1000) == 0);
            }
        );
    }

    [Test]
    public async Task HostFiles()
    {
        var path = Path.Combine(_folder, "hosts.json");
        await Fuzzer.RunAsync(
            "hostfiles of launch and doctor",
            2000,
            async random =>
            {
                var json = Mutated(Json(random, 0), random, random.Next(3));
                await File.WriteAllBytesAsync(path, Encoding.UTF8.GetBytes(json));
                await Expect(["launch", "--dry-run", "--hostfile", path, "--", "echo"], isLong: false);
                try
                {
                    _ = ClusterReader.Read(path, null);
                }
                catch (ToolException failure)
                {
                    ExpectSentence(Shown.Text(failure.Message, 3000), failure.ExitCode);
                }
            }
        );
    }

    [Test]
    public async Task Configurations()
    {
        var path = Path.Combine(_folder, "appsettings.json");
        await Fuzzer.RunAsync(
            "configurations of doctor",
            300,
            async random =>
            {
                string[] keys =
                [
                    "Backend",
                    "Ring:Rank",
                    "Ring:Hosts",
                    "Nccl:Size",
                    "Jaccl:Devices",
                    "Strict",
                    "FormingTimeout",
                    "Bogus",
                ];
                var values = Enumerable
                    .Range(0, random.Next(4))
                    .Select(_ => $"\"{keys[random.Next(keys.Length)]}\": {Json(random, 1)}");
                var json = Mutated(
                    $"{{\"NativeCollectives\": {{{string.Join(',', values)}}}}}",
                    random,
                    random.Next(2)
                );
                await File.WriteAllBytesAsync(path, Encoding.UTF8.GetBytes(json));
                await Expect(["doctor", "--config", path], isLong: false);
            }
        );
    }

    /// <summary>What hosts print, as topology reads it: mutated, cut off, or something else.</summary>
    [Test]
    public async Task CapturesOfTopology()
    {
        var captures = Directory.GetFiles(TopologyFixtures.Folder(TopologyFixtures.DoubleRingOf3));
        var originals = captures.ToDictionary(file => Path.GetFileName(file), File.ReadAllText);
        await Fuzzer.RunAsync(
            "captures of topology",
            300,
            async random =>
            {
                var changed = originals.Keys.ElementAt(random.Next(originals.Count));
                foreach (var (name, text) in originals)
                {
                    var written =
                        name != changed ? text
                        : random.Next(6) == 0 ? Json(random, 0)
                        : Mutated(text[..random.Next(text.Length / 2, text.Length + 1)], random, random.Next(20));
                    await File.WriteAllTextAsync(Path.Combine(_folder, name), written);
                }

                await Expect(["topology", "--from", _folder], isLong: false);
            }
        );
    }

    /// <summary>A value as a hostfile may have one, and often one that it may not.</summary>
    private static string Json(Random random, int depth)
    {
        switch (random.Next(depth > 3 ? 6 : 10))
        {
            case 0:
                return "null";
            case 1:
                return random.Next(2) == 0 ? "true" : "-1.5e300";
            case 2:
                return "\"\\ud800\"";
            case 3:
                return $"\"{new string('x', random.Next(20) == 0 ? 100_000 : random.Next(5))}\"";
            case < 6:
                string[] texts =
                [
                    "127.0.0.1",
                    "127.0.0.2:5",
                    "a.invalid",
                    "ring",
                    "jaccl",
                    "A=b",
                    "\\u0000",
                    "\\u001b[2J",
                    "rdma_en2",
                    "[::1]:7",
                    "x:0",
                ];
                return $"\"{texts[random.Next(texts.Length)]}\"";
            case < 8:
                var items = Enumerable.Range(0, random.Next(4)).Select(_ => Json(random, depth + 1));
                return $"[{string.Join(',', items)}]";
            default:
                string[] keys =
                [
                    "ssh",
                    "ips",
                    "rdma",
                    "command",
                    "envs",
                    "cwd",
                    "hosts",
                    "backend",
                    "\\ud800",
                    "other",
                ];
                var members = Enumerable
                    .Range(0, random.Next(6))
                    .Select(_ => $"\"{keys[random.Next(keys.Length)]}\":{Json(random, depth + 1)}");
                return $"{{{string.Join(',', members)}}}";
        }
    }

    private static string Mutated(string text, Random random, int times = 1)
    {
        var letters = new StringBuilder(text);
        for (; times > 0 && letters.Length > 0; times--)
        {
            var place = random.Next(letters.Length);
            _ = random.Next(3) switch
            {
                0 => letters.Remove(place, 1),
                1 => letters.Insert(place, (char)random.Next(1, 0x180)),
                _ => letters.Replace(letters[place], (char)random.Next(1, 0x80), place, 1),
            };
        }

        return letters.ToString();
    }

    private static async Task Expect(string[] arguments, bool isLong)
    {
        Console.SetOut(TextWriter.Null);
        List<string> said = [];
        var clock = Stopwatch.StartNew();
        var code = await Cli.Tool.RunAsync(isLong ? [.. arguments, new string('y', 1 << 20)] : arguments, said.Add);
        Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(20)), "bounded in time");
        Assert.That(said, Has.Count.LessThanOrEqualTo(1), string.Join('|', said));
        if (said.Count == 1)
        {
            ExpectSentence(said[0], code);
        }
        else
        {
            Assert.That(code, Is.InRange(ExitCodes.Success, ExitCodes.Unhealthy));
        }
    }

    private static void ExpectSentence(string sentence, int code)
    {
        Assert.That(
            code,
            Is.EqualTo(ExitCodes.Usage)
                .Or.EqualTo(ExitCodes.Unhealthy)
                .Or.EqualTo(ExitCodes.Failed)
                .Or.EqualTo(ExitCodes.NotFound)
                .Or.EqualTo(ExitCodes.CannotExecute),
            sentence
        );
        Assert.That(sentence, Has.Length.LessThan(4000).And.Not.Contain("unexpected"));
        var first = sentence.Split("\nSee: ")[0];
        Assert.That(
            first.Any(static letter => char.IsControl(letter) && letter != '\t'),
            Is.False,
            "control characters"
        );
    }
}
