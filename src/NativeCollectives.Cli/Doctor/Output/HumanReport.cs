using System.Globalization;
using NativeCollectives.Cli.Doctor.Cluster;
using NativeCollectives.Cli.Doctor.Configured;
using NativeCollectives.Cli.Doctor.Links;
using NativeCollectives.Cli.Doctor.Machine;
using NativeCollectives.Cli.Doctor.Probing;
using NativeCollectives.Hosting;
using Spectre.Console;

namespace NativeCollectives.Cli.Doctor.Output;

/// <summary>Writes a report for people.</summary>
internal sealed class HumanReport(IAnsiConsole console)
{
    public void Write(DoctorReport report)
    {
        Write(report.Machine);
        Write(report.Configuration);
        if (report.Hostfile is { } hostfile)
        {
            Write(hostfile);
        }

        WriteVerdict(report);
    }

    private void Write(MachineReport machine)
    {
        Title("This machine");
        var grid = Pairs();
        Add(grid, "host", machine.Host);
        Add(grid, "system", $"{machine.Os}, {machine.Architecture} ({machine.Rid})");
        Add(grid, "runtime", machine.Runtime);
        Add(grid, "NativeCollectives", machine.LibraryVersion);
        NativeCoreReport core = machine.NativeCore;
        Add(
            grid,
            "native library",
            core.Version is null
                ? "not loaded"
                : $"{core.Version}, ABI {core.AbiVersion}, {core.Path ?? "at a place that the system does not tell"}"
        );
        if (machine.Addresses.Count > 0)
        {
            Add(
                grid,
                "addresses",
                string.Join(
                    ", ",
                    machine.Addresses.Select(static address => $"{address.Address} ({address.Interface})")
                )
            );
        }

        console.Write(grid);

        Title("Backends");
        var backends = Pairs(3);
        foreach (BackendReport backend in machine.Backends)
        {
            backends.AddRow(
                new Text(backend.Name, new Style(decoration: Decoration.Bold)),
                backend.Available ? new Text("available", Color.Green) : new Text("not available", Color.Yellow),
                new Text(backend.Available ? Details(backend) : backend.Reason ?? "")
            );
        }

        console.Write(backends);
    }

    private static string Details(BackendReport backend) =>
        backend switch
        {
            { Nccl: { } nccl } => string.Join(
                "\n",
                $"NCCL {nccl.Version ?? "of a version that it does not tell"}: {nccl.Library}",
                $"CUDA driver for CUDA {nccl.CudaVersion ?? "of a version that it does not tell"}: {nccl.Driver}",
                $"{Words.Count(nccl.Devices.Count, "device")}: "
                    + $"{string.Join(", ", nccl.Devices.Select(static (name, ordinal) => $"{ordinal} {name}"))}"
            ),
            { Jaccl: { } jaccl } => string.Join(
                "\n",
                [
                    $"verbs: {jaccl.Library}",
                    .. jaccl.Devices.Select(Details),
                    .. jaccl.LockableBytes is { } bytes
                        ? [$"a process may lock {ByteSize.Rounded(bytes)} of memory (ulimit -l)"]
                        : Array.Empty<string>(),
                ]
            ),
            _ => "TCP, and nothing else that could be missing",
        };

    private static string Details(RdmaDevice device)
    {
        string port = string.Join(", ", new[] { $"port {device.State}", device.Link, device.Ipv4 }.OfType<string>());
        return device.Problem is null ? $"{device.Name}: {port}" : $"{device.Name}: {port}; {device.Problem}";
    }

    private void Write(ConfigurationReport configuration)
    {
        Title("Configuration");
        if (configuration.Settings.Count > 0)
        {
            Table table = NewTable("setting", "value", "comes from");
            foreach (SettingOrigin setting in configuration.Settings)
            {
                table.AddRow(new Text(setting.Key), new Text(setting.Value ?? ""), new Text(setting.Source));
            }

            console.Write(table);
        }

        if (configuration.File is null)
        {
            console.Write(new Text("There is no appsettings.json in this folder; --config names another file.\n"));
        }

        foreach (string missing in configuration.Missing)
        {
            console.Write(new Text($"Not configured: {missing}.\n"));
        }

        if (configuration.Warning is { } warning)
        {
            console.Write(new Text($"{warning}\n", Color.Yellow));
        }

        if (configuration.Note is { } note)
        {
            console.Write(new Text($"{note}\n"));
        }

        console.Write(
            new Text(
                configuration switch
                {
                    { Findings.Count: > 0 } => "A program started here would fail: see below.\n",
                    { Backend: "none" } => "A program started here would be a group of one.\n",
                    _ => $"A program started here would be rank {configuration.Rank}"
                        + $"{(configuration.Size is { } size ? $" of {size}" : "")} over {configuration.Backend}.\n",
                }
            )
        );
    }

