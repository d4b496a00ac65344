using System.Collections.Concurrent;
using System.CommandLine;
using NativeCollectives.Cli;
using NativeCollectives.Cli.Hosts;
using NativeCollectives.Cli.Processes;
using NativeCollectives.Cli.Topology;

namespace NativeCollectives.Tests.Tool;

/// <summary>Runs of the command, with a shell that answers with captured text.</summary>
[Category("Unit")]
[CancelAfter(30_000)]
public sealed class TopologyRunTests
{
    private readonly ConcurrentQueue<(string Host, string Command)> _commands = new();
    private readonly StringWriter _output = new();
    private readonly StringWriter _log = new();
    private readonly Dictionary<(string Host, string Command), ProcessResult> _answers = [];
    private string _folder = "";

    [SetUp]
    public void NewFolder()
    {
        _folder = Directory.CreateTempSubdirectory("nc-topology-").FullName;
        _commands.Clear();
        _answers.Clear();
        _output.GetStringBuilder().Clear();
        _log.GetStringBuilder().Clear();
    }

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task HostsAreAskedAndTheirPlanPrinted(CancellationToken cancellation)
    {
        await RunAsync(new TopologyOptions { Hosts = "east, north,west,south", Envs = ["A=1"] }, cancellation);
        Assert.That(
            _output.ToString(),
            Does.Contain("Setup\n=====\n# on east\nsudo ifconfig bridge0 down\n").And.Contain("# on south\n")
        );
        var json = _output.ToString().Split("Hostfile\n========\n")[1];
        HostFile plan = HostFile.Parse(json, "output");
        Assert.That(plan.Hosts.Select(host => host.Ssh), Is.EqualTo(new[] { "east", "north", "west", "south" }));
        Assert.That((plan.Backend, string.Join(' ', plan.Envs)), Is.EqualTo(("ring", "A=1")));
        Assert.That(
            _commands.Select(run => run.Command),
            Has.None.Contains("sudo"),
            "nothing is set up that nobody asked for"
        );
        Assert.That(
            _log.ToString(),
            Does.StartWith("collectives: ring: a ring over TCP of east, north, west, south, without RDMA")
        );
    }

    [Test]
    public async Task WhatHostsPrintedCanBeKeptAndPlannedFrom(CancellationToken cancellation)
    {
        await RunAsync(
            new TopologyOptions { Hosts = "amber,birch,cedar,dune", Save = _folder },
            cancellation,
            TopologyFixtures.MeshOf4
        );
        var first = _output.ToString();
        _output.GetStringBuilder().Clear();
        _commands.Clear();
        await RunAsync(new TopologyOptions { From = _folder }, cancellation);
        Assert.That(_output.ToString(), Is.EqualTo(first).And.Contain("\"jaccl\""));
        Assert.That(_commands, Is.Empty);
    }

    [Test]
    public async Task TheHostFileIsWritten(CancellationToken cancellation)
    {
        var path = Path.Combine(_folder, "hosts.json");
        await RunAsync(
            new TopologyOptions
            {
                From = TopologyFixtures.Folder(TopologyFixtures.MeshOf4),
                Output = path,
                Backend = "jaccl-ring",
            },
            cancellation
        );
        Assert.That(HostFile.Read(path).Backend, Is.EqualTo("jaccl-ring"));
        Assert.That(_output.ToString(), Does.Not.Contain("Hostfile"));
        // Its hosts can be taken from it again.
        await RunAsync(
            new TopologyOptions
            {
                From = TopologyFixtures.Folder(TopologyFixtures.MeshOf4),
                HostFile = path,
                Output = path,
            },
            cancellation
        );
        Assert.That(HostFile.Read(path).Backend, Is.EqualTo("jaccl"));
        await Assert.ThatAsync(
            () =>
                RunAsync(
                    new TopologyOptions
                    {
                        From = TopologyFixtures.Folder(TopologyFixtures.MeshOf4),
                        Output = Path.Combine(_folder, "none", "hosts.json"),
                    },
                    cancellation
                ),
            Throws
                .InstanceOf<ToolException>()
                .With.Message.Contains("cannot be written")
                .And.Property(nameof(ToolException.ExitCode))
                .EqualTo(ExitCodes.Failed)
        );
    }

