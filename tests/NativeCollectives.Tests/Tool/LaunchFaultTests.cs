using System.Diagnostics;
using System.Globalization;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests.Tool;

/// <summary>A rank fails, the job is ended from outside: the exit code tells, and nothing of it is left.</summary>
[Category("Tool")]
[CancelAfter(60_000)]
public sealed class LaunchFaultTests
{
    /// <summary>
    /// Does not heed SIGTERM, nor does its child, which has left the process group; both say who they are.
    /// </summary>
    private const string Stubborn =
        "trap '' TERM HUP INT; if command -v setsid >/dev/null; then setsid sh -c 'echo $$; exec sleep 300' & else "
        + "sleep 300 & echo $!; fi; "
        + "sh -c 'echo $$; exec sleep 300' & echo $$; wait; sleep 300";

    [Test]
    public async Task AKilledRankEndsTheJobWithItsCodeWithinTwoSeconds(CancellationToken cancellation)
    {
        using var run = new LaunchRun([
            "-n",
            "3",
            "--patience",
            "0.1",
            "sh",
            "-c",
            $"if [ $MLX_RANK = 1 ]; then echo rank $$; exec sleep 300; fi; {Stubborn}",
        ]);
        var (victim, others) = await Processes(run, 7, cancellation);
        var clock = Stopwatch.StartNew();
        Signals.Kill(victim, 9);
        var end = await run.End(cancellation);
        Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(2)));
        Assert.That(end.ExitCode, Is.EqualTo(137));
        Assert.That(
            end.Errors,
            Is.EqualTo("collectives: rank 1 (127.0.0.1) was killed by SIGKILL; the other ranks were ended\n")
        );
        AssertGone(others);
    }

    [TestCase(2, 130)]
    [TestCase(15, 143)]
    [TestCase(1, 129)]
    public async Task ASignalToTheToolEndsTheJob(int signal, int code, CancellationToken cancellation)
    {
        using var run = new LaunchRun(["-n", "2", "sh", "-c", Stubborn]);
        var (_, processes) = await Processes(run, 6, cancellation);
        run.Signal(signal);
        Assert.That((await run.End(cancellation)).ExitCode, Is.EqualTo(code));
        AssertGone(processes);
    }

    [Test]
    public async Task ASecondSignalEndsItAtOnce(CancellationToken cancellation)
    {
        using var run = new LaunchRun([
            "-n",
            "2",
            "--grace-period",
            "10m",
            "sh",
            "-c",
            "trap 'echo asked' TERM; echo $$; while :; do sleep 0.05; done",
        ]);
        var (_, processes) = await Processes(run, 2, cancellation);
        run.Signal(2);
        Assert.That(await run.Output.ReadLineAsync(cancellation), Is.EqualTo("asked"));
        run.Signal(2);
        Assert.That((await run.End(cancellation)).ExitCode, Is.EqualTo(130));
        AssertGone(processes);
    }

    [Test]
    public async Task ARankMayEndInAnOrderlyWay(CancellationToken cancellation)
    {
        using var run = new LaunchRun([
            "--grace-period",
            "30",
            "sh",
            "-c",
            "trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.05; done",
        ]);
        Assert.That(await run.Output.ReadLineAsync(cancellation), Is.EqualTo("ready"));
        run.Signal(15);
        var end = await run.End(cancellation);
        Assert.That((end.ExitCode, end.Output), Is.EqualTo((143, "saved\n")));
    }

    [Test]
    public async Task ChildrenThatOutliveTheirRankAreEnded(CancellationToken cancellation)
    {
        using var run = new LaunchRun([
            "-n",
            "1",
            "sh",
            "-c",
            "sh -c 'trap \"\" TERM; echo $$; exec sleep 300' & setsid sh -c 'echo $$; exec sleep 300' & read x; exit 0",
        ]);
        if (OperatingSystem.IsMacOS())
        {
            Assert.Ignore("macOS has neither setsid(1) nor a way to adopt the children of children");
        }

        var (_, processes) = await Processes(run, 2, cancellation);
        await run.Input.WriteLineAsync("go".AsMemory(), cancellation);
        Assert.That((await run.End(cancellation)).ExitCode, Is.Zero);
        AssertGone(processes);
    }

    [Test]
    public async Task TheFirstRankToFailGivesTheCode(CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(
            ["-n", "3", "sh", "-c", "[ $MLX_RANK = 2 ] && exit 5; trap 'exit 6' TERM; while :; do sleep 0.05; done"],
            cancellation
        );
        Assert.That(end.ExitCode, Is.EqualTo(5));
        Assert.That(
            end.Errors,
            Does.EndWith("collectives: rank 2 (127.0.0.1) exited with code 5; the other ranks were ended\n")
        );
    }

    [Test]
    public async Task TheTimeLimitEndsTheJob(CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(
            ["-n", "2", "--timeout", "300ms", "--restart", "3", "sleep", "300"],
            cancellation
        );
        Assert.That(
            (end.ExitCode, end.Errors),
            Is.EqualTo((124, "collectives: the job took longer than 0.3 s and was ended\n"))
        );
    }

    [Test]
    public async Task AFailedJobStartsAgain(CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(
            [
                "-n",
                "2",
                "--restart",
                "2",
                "--backend",
                "ring",
                "sh",
                "-c",
                "[ $MLX_RANK = 1 ] || cat $MLX_HOSTFILE; [ $NC_RESTART_COUNT = 1 ] || { sleep 0.2; exit 4; }",
            ],
            cancellation
        );
        Assert.That(end.ExitCode, Is.Zero, end.Errors);
        Assert.That(
            end.Errors,
            Does.Contain("exited with code 4").And.Contain("collectives: the job starts again (1 of 2)\n")
        );
        Assert.That(end.Lines.Distinct().Count(), Is.EqualTo(2), "each start has ports of its own");
    }

    [Test]
    public async Task TheLastFailureIsTheJobs(CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(
            ["--restart", "2", "sh", "-c", "echo start; exit $((7 + NC_RESTART_COUNT))"],
            cancellation
        );
        Assert.That((end.ExitCode, end.Output), Is.EqualTo((9, "start\nstart\nstart\n")));
    }

    /// <summary>Nobody reads the output any more: an endless job must not go on.</summary>
    [Test]
    public async Task ABrokenPipeEndsTheJob(CancellationToken cancellation)
    {
        using var run = new LaunchRun(["-n", "2", "sh", "-c", "while :; do echo y; done"]);
        Assert.That(await run.Output.ReadLineAsync(cancellation), Is.EqualTo("y"));
        run.Output.BaseStream.Close();
        Assert.That(await run.ExitCode(cancellation), Is.EqualTo(141));
    }

    /// <summary>SIGKILL leaves the tool no time; the shell beside it ends the ranks.</summary>
    [Test]
    public async Task RanksDoNotOutliveAKilledTool(CancellationToken cancellation)
    {
        using var run = new LaunchRun(["-n", "2", "sh", "-c", "trap '' TERM; echo $$; while :; do sleep 0.05; done"]);
        var (_, processes) = await Processes(run, 2, cancellation);
        run.Signal(9);
        while (processes.Exists(IsAlive) || Directory.EnumerateFileSystemEntries(run.Temporary, "collectives-*").Any())
        {
            await Task.Delay(20, cancellation);
        }
    }

    /// <summary>
    /// The process ids that ranks print, and that of the one that is to be killed, printed behind the word rank.
    /// </summary>
    private static async Task<(int Victim, List<int> Others)> Processes(
        LaunchRun run,
        int count,
        CancellationToken cancellation
    )
    {
        var victim = 0;
        List<int> others = [];
        while (count-- > 0)
        {
            var line =
                await run.Output.ReadLineAsync(cancellation)
                ?? throw new InvalidOperationException((await run.End(cancellation)).Errors);
            if (line.StartsWith("rank ", StringComparison.Ordinal))
            {
                victim = int.Parse(line[5..], CultureInfo.InvariantCulture);
            }
            else
            {
                others.Add(int.Parse(line, CultureInfo.InvariantCulture));
            }
        }

        return (victim, others);
    }

    private static void AssertGone(List<int> processes)
    {
        var left = processes.FindAll(IsAlive);
        left.ForEach(process => Signals.Kill(process, 9));
        Assert.That(left, Is.Empty, "processes that are left");
    }

    private static bool IsAlive(int process) => Signals.Kill(process, 0) == 0;
}