    private void Write(ClusterReport hostfile)
    {
        Title($"Hostfile {hostfile.Path}");
        console.Write(
            new Text($"{Kind(hostfile)}, {Words.Count(hostfile.Ranks.Count, "rank")}, judged for {hostfile.Backend}.\n")
        );
        if (hostfile.Ranks.Count > 0 && hostfile.Kind != ClusterKind.Devices)
        {
            Table ranks = NewTable("rank", "host", "addresses", "tool");
            foreach (RankReport rank in hostfile.Ranks)
            {
                ranks.AddRow(
                    new Text(Number(rank.Rank)),
                    new Text(
                        hostfile.Hosts.Any(host => host.Name == rank.Host && host.Local)
                            ? $"{rank.Host} (this machine)"
                            : rank.Host
                    ),
                    new Text(string.Join(", ", rank.Addresses)),
                    rank.Machine is null
                        ? new Text("does not run", Color.Red)
                        : new Text(rank.Machine.LibraryVersion.Split('+')[0])
                );
            }

            console.Write(ranks);
        }

        if (hostfile.Links.Count > 0)
        {
            Table links = NewTable("link", "address", "state", "round trip", "there", "back");
            foreach (LinkReport link in hostfile.Links)
            {
                ProbeResult? probe = link.Probe;
                links.AddRow(
                    new Text($"{link.From} → {link.To}"),
                    new Text(link.Address),
                    State(link),
                    new Text(probe?.LatencyUs is { } latency ? Duration.Microseconds(latency) : "-"),
                    new Text(probe?.ForwardGbps is { } forward ? Words.Gbps(forward) : "-"),
                    new Text(probe?.BackwardGbps is { } backward ? Words.Gbps(backward) : "-")
                );
            }

            console.Write(links);
        }
        else
        {
            console.Write(
                new Text(
                    hostfile.Kind == ClusterKind.Devices
                        ? "It names no hosts, so that no link was tested: give the launcher's hostfile for that.\n"
                        : "A group of one has no links to test.\n"
                )
            );
        }
    }

    private static string Kind(ClusterReport hostfile) =>
        hostfile.Kind switch
        {
            ClusterKind.Launcher => "A launcher's hostfile",
            ClusterKind.Ring => "A list of the ring's addresses",
            _ => "A matrix of RDMA devices",
        };

    private static Text State(LinkReport link) =>
        link.State switch
        {
            LinkState.Ok => new Text("ok", Color.Green),
            LinkState.Slow => new Text("slow", Color.Yellow),
            LinkState.Broken => new Text($"broken: {link.Step!.Value.ToString().ToLowerInvariant()}", Color.Red),
            _ => new Text("not tested", Color.Yellow),
        };

    private void WriteVerdict(DoctorReport report)
    {
        Title("Verdict");
        if (report.Healthy)
        {
            console.Write(new Text("All is well.\n", Color.Green));
            return;
        }

        foreach (Finding finding in report.Findings)
        {
            console.Write(new Paragraph().Append($"{finding.Where}: ", Color.Red).Append($"{finding.Message}.\n"));
        }
    }

    private void Title(string title)
    {
        console.WriteLine();
        console.Write(new Text($"{title}\n", new Style(decoration: Decoration.Bold | Decoration.Underline)));
    }

    private static Grid Pairs(int columns = 2)
    {
        var grid = new Grid();
        for (int column = 0; column < columns; column++)
        {
            grid.AddColumn(
                column < columns - 1
                    ? new GridColumn().NoWrap().Padding(2, 0, 2, 0)
                    : new GridColumn().Padding(0, 0, 0, 0)
            );
        }

        return grid;
    }

    private static void Add(Grid grid, string name, string value) => grid.AddRow(new Text(name), new Text(value));

    private static Table NewTable(params string[] columns)
    {
        var table = new Table { Border = TableBorder.Simple, ShowHeaders = true };
        foreach (string column in columns)
        {
            table.AddColumn(new TableColumn(new Text(column)));
        }

        return table;
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
