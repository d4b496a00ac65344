using NativeCollectives.Cli;
using HostFile = NativeCollectives.Cli.Hosts.HostFile;

namespace NativeCollectives.Tests.Tool;

/// <summary><c>collectives topology</c> as a program.</summary>
[Category("Tool")]
[CancelAfter(60_000)]
public sealed class TopologyToolTests
{
    private string _folder = "";

    [SetUp]
    public void NewFolder() => _folder = Directory.CreateTempSubdirectory("nc-topology-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task ItPlansFromAFolder(CancellationToken cancellation)
    {
        var path = Path.Combine(_folder, "hosts.json");
        var (code, output, errors) = await RunAsync(
            [
                "--from",
                TopologyFixtures.Folder(TopologyFixtures.MeshOf4),
                "--output",
                path,
                "--env",
                "A=1",
                "--env",
                "B=x y",
            ],
            cancellation
        );
        Assert.That(
            (code, errors),
            Is.EqualTo((ExitCodes.Success, "collectives: jaccl: a mesh of amber, birch, cedar, dune over RDMA\n"))
        );
        Assert.That(output, Does.StartWith("Setup\n=====\n# on amber\n").And.Not.Contain("Hostfile"));
        Assert.That(HostFile.Read(path).Envs, Is.EqualTo(new[] { "A=1", "B=x y" }));
    }

    /// <summary>
    /// An ssh that answers with captured text comes before the real one on the path; one host cannot be reached.
    /// </summary>
    [Test]
    public async Task ItAsksHostsBySsh(CancellationToken cancellation)
    {
        var calls = Path.Combine(_folder, "calls");
        await WriteSshAsync(
            $$"""
            #!/bin/sh
            while [ "$1" != -- ]; do shift; done
            printf '%s: %s\n' "$2" "$3" >> '{{calls}}'
            file() { cat "{{TopologyFixtures.Folder(TopologyFixtures.RingOf4)}}/$1"; }
            [ "$2" != away ] || { echo 'ssh: no route to away' >&2; exit 255; }
            case $3 in
                system_profiler*) file "$2.system_profiler.json" ;;
                networksetup*) file "$2.networksetup.txt" ;;
                ipconfig*) file "$2.ipconfig.txt" ;;
                ibv_devices) echo 'sh: ibv_devices: not found' >&2; exit 127 ;;
                'sudo -n true') ;;
                sudo*) ;;
            esac
            """,
            cancellation
        );
        var (code, output, errors) = await RunAsync(
            ["--hosts", "south,away,west", "--ignore-unreachable", "--auto-setup"],
            cancellation
        );
        Assert.That(code, Is.EqualTo(ExitCodes.Success), errors);
        Assert.That(
            errors,
            Does.Contain("host away cannot be reached: ssh: no route to away")
                .And.Contain("the Thunderbolt ports of south, west are set up")
        );
        HostFile plan = HostFile.Parse(output.Split("========\n")[1], "output");
        Assert.That(
            plan.Hosts.Select(host => $"{host.Ssh} {host.Ips.Single()}"),
            Is.EqualTo(new[] { "south 192.168.1.1", "west 192.168.1.2" })
        );
        Assert.That(
            await File.ReadAllLinesAsync(calls, cancellation),
            Has.Some.EqualTo("west: sudo ifconfig en2 inet 192.168.1.2 netmask 255.255.255.252")
        );
    }

    private async Task WriteSshAsync(string script, CancellationToken cancellation)
    {
        var path = Path.Combine(_folder, "ssh");
        await File.WriteAllTextAsync(path, script + "\n", cancellation);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private Task<(int ExitCode, string Output, string Errors)> RunAsync(
        string[] arguments,
        CancellationToken cancellation
    ) =>
        CollectivesTool.RunAsync(
            CollectivesTool.StartInfo(["topology", .. arguments], CollectivesTool.FirstOnPath(_folder)),
            cancellation
        );
}