    [Test]
    public async Task AGraphIsAllThatIsPrinted(CancellationToken cancellation)
    {
        await RunAsync(
            new TopologyOptions { From = TopologyFixtures.Folder(TopologyFixtures.DoubleRingOf3), Dot = true },
            cancellation
        );
        Assert.That(_output.ToString(), Does.StartWith("graph G {").And.EndsWith("}\n"));
    }

    [Test]
    public async Task OverEthernetAddressesAreThoseOfTheHosts(CancellationToken cancellation)
    {
        await RunAsync(
            new TopologyOptions { Hosts = "amber,dune", OverEthernet = true },
            cancellation,
            TopologyFixtures.MeshOf4
        );
        HostFile plan = HostFile.Parse(_output.ToString().Split("========\n")[1], "output");
        Assert.That(
            plan.Hosts.Select(host => $"{host.Ssh} {host.Ips.Single()}"),
            Is.EqualTo(new[] { "amber 10.20.30.11", "dune 10.20.30.14" })
        );
        Assert.That(plan.Backend, Is.Null);
        Assert.That(_commands.Select(run => run.Command), Has.None.Contains("system_profiler"));
    }

    [Test]
    public async Task OverEthernetAHostWithoutAnAddressIsNamed(CancellationToken cancellation)
    {
        _answers[("dune", LanAddress.Command)] = new ProcessResult(1, "", "");
        await Assert.ThatAsync(
            () =>
                RunAsync(
                    new TopologyOptions { Hosts = "amber,dune", OverEthernet = true },
                    cancellation,
                    TopologyFixtures.MeshOf4
                ),
            Fails(ExitCodes.Unhealthy, "host dune has no IPv4 address")
        );
    }

    [Test]
    public async Task AnUnreachableHostIsNamed(CancellationToken cancellation)
    {
        _answers[("north", "echo success")] = new ProcessResult(
            255,
            "",
            "warning\nssh: connect to host north port 22: Connection refused\n"
        );
        await Assert.ThatAsync(
            () => RunAsync(new TopologyOptions { Hosts = "east,north" }, cancellation),
            Fails(
                ExitCodes.Unhealthy,
                "host north cannot be reached: ssh: connect to host north port 22: Connection refused"
            )
        );
    }

    [Test]
    public async Task UnreachableHostsCanBeLeftOut(CancellationToken cancellation)
    {
        _answers[("south", "echo success")] = new ProcessResult(ExitCodes.TimedOut, "", "no answer within 5 s");
        await RunAsync(new TopologyOptions { Hosts = "east,south,north", IgnoreUnreachable = true }, cancellation);
        Assert.That(
            HostFile.Parse(_output.ToString().Split("========\n")[1], "output").Hosts.Select(host => host.Ssh),
            Is.EqualTo(new[] { "east", "north" })
        );
        Assert.That(_log.ToString(), Does.Contain("warning: host south cannot be reached: no answer within 5 s"));
        await Assert.ThatAsync(
            () => RunAsync(new TopologyOptions { Hosts = "south", IgnoreUnreachable = true }, cancellation),
            Fails(ExitCodes.Unhealthy, "host south cannot be reached")
        );
    }

    [Test]
    public async Task AHostThatIsNoMacIsNamed(CancellationToken cancellation)
    {
        _answers[("north", ThunderboltReport.Command)] = new ProcessResult(127, "", "sh: system_profiler: not found\n");
        await Assert.ThatAsync(
            () => RunAsync(new TopologyOptions { Hosts = "east,north" }, cancellation),
            Fails(ExitCodes.Failed, "host north: system_profiler", "not found", "expected a Mac")
        );
    }

    /// <summary>A connection that breaks must not look like a host without RDMA or address.</summary>
    [Test]
    public async Task AConnectionThatBreaksIsNamed(CancellationToken cancellation)
    {
        _answers[("north", RdmaDevices.Command)] = new ProcessResult(255, "", "Connection reset");
        await Assert.ThatAsync(
            () => RunAsync(new TopologyOptions { Hosts = "east,north" }, cancellation),
            Fails(ExitCodes.Failed, "host north: ibv_devices", "Connection reset")
        );
    }

