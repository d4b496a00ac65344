using System.Diagnostics;
using System.Text.Json;
using NativeCollectives.Cli;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Tests.Shared;

namespace NativeCollectives.Tests.Tool;

/// <summary>
/// <c>collectives doctor</c> as a program: its JSON, its exit codes, the libraries that it finds, its probes on other
/// hosts by a double of ssh.
/// </summary>
[TestFixture]
[Category("Tool")]
[CancelAfter(60_000)]
internal sealed class DoctorToolTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("nc-doctor-").FullName;

    [TearDown]
    public void TidyUp() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task It_says_of_each_backend_what_the_library_says(CancellationToken cancellation)
    {
        (int code, JsonElement report, _) = await DoctorAsync([], [], cancellation);
        Assert.That(code, Is.EqualTo(ExitCodes.Success));
        Assert.That(report.GetProperty("healthy").GetBoolean(), Is.True);
        JsonElement machine = report.GetProperty("machine");
        foreach (JsonElement backend in machine.GetProperty("backends").EnumerateArray())
        {
            var kind = Enum.Parse<BackendKind>(backend.GetProperty("name").GetString()!, ignoreCase: true);
            bool available = DistributedGroup.IsAvailable(kind, out string? reason);
            Assert.That(backend.GetProperty("available").GetBoolean(), Is.EqualTo(available));
            Assert.That(backend.GetProperty("reason").GetString(), Is.EqualTo(reason));
        }

        Assert.That(machine.GetProperty("backends").GetArrayLength(), Is.EqualTo(3));
        Assert.That(machine.GetProperty("nativeCore").GetProperty("path").GetString(), Does.Exist);
        Assert.That(report.GetProperty("hostfile").ValueKind, Is.EqualTo(JsonValueKind.Null));
    }

    [Test]
    public async Task Libraries_that_are_there_are_described(CancellationToken cancellation)
    {
        if (SoftVerbsLibrary.IsReal || NcclLibraries.AreReal)
        {
            Assert.Ignore("what real libraries say is not known beforehand");
        }

        Dictionary<string, string> variables = NcclLibraries.Doubles();
        variables["NC_VERBS_LIBRARY"] = SoftVerbsLibrary.Path;
        variables["NC_SOFTVERBS_DEVICES"] = "rdma_en2,rdma_en3";
        variables["NC_SOFTVERBS_FAULTS"] = "device=rdma_en3:port=down";
        (_, JsonElement report, _) = await DoctorAsync([], variables, cancellation);
        JsonElement[] backends = [.. report.GetProperty("machine").GetProperty("backends").EnumerateArray()];
        Assert.That(backends.Select(static backend => backend.GetProperty("available").GetBoolean()), Is.All.True);
        JsonElement jaccl = backends
            .Single(static backend => backend.GetProperty("name").GetString() == "jaccl")
            .GetProperty("jaccl");
        Assert.That(
            jaccl
                .GetProperty("devices")
                .EnumerateArray()
                .Select(static device =>
                    (device.GetProperty("name").GetString(), device.GetProperty("state").GetString())
                ),
            Is.EqualTo(new[] { ("rdma_en2", "active"), ("rdma_en3", "down") })
        );
        Assert.That(jaccl.GetProperty("devices")[0].GetProperty("problem").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(jaccl.GetProperty("devices")[1].GetProperty("problem").GetString(), Does.Contain("port is down"));
        JsonElement nccl = backends
            .Single(static backend => backend.GetProperty("name").GetString() == "nccl")
            .GetProperty("nccl");
        Assert.That(nccl.GetProperty("version").GetString(), Does.Match(@"^2\.\d+\.\d+$"));
        Assert.That(nccl.GetProperty("cudaVersion").GetString(), Does.Match(@"^\d+\.\d+$"));
        Assert.That(
            nccl.GetProperty("devices").EnumerateArray().Select(static device => device.GetString()),
            Is.All.Contains("Double of a GPU")
        );
        Assert.That(nccl.GetProperty("devices").GetArrayLength(), Is.Positive);
    }

    [Test]
    public async Task People_are_told_the_same_and_the_broken_link_is_named(CancellationToken cancellation)
    {
        using var ports = new Ports(3);
        using var other = ports.Take(1);
        other.Listen();
        ports.Release();
        string hosts = Write(
            "hosts.json",
            JsonSerializer.Serialize(ports.Numbers.Select(static port => new[] { $"127.0.0.1:{port}" }))
        );
        (int code, string output, string errors) = await RunAsync(["doctor", "--hostfile", hosts], [], cancellation);
        Assert.That(code, Is.EqualTo(ExitCodes.Unhealthy), errors);
        Assert.That(errors, Is.Empty);
        Assert.That(output, Does.Contain("0 → 1").And.Contain("broken: listen"));
        int port = ports.Numbers[1];
        Assert.That(
            output,
            Does.Contain(
                $"link 0 → 1 (127.0.0.1 → 127.0.0.1, 127.0.0.1:{port}): broken at step listen: port {port} of "
                    + "127.0.0.1 is in use"
            )
        );
        Assert.That(output, Does.Not.Contain('\u001b'), "no colours into a pipe");
    }

    [Test]
    public async Task Mistakes_of_the_command_line_end_with_2(
        [Values("hostfile", "timeout", "config", "min-bandwidth", "backend")] string option,
        CancellationToken cancellation
    )
    {
        (int code, string output, string errors) = await RunAsync(["doctor", $"--{option}", "wrong"], [], cancellation);
        Assert.That(code, Is.EqualTo(ExitCodes.Usage));
        Assert.That(output, Is.Empty);
        Assert.That(errors, Does.StartWith("collectives: ").And.Contain("wrong"));
    }

    [Test]
    public async Task Other_hosts_are_probed_by_ssh(CancellationToken cancellation)
    {
        RequireShell();
        string hosts = Write(
            "hosts.json",
            """
            [{"ssh":"node0","ips":["127.0.0.1"]},
            {"ssh":"node1","ips":["127.0.0.2"]},
            {"ssh":"down2","ips":["host.invalid"]}]
            """
        );
        (int code, JsonElement report, string errors) = await DoctorAsync(
            ["--hostfile", hosts, "--remote-command", RemoteCommand],
            SshDouble(),
            cancellation
        );
        Assert.That(code, Is.EqualTo(ExitCodes.Unhealthy), errors);
        JsonElement file = report.GetProperty("hostfile");
        JsonElement[] machines = [.. file.GetProperty("hosts").EnumerateArray()];
        Assert.That(machines.Select(static host => host.GetProperty("local").GetBoolean()), Is.All.False);
        Assert.That(
            machines[1].GetProperty("machine").GetProperty("host").GetString(),
            Is.EqualTo(Environment.MachineName)
        );
        Assert.That(
            machines[2].GetProperty("error").GetString(),
            Is.EqualTo("ssh does not reach down2: ssh: connect to host down2 port 22: Connection refused")
        );
        JsonElement[] links = [.. file.GetProperty("links").EnumerateArray()];
        Assert.That(links[0].GetProperty("state").GetString(), Is.EqualTo("ok"), links[0].ToString());
        Assert.That(links[0].GetProperty("probe").GetProperty("forwardGbps").GetDouble(), Is.Positive);
        Assert.That(
            (links[1].GetProperty("state").GetString(), links[1].GetProperty("step").GetString()),
            Is.EqualTo(("broken", "resolve"))
        );
        Assert.That(links[2].GetProperty("state").GetString(), Is.EqualTo("untested"));
        Assert.That(
            report
                .GetProperty("findings")
                .EnumerateArray()
                .Select(static finding => finding.GetProperty("where").GetString()),
            Has.Some.StartsWith("link 1 → 2 (node1 → down2, host.invalid)")
        );
    }

    [Test]
    public async Task A_host_without_the_tool_is_named_with_what_to_do(CancellationToken cancellation)
    {
        RequireShell();
        string hosts = Write(
            "hosts.json",
            """[{"ssh":"node0","ips":["127.0.0.1"]},{"ssh":"localhost","ips":["127.0.0.2"]}]"""
        );
        (int code, JsonElement report, _) = await DoctorAsync(
            ["--hostfile", hosts, "--remote-command", "/nowhere/collectives"],
            SshDouble(),
            cancellation
        );
        Assert.That(code, Is.EqualTo(ExitCodes.Unhealthy));
        Assert.That(
            report.GetProperty("hostfile").GetProperty("hosts")[0].GetProperty("error").GetString(),
            Does.StartWith("the tool was not found on node0")
                .And.Contain("dotnet tool install --global NativeCollectives.Cli")
        );
    }

    [Test]
    public async Task A_probe_ends_with_whoever_started_it(CancellationToken cancellation)
    {
        Process probe = ChildProcesses.Start(
            CollectivesTool.StartInfo(["doctor", "probe-listen", "--address", "127.0.0.1", "--timeout", "30"])
        );
        try
        {
            string? line = await probe.StandardOutput.ReadLineAsync(cancellation);
            Assert.That(line, Does.StartWith("collectives-probe ").And.Contain("\"port\":"));
            probe.StandardInput.Close();
            await probe.WaitForExitAsync(cancellation);
            Assert.That(probe.ExitCode, Is.EqualTo(ExitCodes.Failed));
        }
        finally
        {
            ChildProcesses.End(probe);
        }
    }

    private static string RemoteCommand => $"'{CollectivesTool.Dotnet}' '{CollectivesTool.Path}'";

    private static void RequireShell()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Ignore("the double of ssh is a script of the POSIX shell");
        }
    }

    // Runs the command here, after a greeting such as shells like to print; hosts whose name begins with down are not
    // reached.
    private Dictionary<string, string> SshDouble()
    {
        string ssh = Write(
            "ssh",
            """
            #!/bin/sh
            while [ "$1" != -- ]; do shift; done
            case $2 in down*) echo "ssh: connect to host $2 port 22: Connection refused" >&2; exit 255;; esac
            echo "Welcome to $2"
            shift 2
            exec /bin/sh -c "$*"

            """
        );
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(ssh, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        return CollectivesTool.FirstOnPath(_folder);
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    private async Task<(int Code, JsonElement Report, string Errors)> DoctorAsync(
        string[] arguments,
        Dictionary<string, string> variables,
        CancellationToken cancellation
    )
    {
        (int code, string output, string errors) = await RunAsync(
            ["doctor", "--json", .. arguments],
            variables,
            cancellation
        );
        Assert.That(output, Does.StartWith("{"), errors);
        using var document = JsonDocument.Parse(output);
        return (code, document.RootElement.Clone(), errors);
    }

    private Task<(int ExitCode, string Output, string Errors)> RunAsync(
        string[] arguments,
        Dictionary<string, string> variables,
        CancellationToken cancellation
    ) => CollectivesTool.RunAsync(CollectivesTool.StartInfo(arguments, variables, _folder), cancellation);
}
