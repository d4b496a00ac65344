using NativeCollectives.Tests.Shared;

namespace NativeCollectives.Tests.Tool;

/// <summary>
/// Ranks on other hosts, to which a double of ssh leads: it runs what it is told here, in a session of its own as sshd
/// does, and writes down what it was told.
/// </summary>
[Category("Tool")]
[CancelAfter(60_000)]
public sealed class LaunchRemoteTests
{
    private const string Ssh = """
        #!/bin/sh
        printf '%s\n' "$*" >> "$NC_TEST_SSH_LOG"
        while [ "$1" != -- ]; do shift; done
        host=$2
        shift 2
        if [ "$host" = down ]; then echo "ssh: connect to host down port 22: No route to host" >&2; exit 255; fi
        echo "Welcome to $host"
        setsid -w sh -c "$*"
        exit $?
        """;

    private string _folder = "";

    private string HostFile => Path.Combine(_folder, "hosts.json");

    private string Log => Path.Combine(_folder, "log");

    [SetUp]
    public void MakeSsh()
    {
        if (OperatingSystem.IsWindows() || !File.Exists("/usr/bin/setsid"))
        {
            Assert.Ignore("there is no setsid(1), with which the double of ssh makes a session");
            return;
        }

        _folder = Directory.CreateTempSubdirectory("nc-launch-ssh-").FullName;
        var ssh = Path.Combine(_folder, "ssh");
        File.WriteAllText(ssh, Ssh);
        File.SetUnixFileMode(ssh, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        File.WriteAllText(
            HostFile,
            """[{"ssh": "node-a", "ips": ["127.0.0.1"]}, {"ssh": "node-b", "ips": ["127.0.0.1"]}]"""
        );
    }

    [TearDown]
    public void Remove()
    {
        if (_folder.Length > 0)
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    [Test]
    public async Task RanksFormARingOverSsh(CancellationToken cancellation)
    {
        using var ports = new Ports(2);
        ports.Release();
        var end = await Launch(
            ["--hostfile", HostFile, "-p", $"{ports.Numbers[0]}", .. LaunchRun.Program("FirstSteps.dll")],
            cancellation
        );
        Assert.That(end.ExitCode, Is.Zero, end.Errors);
        Assert.That(
            end.Lines,
            Is.EqualTo(
                new[]
                {
                    "rank 0 of 2: [2 4 1] [0 10] [2], rank 0 of 1 in its half",
                    "rank 1 of 2: [2 4 1] [0 10] [2], rank 0 of 1 in its half",
                }
            )
        );
        Assert.That(
            await File.ReadAllTextAsync(Log, cancellation),
            Does.Contain("BatchMode=yes")
                .And.Contain("ConnectTimeout=")
                .And.Contain("-- node-a ")
                .And.Contain("-- node-b ")
        );
    }

    [Test]
    public async Task ArgumentsVariablesInputAndFolderArriveAsTheyAre(CancellationToken cancellation)
    {
        var end = await Launch(
            [
                "--hosts",
                "user@node-a",
                "--cwd",
                "/usr",
                "--env",
                "A=it's $HOME\n*",
                "sh",
                "-c",
                "printf '%s|' \"$A\" \"$@\"; pwd; cat",
                "sh",
                "a b",
                "\"'",
                "",
            ],
            cancellation,
            "input\n"
        );
        Assert.That((end.ExitCode, end.Output), Is.EqualTo((0, "it's $HOME\n*|a b|\"'||/usr\ninput\n")), end.Errors);
    }

    [Test]
    public async Task AKilledRankEndsTheOthersWithAllTheirChildren(CancellationToken cancellation)
    {
        var end = await Launch(
            [
                "--hostfile",
                HostFile,
                "sh",
                "-c",
                "sleep 301 & echo $$ $!; [ $MLX_RANK = 0 ] || { sleep 0.3; kill -9 $$; }; trap '' TERM; sh -c 'echo "
                    + "$$; exec sleep 301'",
            ],
            cancellation
        );
        Assert.That(end.ExitCode, Is.EqualTo(137));
        Assert.That(
            end.Errors,
            Does.Contain("collectives: rank 1 (node-b) was killed by SIGKILL; the other ranks were ended\n")
        );
        var left = end
            .Output.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries)
            .Where(process => Directory.Exists($"/proc/{process}"))
            .ToList();
        Assert.That(left, Is.Empty, "processes that are left");
    }

    [Test]
    public async Task AHostThatCannotBeReachedIsNamed(CancellationToken cancellation)
    {
        var end = await Launch(["--hosts", "node-a,down", "sleep", "300"], cancellation);
        Assert.That(end.ExitCode, Is.EqualTo(255));
        Assert.That(end.Errors, Does.Contain("No route to host"));
        Assert.That(
            end.Errors,
            Does.Contain(
                "collectives: rank 1 (down) could not be started: ssh exited with code 255; the other ranks were "
                    + "ended\n"
            )
        );
    }

    /// <summary>Whatever is in it; and what comes behind it is the program's input.</summary>
    [Test]
    public async Task ASecretDoesNotStandInTheArgumentsOfSsh(CancellationToken cancellation)
    {
        const string Secret = "whisper 'a' \"b\" $c \\d %e \u00e9\n.\n";
        var end = await Launch(
            ["--hosts", "node-a", "--env", $"HF_TOKEN={Secret}", "sh", "-c", "printf '%s' \"$HF_TOKEN\"; cat"],
            cancellation,
            input: "hello"
        );
        Assert.That((end.ExitCode, end.Output), Is.EqualTo((0, Secret + "hello")), end.Errors);
        Assert.That(
            await File.ReadAllTextAsync(Log, cancellation),
            Does.Not.Contain("whisper").And.Contain("ControlMaster=no")
        );
    }

    [Test]
    public async Task ARemoteRankKeepsTheUsersUmask(CancellationToken cancellation)
    {
        var end = await Launch(["--hosts", "node-a", "sh", "-c", "umask"], cancellation);
        Assert.That(end.Output, Does.Not.Contain("77"), end.Errors);
    }

    [TestCase("no-such-program", 127, "not found")]
    [TestCase("false", 1, "rank 0 (node-a) exited with code 1")]
    public async Task TheCodeOfARemoteRankIsTheTools(
        string program,
        int code,
        string errors,
        CancellationToken cancellation
    )
    {
        var end = await Launch(["--hosts", "node-a", program], cancellation);
        Assert.That(end.ExitCode, Is.EqualTo(code));
        Assert.That(end.Errors, Does.Contain(errors));
    }

    /// <summary>SIGUSR1 and SIGUSR2, by which schedulers tell of an end to come.</summary>
    [Test]
    public async Task SignalsOfTheProgramsReachRemoteRanks(CancellationToken cancellation)
    {
        const string Program =
            "trap 'echo one' USR1; trap 'echo two; exit 0' USR2; echo ready; while :; do sleep 0.05; done";
        using var run = new LaunchRun(["--hosts", "node-a,node-b", "sh", "-c", Program], Variables);
        Assert.That(await TwoLines(), Is.EqualTo(("ready", "ready")));
        run.Signal(10);
        Assert.That(await TwoLines(), Is.EqualTo(("one", "one")));
        run.Signal(12);
        var end = await run.End(cancellation);
        Assert.That((end.ExitCode, end.Output), Is.EqualTo((0, "two\ntwo\n")), end.Errors);

        async Task<(string?, string?)> TwoLines() =>
            (await run.Output.ReadLineAsync(cancellation), await run.Output.ReadLineAsync(cancellation));
    }

    private Dictionary<string, string> Variables =>
        new() { ["PATH"] = $"{_folder}:{Environment.GetEnvironmentVariable("PATH")}", ["NC_TEST_SSH_LOG"] = Log };

    private Task<LaunchEnd> Launch(IEnumerable<string> arguments, CancellationToken cancellation, string input = "") =>
        LaunchRun.ToEnd(arguments, cancellation, input, Variables);
}