    [Test]
    public async Task SetupIsRunOnEveryHostInOrder(CancellationToken cancellation)
    {
        _answers[("mini", "sudo route change 192.168.0.1 -interface en2")] = new ProcessResult(1, "", "not in table");
        await RunAsync(
            new TopologyOptions { Hosts = "desk,mini", AutoSetup = true },
            cancellation,
            TopologyFixtures.Odd
        );
        Assert.That(
            _commands
                .Where(run => run.Host == "desk" && run.Command.StartsWith("sudo", StringComparison.Ordinal))
                .Select(run => run.Command),
            Is.EqualTo(
                new[]
                {
                    "sudo -n true",
                    "sudo ifconfig bridge0 down",
                    "sudo ifconfig en4 inet 192.168.0.1 netmask 255.255.255.252",
                    "sudo route change 192.168.0.2 -interface en4",
                }
            )
        );
        Assert.That(_output.ToString(), Does.Not.Contain("sudo").And.Contain("\"ssh\": \"desk\""));
        Assert.That(_log.ToString(), Does.Contain("warning: host mini: sudo route change").And.Contain("not in table"));
    }

    [Test]
    public async Task SetupThatFailsIsNamed(CancellationToken cancellation)
    {
        _answers[("mini", "sudo ifconfig en2 inet 192.168.0.2 netmask 255.255.255.252")] = new ProcessResult(
            1,
            "",
            "ifconfig: interface en2 does not exist\n"
        );
        await Assert.ThatAsync(
            () =>
                RunAsync(
                    new TopologyOptions { Hosts = "desk,mini", AutoSetup = true },
                    cancellation,
                    TopologyFixtures.Odd
                ),
            Fails(
                ExitCodes.Failed,
                "host mini: sudo ifconfig en2",
                "exit code 1: ifconfig: interface en2 does not exist"
            )
        );
    }

    [Test]
    public async Task WithoutSudoSetupIsPrinted(CancellationToken cancellation)
    {
        _answers[("mini", "sudo -n true")] = new ProcessResult(1, "", "sudo: a password is required");
        await RunAsync(
            new TopologyOptions { Hosts = "desk,mini", AutoSetup = true },
            cancellation,
            TopologyFixtures.Odd
        );
        Assert.That(
            _commands.Where(run =>
                run.Command.Contains("ifconfig", StringComparison.Ordinal)
                && !run.Command.Contains("ipconfig", StringComparison.Ordinal)
            ),
            Is.Empty
        );
        Assert.That(_output.ToString(), Does.Contain("# on desk\nsudo ifconfig bridge0 down"));
        Assert.That(_log.ToString(), Does.Contain("sudo needs a password on mini"));
    }

    [TestCase("a,a", "named twice")]
    [TestCase("a,,b", "\"\" is not the name of a host")]
    [TestCase("-oProxyCommand=x", "is not the name of a host")]
    [TestCase("../a", "is not the name of a host")]
    public async Task NamesThatAreNone(string hosts, string message, CancellationToken cancellation) =>
        await Assert.ThatAsync(
            () => RunAsync(new TopologyOptions { Hosts = hosts }, cancellation),
            Fails(ExitCodes.Usage, message)
        );

    [Test]
    public async Task AFolderWithoutTheHostIsNamed(CancellationToken cancellation)
    {
        await Assert.ThatAsync(
            () => RunAsync(new TopologyOptions { From = _folder }, cancellation),
            Fails(ExitCodes.Usage, $"{_folder} has no file")
        );
        await Assert.ThatAsync(
            () => RunAsync(new TopologyOptions { From = Path.Combine(_folder, "none") }, cancellation),
            Fails(ExitCodes.Usage, "does not exist")
        );
        await File.WriteAllTextAsync(Path.Combine(_folder, "a.networksetup.txt"), "", cancellation);
        await Assert.ThatAsync(
            () => RunAsync(new TopologyOptions { From = _folder }, cancellation),
            Fails(ExitCodes.Usage, "a.system_profiler.json cannot be read")
        );
        await Assert.ThatAsync(
            () => RunAsync(new TopologyOptions { From = _folder, Hosts = "a,b" }, cancellation),
            Fails(ExitCodes.Unhealthy, "host b cannot be reached")
        );
    }

