using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests.Tool;

/// <summary>The tool launches ranks on this machine.</summary>
[Category("Tool")]
[CancelAfter(60_000)]
public sealed class LaunchTests
{
    [TestCase(1, "ring")]
    [TestCase(4, "ring")]
    public async Task RanksFormARing(int size, string backend, CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(
            ["-n", $"{size}", "--backend", backend, .. LaunchRun.Program("FirstSteps.dll")],
            cancellation
        );
        Assert.That(end.ExitCode, Is.Zero, end.Errors);
        var everyone = string.Join(' ', Enumerable.Range(0, size).Select(rank => 10 * rank));
        Assert.That(
            end.Lines.Select(line => line.Split(", rank")[0]),
            Is.EqualTo(
                Enumerable
                    .Range(0, size)
                    .Select(rank =>
                        $"rank {rank} of {size}: [{size} {2 * size} {size * (size - 1) / 2}] [{everyone}] [{size}]"
                    )
            )
        );
    }

    [TestCase("jaccl")]
    [TestCase("jaccl-ring")]
    public async Task RanksFormAGroupOverRdma(string backend, CancellationToken cancellation)
    {
        var folder = Directory.CreateTempSubdirectory("nc-launch-rdma-").FullName;
        try
        {
            var hosts = Path.Combine(folder, "hosts.json");
            await File.WriteAllTextAsync(
                hosts,
                """
                {"backend": "jaccl", "hosts": [
                  {"ssh": "127.0.0.1", "ips": ["127.0.0.1"], "rdma": [null, "rdma_en2"],
                    "envs": ["NC_SOFTVERBS_HOST=0"]},
                  {"ssh": "127.0.0.1", "ips": ["127.0.0.1"], "rdma": [["rdma_en2"], null],
                    "envs": ["NC_SOFTVERBS_HOST=1"]}]}
                """,
                cancellation
            );
            string[] variables =
            [
                $"NC_VERBS_LIBRARY={SoftVerbsLibrary.Path}",
                $"NC_SOFTVERBS_FABRIC={folder}",
                "NC_SOFTVERBS_DEVICES=rdma_en2",
            ];
            var end = await LaunchRun.ToEnd(
                [
                    "--hostfile",
                    hosts,
                    "--backend",
                    backend,
                    .. Options(variables),
                    .. LaunchRun.Program("FirstStepsOnRdma.dll"),
                ],
                cancellation
            );
            Assert.That(end.ExitCode, Is.Zero, end.Errors);
            Assert.That(
                end.Lines,
                Is.EqualTo(new[] { "rank 0 of 2: [1 2 0.5] [0 10] [43]", "rank 1 of 2: [1 2 0.5] [0 10] [42]" })
            );
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public async Task RanksFormAGroupOnGpus(CancellationToken cancellation)
    {
        var variables = NcclLibraries.Doubles().Select(variable => $"{variable.Key}={variable.Value}");
        var end = await LaunchRun.ToEnd(
            ["-n", "2", "--backend", "nccl", .. Options(variables), .. LaunchRun.Program("FirstStepsOnGpus.dll")],
            cancellation
        );
        Assert.That(end.ExitCode, Is.Zero, end.Errors);
        Assert.That(
            end.Lines,
            Is.EqualTo(new[] { "rank 0 of 2: [1 2 0.5 1 2 0.5] [2 1]", "rank 1 of 2: [1 2 0.5 1 2 0.5] [2 1]" })
        );
    }

    [Test]
    public async Task TheProgramGetsItsArgumentsAndVariables(CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(
            [
                "-n",
                "2",
                "--env",
                "A=it's",
                "--prefix",
                "sh",
                "-c",
                "echo \"$MLX_RANK $A $*\"; echo $MLX_RANK >&2",
                "sh",
                "-p",
                "3",
                "--",
                "--env",
            ],
            cancellation
        );
        Assert.That(end.Lines, Is.EqualTo(new[] { "[0] 0 it's -p 3 -- --env", "[1] 1 it's -p 3 -- --env" }));
        Assert.That(end.Errors.Split('\n').Order(), Is.EqualTo(new[] { "", "[0] 0", "[1] 1" }));
        Assert.That(end.ExitCode, Is.Zero);
    }

    [TestCase("0", "0:ab,1:")]
    [TestCase("all", "0:ab,1:ab")]
    [TestCase("none", "0:,1:")]
    public async Task TheInputGoesToTheRanksThatAreToHaveIt(
        string target,
        string expected,
        CancellationToken cancellation
    )
    {
        var end = await LaunchRun.ToEnd(
            ["-n", "2", "--stdin", target, "sh", "-c", "echo $MLX_RANK:$(cat)"],
            cancellation,
            "ab\n"
        );
        Assert.That(string.Join(',', end.Lines), Is.EqualTo(expected));
    }

    [Test]
    public async Task ARankThatDoesNotReadItsInputDoesNotStopTheOthers(CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(
            ["-n", "3", "--stdin", "all", "sh", "-c", "[ $MLX_RANK = 1 ] || wc -c"],
            cancellation,
            new string('x', 1_000_000)
        );
        Assert.That(end.Lines.Select(line => line.Trim()), Is.EqualTo(new[] { "1000000", "1000000" }), end.Errors);
        Assert.That(end.ExitCode, Is.Zero);
    }

    [Test]
    public async Task PipedOutputIsLeftAsItIs(CancellationToken cancellation)
    {
        using var run = new LaunchRun([
            "-n",
            "2",
            "--stdin",
            "none",
            "sh",
            "-c",
            "[ $MLX_RANK = 1 ] || head -c 3000000 /dev/urandom | tee bytes",
        ]);
        using var bytes = new MemoryStream();
        await run.Output.BaseStream.CopyToAsync(bytes, cancellation);
        Assert.That((await run.End(cancellation)).ExitCode, Is.Zero);
        var written = await File.ReadAllBytesAsync(Path.Combine(run.Folder, "bytes"), cancellation);
        Assert.That(bytes.ToArray().AsSpan().SequenceEqual(written), Is.True);
    }

    [Test]
    public async Task LinesOfSeveralRanksDoNotMix(CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(
            [
                "-n",
                "4",
                "sh",
                "-c",
                "for i in 1 2 3 4 5 6 7 8 9 10; do printf %s $MLX_RANK$MLX_RANK; printf '%s\\n' $MLX_RANK; done",
            ],
            cancellation
        );
        Assert.That(
            end.Lines,
            Is.EqualTo(Enumerable.Range(0, 4).SelectMany(rank => Enumerable.Repeat($"{rank}{rank}{rank}", 10)))
        );
    }

    [Test]
    public async Task ManyRanksThatDoNothingEndWell(CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(["-n", "64", "true"], cancellation);
        Assert.That((end.ExitCode, end.Output, end.Errors), Is.EqualTo((0, "", "")));
    }

    [Test]
    public async Task HostsMayHaveProgramsOfTheirOwn(CancellationToken cancellation)
    {
        using var run = new LaunchRun([
            "--hostfile",
            "/dev/stdin",
            "--stdin",
            "none",
            "--backend",
            "ring",
            "echo",
            "given",
        ]);
        await run.Input.WriteAsync(
            """
            [{"ssh": "127.0.0.1", "command": ["sh", "-c", "echo own $MLX_RANK"]}, {"ssh": "localhost"}]
            """.AsMemory(),
            cancellation
        );
        run.Input.Close();
        Assert.That((await run.End(cancellation)).Lines, Is.EqualTo(new[] { "given", "own 0" }));
    }

    [TestCase("the program no-such-program was not found on PATH", 127, "-n 2 no-such-program")]
    [TestCase("cannot be executed: it is a folder", 126, "/usr")]
    [TestCase("there is no program to launch", 2, "-n 2")]
    [TestCase("the folder /no/such, in which rank 0 is to start, does not exist", 2, "--cwd /no/such true")]
    [TestCase("--env is \"a-b=***\"; expected NAME=VALUE", 2, "--env a-b=c true")]
    [TestCase("--backend is \"mpi\"; expected one of ring, jaccl, jaccl-ring, nccl", 2, "--backend mpi true")]
    [TestCase("-n is 0; expected a number of ranks from 1", 2, "-n 0 true")]
    [TestCase("--hosts is \"a,,b\"", 2, "--hosts a,,b true")]
    [TestCase("the hostfile /no/such.json does not exist", 2, "--hostfile /no/such.json true")]
    [TestCase("--timeout is \"soon\"", 2, "--timeout soon true")]
    public async Task WhatIsWrongIsSaidInOneSentence(
        string expected,
        int code,
        string arguments,
        CancellationToken cancellation
    )
    {
        var end = await LaunchRun.ToEnd(arguments.Split(' '), cancellation);
        Assert.That(end.Errors, Does.StartWith("collectives: ").And.Contain(expected));
        Assert.That((end.ExitCode, end.Errors.Count(letter => letter == '\n'), end.Output), Is.EqualTo((code, 1, "")));
    }

    private static IEnumerable<string> Options(IEnumerable<string> variables) =>
        variables.SelectMany(variable => new[] { "--env", variable });
}
