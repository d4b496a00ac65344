using System.Diagnostics;
using System.Globalization;
using NativeCollectives.Cli;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests.Tool;

/// <summary>The launcher where things are not as they should be, case by case as trials found them.</summary>
[Category("Tool")]
[CancelAfter(60_000)]
public sealed class LaunchTrialTests
{
    // ---- 1. What is left behind -------------------------------------------------------------------------------------

    /// <summary>The guard told a group that was gone, wrote that to a pipe without a reader, and died of it.</summary>
    [Test]
    public async Task AKilledToolLeavesNoRankBehindAlsoIfOneHasEnded(CancellationToken cancellation)
    {
        using var run = new LaunchRun(["-n", "2", "sh", "-c", "[ $MLX_RANK = 0 ] && exit 0; echo $$; exec sleep 300"]);
        var rank = int.Parse((await run.Output.ReadLineAsync(cancellation))!, CultureInfo.InvariantCulture);
        run.Signal(9);
        await UntilNothingIsLeft(run, [rank], cancellation);
    }

    [Test]
    public async Task AKilledToolLeavesNoDaemonBehind(CancellationToken cancellation)
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Ignore("the daemons of ranks are found on Linux only");
        }

        using var run = new LaunchRun(["sh", "-c", "setsid sh -c 'echo $$; exec sleep 300' & wait; exec sleep 300"]);
        var daemon = int.Parse((await run.Output.ReadLineAsync(cancellation))!, CultureInfo.InvariantCulture);
        run.Signal(9);
        await UntilNothingIsLeft(run, [daemon], cancellation);
    }

    [Test]
    public async Task QuitEndsTheJobInOrder(CancellationToken cancellation)
    {
        using var run = new LaunchRun(["-n", "2", "sh", "-c", "echo ready; exec sleep 300"]);
        await run.Output.ReadLineAsync(cancellation);
        run.Signal(3);
        Assert.That((await run.End(cancellation)).ExitCode, Is.EqualTo(131));
    }

    // ---- 2. Who is to blame -----------------------------------------------------------------------------------------

    /// <summary>The others notice the end of a rank before it has ended itself, and end sooner.</summary>
    [Test]
    public async Task TheRankThatLostNoPeerIsToBlame(CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(
            [
                "-n",
                "3",
                "sh",
                "-c",
                "if [ $MLX_RANK = 1 ]; then sleep 0.4; echo 'the real reason' >&2; exit 7; fi; "
                    + "echo 'Unhandled exception. NativeCollectives.PeerLostException: rank 1 is lost' >&2; exit 9",
            ],
            cancellation
        );
        Assert.That(end.ExitCode, Is.EqualTo(7));
        Assert.That(
            end.Errors,
            Does.EndWith(
                "collectives: the last lines of rank 1:\ncollectives:   the real reason\n"
                    + "collectives: rank 1 (127.0.0.1) exited with code 7; ranks 0 and 2 lost a peer after that\n"
            )
        );
    }

    [Test]
    public async Task ARankThatWasKilledIsToBlameHoweverLateItsEndIsSeen(CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(
            [
                "-n",
                "2",
                "sh",
                "-c",
                "if [ $MLX_RANK = 1 ]; then sleep 0.4; kill -9 $$; fi; echo 'I do not know' >&2; exit 5",
            ],
            cancellation
        );
        Assert.That(end.ExitCode, Is.EqualTo(137));
        Assert.That(end.Errors, Does.EndWith("collectives: rank 1 (127.0.0.1) was killed by SIGKILL\n"));
        Assert.That(
            end.Errors,
            Does.Contain("collectives: rank 0 (127.0.0.1) exited with code 5\n"),
            "it failed by itself too"
        );
    }

    /// <summary>
    /// What a program of ours that lost a peer writes down for the launcher, whatever it prints and ends with.
    /// </summary>
    [Test]
    public async Task ARankTellsTheLauncherThatItLostAPeer(CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(
            [
                "-n",
                "2",
                "sh",
                "-c",
                "if [ $MLX_RANK = 1 ]; then sleep 0.4; exit 7; fi; echo lost > $NC_LAUNCH_REPORT; exit 9",
            ],
            cancellation
        );
        Assert.That(end.ExitCode, Is.EqualTo(7));
        Assert.That(
            end.Errors,
            Is.EqualTo("collectives: rank 1 (127.0.0.1) exited with code 7; rank 0 lost a peer after that\n")
        );
    }

    [Test]
    public async Task ARankThatLeftEarlyIsMentioned(CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(
            ["-n", "2", "sh", "-c", "[ $MLX_RANK = 0 ] && exit 0; sleep 0.4; echo lost > $NC_LAUNCH_REPORT; exit 9"],
            cancellation
        );
        Assert.That(
            (end.ExitCode, end.Errors),
            Is.EqualTo(
                (9, "collectives: rank 1 (127.0.0.1) exited with code 9; rank 0 had left before with exit code 0\n")
            )
        );
    }

    [Test]
    public async Task PatienceIsAnOption(CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(
            ["-n", "2", "--patience", "0", "sh", "-c", "[ $MLX_RANK = 0 ] && exit 3; exec sleep 300"],
            cancellation
        );
        Assert.That(
            end.Errors,
            Is.EqualTo("collectives: rank 0 (127.0.0.1) exited with code 3; the other ranks were ended\n")
        );

        // Longer than by default.
        end = await LaunchRun.ToEnd(
            ["-n", "2", "--patience", "10m", "sh", "-c", "[ $MLX_RANK = 0 ] && exit 3; sleep 2.5; exit 4"],
            cancellation
        );
        Assert.That(
            end.Errors,
            Is.EqualTo(
                "collectives: rank 1 (127.0.0.1) exited with code 4\ncollectives: rank 0 (127.0.0.1) exited with "
                    + "code 3\n"
            )
        );
    }

    // ---- 3. Leftovers -----------------------------------------------------------------------------------------------

    [Test]
    public async Task TheBackendIsTheOneThatWasPrepared(CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(
            ["-n", "2", "--backend", "ring", "sh", "-c", "echo $NC_BACKEND$MASTER_ADDR$RANK$OMPI_COMM_WORLD_SIZE"],
            cancellation,
            variables: new Dictionary<string, string>
            {
                ["NC_BACKEND"] = "nccl",
                ["MASTER_ADDR"] = "127.0.0.1",
                ["RANK"] = "3",
                ["OMPI_COMM_WORLD_SIZE"] = "9",
            }
        );
        Assert.That(end.Output, Is.EqualTo("ring\nring\n"), end.Errors);
    }

    [Test]
    public async Task TheGpusAreThoseThatTheToolMayUse(CancellationToken cancellation)
    {
        string[] launch = ["-n", "2", "--backend", "nccl", "sh", "-c", "echo $MLX_RANK $CUDA_VISIBLE_DEVICES"];
        var end = await LaunchRun.ToEnd(
            launch,
            cancellation,
            variables: new Dictionary<string, string> { ["CUDA_VISIBLE_DEVICES"] = "2,3" }
        );
        Assert.That(end.Lines, Is.EquivalentTo(new[] { "0 2", "1 3" }), end.Errors);
        end = await LaunchRun.ToEnd(
            launch,
            cancellation,
            variables: new Dictionary<string, string> { ["CUDA_VISIBLE_DEVICES"] = "5" }
        );
        Assert.That(
            (end.ExitCode, end.Errors),
            Is.EqualTo(
                (
                    ExitCodes.Usage,
                    "collectives: CUDA_VISIBLE_DEVICES is \"5\", which are 1 GPUs, but rank 1 needs another one\n"
                )
            )
        );
    }

    [Test]
    public async Task ARankMayLaunch(CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(
            [
                "-n",
                "2",
                CollectivesTool.Dotnet,
                CollectivesTool.Path,
                "launch",
                "-n",
                "2",
                "sh",
                "-c",
                "echo $MLX_RANK",
            ],
            cancellation
        );
        Assert.That(end.Lines, Is.EquivalentTo(new[] { "0", "0", "1", "1" }), end.Errors);
    }

    // ---- 4. Signals -------------------------------------------------------------------------------------------------

    /// <summary>timeout(1) signals its child and then its group: one wish, told twice.</summary>
    [Test]
    public async Task TheSameSignalTwiceLeavesTheGracePeriod(CancellationToken cancellation)
    {
        using var run = new LaunchRun([
            "--grace-period",
            "30",
            "sh",
            "-c",
            "trap 'sleep 0.5; echo saved; exit 0' TERM; echo ready; while :; do sleep 0.05; done",
        ]);
        await run.Output.ReadLineAsync(cancellation);
        run.Signal(15);
        run.Signal(15);
        var end = await run.End(cancellation);
        Assert.That((end.ExitCode, end.Output), Is.EqualTo((143, "saved\n")));
    }

    [TestCase(10, 12)]
    public async Task SignalsOfThePrograms(int first, int second, CancellationToken cancellation)
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Ignore("these are Linux's numbers");
        }

        using var run = new LaunchRun([
            "-n",
            "2",
            "sh",
            "-c",
            "trap 'echo one' USR1; trap 'echo two; exit 0' USR2; echo ready; while :; do sleep 0.05; done",
        ]);
        for (var rank = 0; rank < 2; rank++)
        {
            await run.Output.ReadLineAsync(cancellation);
        }

        run.Signal(first);
        Assert.That(
            (await run.Output.ReadLineAsync(cancellation), await run.Output.ReadLineAsync(cancellation)),
            Is.EqualTo(("one", "one"))
        );
        run.Signal(second);
        var end = await run.End(cancellation);
        Assert.That((end.ExitCode, end.Output), Is.EqualTo((0, "two\ntwo\n")));
    }

    [Test]
    public async Task AParentThatIgnoresTheEndOfItsChildren(CancellationToken cancellation)
    {
        var (code, output, errors) = await Shell(
            $"trap '' CHLD; exec {Tool} launch -n 2 sh -c 'exit $MLX_RANK'",
            cancellation
        );
        Assert.That((code, output), Is.EqualTo((1, "")), errors);
        Assert.That(errors, Is.EqualTo("collectives: rank 1 (127.0.0.1) exited with code 1\n"));
    }

    // ---- 5. Streams -------------------------------------------------------------------------------------------------

    [Test]
    public async Task ANonBlockingInputIsReadToItsEnd(CancellationToken cancellation)
    {
        if (!File.Exists("/usr/bin/python3"))
        {
            Assert.Ignore("there is no python3, by which the input is made non-blocking");
        }

        const string Sender =
            "import fcntl,os,subprocess,sys,time\n"
            + "r,w=os.pipe()\nfcntl.fcntl(r,fcntl.F_SETFL,os.O_NONBLOCK)\n"
            + "p=subprocess.Popen(sys.argv[1:],stdin=r)\nos.close(r)\n"
            + "for i in range(6):\n time.sleep(0.1)\n os.write(w,b'x'*1000)\n"
            + "os.close(w)\nsys.exit(p.wait())\n";
        var start = new ProcessStartInfo(
            "/usr/bin/python3",
            ["-c", Sender, CollectivesTool.Dotnet, CollectivesTool.Path, "launch", "wc", "-c"]
        )
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var (code, output, errors) = await CollectivesTool.RunAsync(start, cancellation);
        Assert.That((code, output.Trim()), Is.EqualTo((0, "6000")), errors);
    }

    [Test]
    public async Task AnyRankMayGetTheInput(CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(
            ["-n", "3", "--stdin", "2", "sh", "-c", "echo $MLX_RANK $(cat)"],
            cancellation,
            input: "hello"
        );
        Assert.That(end.Lines, Is.EquivalentTo(new[] { "0", "1", "2 hello" }));
        end = await LaunchRun.ToEnd(["-n", "3", "--stdin", "3", "true"], cancellation);
        Assert.That(
            (end.ExitCode, end.Errors),
            Is.EqualTo((ExitCodes.Usage, "collectives: --stdin is 3, but the ranks are 0 to 2\n"))
        );
    }

    [TestCase("launch sh -c 'while :; do echo y; done'")]
    [TestCase("launch --print-python")]
    [TestCase("launch --dry-run true")]
    [TestCase("--help")]
    [TestCase("--version")]
    public async Task AFullDiskIsOneSentence(string command, CancellationToken cancellation)
    {
        if (!File.Exists("/dev/full"))
        {
            Assert.Ignore("there is no /dev/full");
        }

        var (code, _, errors) = await Shell($"exec {Tool} {command} > /dev/full", cancellation);
        Assert.That((code, errors.Split('\n').Length), Is.EqualTo((ExitCodes.Failed, 2)), errors);
        Assert.That(errors, Does.StartWith("collectives: ").And.Contain("No space left on device"));
    }

    // ---- 6. One sentence for every failure --------------------------------------------------------------------------

    [TestCase("TMPDIR=/nowhere", "launch true", "no temporary folder can be made in /nowhere")]
    [TestCase("TMPDIR=/etc/passwd", "launch true", "no temporary folder can be made in /etc/passwd")]
    [TestCase("cd $(mktemp -d); rmdir \"$PWD\";", "launch true", "the current folder does not exist any more")]
    [TestCase("ulimit -n 100;", "launch -n 40 true", "Too many open files")]
    [TestCase(
        "printf '#!/bin/sh\\r\\necho hi\\r\\n' > s; chmod +x s;",
        "launch ./s",
        "its interpreter \"/bin/sh\\r\" was not found; the script has the line ends of Windows"
    )]
    [TestCase(
        "echo '{\"hosts\": [{\"ssh\": \"\\ud800\"}]}' > h;",
        "launch --hostfile h true",
        "half of a surrogate pair"
    )]
    [TestCase("echo '{\"hosts\": [{\"\\ud800\": 1}]}' > h;", "doctor --hostfile h", "half of a surrogate pair")]
    [TestCase(
        "echo '{\"backend\": \"mpi\", \"hosts\": [{\"ssh\": \"localhost\"}]}' > h;",
        "doctor --hostfile h",
        "which only mlx.launch has"
    )]
    [TestCase(
        "echo '{\"backend\": \"RING\", \"hosts\": [{\"ssh\": \"localhost\"}]}' > h;",
        "launch --hostfile h true",
        "which is perhaps ring"
    )]
    [TestCase(
        "echo '[{\"ssh\": \"localhost\", \"command\": [\"echo\", \"a\\u0000b\"]}]' > h;",
        "launch --hostfile h",
        "holds NUL"
    )]
    [TestCase(
        "echo '[{\"ssh\": \"127.0.0.1\", \"ips\": [\"127.0.0.1\", \"127.0.0.2\"]}, {\"ssh\": \"127.0.0.2\"}]' > h;",
        "launch --hostfile h --backend ring true",
        "expected equally many"
    )]
    public async Task AFailureIsOneSentence(
        string before,
        string command,
        string sentence,
        CancellationToken cancellation
    )
    {
        using var folder = new Temporary();
        var (code, _, errors) = await Shell($"cd {folder.Path}; {before} {Tool} {command}", cancellation);
        Assert.That(code, Is.InRange(1, ExitCodes.NotFound), errors);
        Assert.That(errors.Split('\n'), Has.Length.EqualTo(2), errors);
        Assert.That(errors, Does.StartWith("collectives: ").And.Contain(sentence));
    }

    [TestCase("launch -n 2 --backend ring true", 0, "")]
    [TestCase("launch -n 2 --hosts ::1 --backend ring true", 2, "::1 is not an address of this machine")]
    public async Task ASystemWithoutIPv6(string command, int code, string sentence, CancellationToken cancellation)
    {
        const string Without =
            "ip link set lo up && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && echo none && exec ";
        var end = await Shell($"exec unshare -n sh -c \"{Without} {Tool} {command}\"", cancellation);
        if (!end.Output.StartsWith("none", StringComparison.Ordinal))
        {
            Assert.Ignore($"no network without IPv6 can be made here: {end.Errors.Trim()}");
        }

        Assert.That(end.ExitCode, Is.EqualTo(code), end.Errors);
        Assert.That(end.Errors, sentence.Length == 0 ? Is.Empty : Does.Contain(sentence));
    }

    // ---- 7. Secrets -------------------------------------------------------------------------------------------------

    [Test]
    public async Task ASecretIsNotShown(CancellationToken cancellation)
    {
        using var folder = new Temporary();
        File.WriteAllText(Path.Combine(folder.Path, "env"), "# ours\nHARMLESS=whisper\n");
        var end = await LaunchRun.ToEnd(
            [
                "--verbose",
                "--env",
                "HF_TOKEN=whisper",
                "--env-file",
                Path.Combine(folder.Path, "env"),
                "sh",
                "-c",
                "echo $HF_TOKEN $HARMLESS >&2",
            ],
            cancellation
        );
        Assert.That(
            end.Errors,
            Does.Contain("HF_TOKEN=***").And.Contain("HARMLESS=***").And.EndWith("whisper whisper\n")
        );
        Assert.That(end.Errors.Split("whisper"), Has.Length.EqualTo(3));
        end = await LaunchRun.ToEnd(["--env", "HF-TOKEN=whisper", "true"], cancellation);
        Assert.That(end.Errors, Does.Not.Contain("whisper").And.Contain("HF-TOKEN=***"));
    }

    // ---- 8. Doctor's verdict ----------------------------------------------------------------------------------------

    /// <summary>A program that was started here would be a group of one, which is hardly meant.</summary>
    [TestCase("", 0)]
    [TestCase("MLX_RANK=1", 1)]
    [TestCase("OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=1", 1)]
    public async Task WhatIsConfiguredCounts(string variables, int expected, CancellationToken cancellation)
    {
        using var folder = new Temporary();
        var (code, output, errors) = await Shell($"cd {folder.Path}; {variables} {Tool} doctor", cancellation);
        Assert.That(code, Is.EqualTo(expected), output + errors);
        Assert.That(output.Contains("All is well", StringComparison.Ordinal), Is.EqualTo(expected == 0));
    }

    // ---- 9. What a new user types -----------------------------------------------------------------------------------

    [TestCase("-np 3")]
    [TestCase("--ranks 3")]
    [TestCase("-n3")]
    public async Task TheNumberOfRanks(string option, CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd([.. option.Split(' '), "echo", "hi"], cancellation);
        Assert.That((end.ExitCode, end.Output), Is.EqualTo((0, "hi\nhi\nhi\n")), end.Errors);
    }

    [TestCase("launch --nproc 3 echo", "perhaps -n is meant")]
    [TestCase("launch --hostfiles h echo", "perhaps --hostfile is meant")]
    [TestCase("launch --bogus=3 echo", "see collectives launch --help")]
    [TestCase("lanch -n 2 echo", "Did you mean launch?")]
    public async Task AMistakeIsAnsweredByWhatIsMeant(string command, string answer, CancellationToken cancellation)
    {
        var (code, output, errors) = await CollectivesTool.RunAsync(
            CollectivesTool.StartInfo(command.Split(' ')),
            cancellation
        );
        Assert.That((code, output), Is.EqualTo((ExitCodes.Usage, "")));
        Assert.That(errors, Does.Contain(answer));
    }

    [Test]
    public async Task TwoPretendedHostsNeedNoSsh(CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(
            ["--hosts", "127.0.0.1,127.0.0.2", "--backend", "ring", .. LaunchRun.Program("FirstSteps.dll")],
            cancellation
        );
        Assert.That(end.ExitCode, Is.Zero, end.Errors);
        Assert.That(end.Lines.Count(), Is.EqualTo(2));
    }

    /// <summary>What is printed can be run by hand: the file is there as long as the job.</summary>
    [Test]
    public async Task TheWholeCommandIsSaid(CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(["-n", "2", "--dry-run", "--backend", "ring", "echo", "a b"], cancellation);
        Assert.That(
            end.Output.Split('\n')[0],
            Does.Match(
                "^rank 0 on 127\\.0\\.0\\.1: .*MLX_RANK=0 NC_BACKEND=ring .*MLX_HOSTFILE=\\S+/MLX_HOSTFILE\\.json echo "
                    + "'a b'$"
            )
        );
        Assert.That(end.Output, Does.Contain("MLX_HOSTFILE is a file of: [[\"127.0.0.1:"));
    }

    [Test]
    public async Task APortThatIsTakenIsNamed(CancellationToken cancellation)
    {
        using var other = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        other.Start();
        var port = ((System.Net.IPEndPoint)other.LocalEndpoint).Port;
        var end = await LaunchRun.ToEnd(["-n", "2", "--backend", "ring", "-p", $"{port}", "true"], cancellation);
        Assert.That(
            (end.ExitCode, end.Errors),
            Is.EqualTo(
                (
                    ExitCodes.Failed,
                    $"collectives: port {port} of 127.0.0.1 is in use: another program listens there, perhaps a rank "
                        + "of an earlier run\n"
                )
            )
        );
    }

    private static string Tool => $"'{CollectivesTool.Dotnet}' '{CollectivesTool.Path}'";

    private static Task<(int ExitCode, string Output, string Errors)> Shell(
        string script,
        CancellationToken cancellation
    )
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", script])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return CollectivesTool.RunAsync(start, cancellation);
    }

    private static async Task UntilNothingIsLeft(LaunchRun run, List<int> processes, CancellationToken cancellation)
    {
        while (
            processes.Exists(static process => Signals.Kill(process, 0) == 0)
            || Directory.EnumerateFileSystemEntries(run.Temporary, "collectives-*").Any()
        )
        {
            await Task.Delay(20, cancellation);
        }
    }

    private sealed class Temporary : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("nc-trial-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