    [TestCase("--hosts a --hostfile b", "--hosts and --hostfile exclude each other")]
    [TestCase("--from a --save b", "--from and --save exclude each other")]
    [TestCase("--from a --auto-setup", "--from and --auto-setup exclude each other")]
    [TestCase("--auto-setup --no-auto-setup", "--auto-setup and --no-auto-setup exclude each other")]
    [TestCase("--over ethernet --dot", "do not go with --over ethernet")]
    [TestCase("--over ethernet --auto-setup", "do not go with --over ethernet")]
    [TestCase("--over ethernet --backend jaccl", "--backend jaccl needs cables of Thunderbolt")]
    [TestCase("--over wifi", "wifi")]
    [TestCase("--backend nccl", "nccl")]
    [TestCase("--over ethernet --backend nccl", "nccl")]
    [TestCase("--over ethernet --dot=maybe", "maybe")]
    [TestCase("--env", "--env")]
    [TestCase("--hosts", "--hosts")]
    [TestCase("--env 1=2", "--env is \"1=2\"")]
    public void WhatIsNoCommandLine(string arguments, string message) =>
        Assert.That(
            TopologyCommand.Create().Parse(arguments.Split(' ')).Errors.Select(error => error.Message),
            Has.Some.Contains(message)
        );

    [TestCase("--hosts a,b --over ethernet --backend ring --output hosts.json")]
    [TestCase("--hostfile a --no-auto-setup --dot --save b --verbose")]
    [TestCase("--from a --output-hostfile b --env A=1 --env B= --ignore-unreachable")]
    public void CommandLines(string arguments) =>
        Assert.That(TopologyCommand.Create().Parse(arguments.Split(' ')).Errors, Is.Empty);

    [Test]
    public void ThePageNamesEveryOption()
    {
        var page = File.ReadAllText(Path.Combine(Harness.NcclLibraries.RepositoryRoot, "docs", "tool-topology.md"));
        foreach (Option option in TopologyCommand.Create().Options)
        {
            Assert.That(page, Does.Contain(option.Name), option.Name);
        }
    }

    private async Task RunAsync(
        TopologyOptions options,
        CancellationToken cancellation,
        string fixture = TopologyFixtures.RingOf4
    ) =>
        Assert.That(
            await new TopologyRun(options, new Shell(this, fixture), _output, _log).RunAsync(cancellation),
            Is.EqualTo(ExitCodes.Success)
        );

    private static NUnit.Framework.Constraints.IResolveConstraint Fails(int exitCode, params string[] words)
    {
        NUnit.Framework.Constraints.Constraint constraint = Throws
            .InstanceOf<ToolException>()
            .With.Property(nameof(ToolException.ExitCode))
            .EqualTo(exitCode);
        return words.Aggregate(constraint, (all, word) => all.And.Message.Contains(word));
    }

    /// <summary>Answers with what a test says, else with a fixture's text; and that sudo works.</summary>
    private sealed class Shell(TopologyRunTests test, string fixture) : IRemoteShell
    {
        public Task<ProcessResult> RunAsync(
            string host,
            string command,
            TimeSpan timeout,
            CancellationToken cancellationToken
        )
        {
            test._commands.Enqueue((host, command));
            return Task.FromResult(
                test._answers.TryGetValue((host, command), out ProcessResult? answer)
                    ? answer
                    : command switch
                    {
                        ThunderboltReport.Command => File("system_profiler.json"),
                        HardwarePorts.Command => File("networksetup.txt"),
                        RdmaDevices.Command => File("ibv_devices.txt"),
                        LanAddress.Command => File("ipconfig.txt"),
                        _ => new ProcessResult(0, "", ""),
                    }
            );

            ProcessResult File(string name) =>
                System.IO.File.Exists(Path.Combine(TopologyFixtures.Folder(fixture), $"{host}.{name}"))
                    ? new ProcessResult(0, TopologyFixtures.Text(fixture, $"{host}.{name}"), "")
                    : new ProcessResult(127, "", "not found");
        }
    }
}
