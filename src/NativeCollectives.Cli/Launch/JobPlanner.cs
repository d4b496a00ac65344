using System.Globalization;
using System.Text.Json;
using NativeCollectives.Cli.Hosts;

namespace NativeCollectives.Cli.Launch;

/// <summary>
/// Turns options into what is to be started for each rank, with the variables by which it finds the others: those of
/// mlx.launch.
/// </summary>
/// <param name="options">The command line.</param>
/// <param name="backend">The backend for which the ranks are prepared.</param>
internal sealed class JobPlanner(LaunchOptions options, string backend)
{
    private const string VisibleDevicesVariable = "CUDA_VISIBLE_DEVICES";

    /// <summary>How often the job has been started again, for its ranks.</summary>
    public const string RestartVariable = "NC_RESTART_COUNT";

    /// <summary>
    /// What tells a process of a group; a rank gets only what its own job sets, so that a job within a job does not
    /// take part in the outer one.
    /// </summary>
    public static readonly IReadOnlyList<string> GroupVariables =
    [
        .. LaunchEnvironment.GroupVariables,
        RestartVariable,
        Processes.Guard.MarkVariable,
        LaunchReport.Variable,
    ];

    /// <summary>Whether no rank needs ssh.</summary>
    public bool IsLocal => Hosts.All(host => host.IsLocal);

    /// <summary>The host of each rank.</summary>
    public IReadOnlyList<Host> Hosts { get; } =
    [
        .. (options.HostFile?.Hosts ?? [.. (options.Hosts ?? ["127.0.0.1"]).Select(name => new Host(name))]).SelectMany(
            host => Enumerable.Repeat(host, options.RepeatHosts)
        ),
    ];

    /// <summary>Plans the job.</summary>
    /// <param name="free">Free ports of this machine; taken if all ranks are local and the options name none.</param>
    /// <param name="attempt">How often the job has been started before.</param>
    public IReadOnlyList<RankPlan> Plan(IPorts free, int attempt = 0)
    {
        CheckAddresses();
        return backend switch
        {
            LaunchBackend.Ring => Ring(Ports(options.StartingPort, LaunchOptions.DefaultPort, free), attempt),
            LaunchBackend.Nccl => Nccl(Ports(options.NcclPort, LaunchOptions.DefaultNcclPort, free), attempt),
            LaunchBackend.Jaccl or LaunchBackend.JacclRing => Jaccl(
                Ports(options.StartingPort, LaunchOptions.DefaultPort, free),
                attempt
            ),
            _ => throw new InvalidOperationException($"There is no backend {backend}."),
        };
    }

    private IPorts Ports(int? given, int usual, IPorts free) =>
        given is null && IsLocal ? free : new ConsecutivePorts(given ?? usual, IsLocal);

    private List<RankPlan> Ring(IPorts ports, int attempt)
    {
        Dictionary<string, string> common = [];
        if (options.IsVerbose)
        {
            common[MlxVariables.RingVerbose] = "1";
        }

        if (Hosts.FirstOrDefault(host => Addresses(host).Count != Addresses(Hosts[0]).Count) is { } other)
        {
            throw ToolException.Usage(
                $"the hostfile does not suit ring: host {other.Ssh} has {Addresses(other).Count} addresses and host "
                    + $"{Hosts[0].Ssh} has {Addresses(Hosts[0]).Count}; "
                    + "expected equally many, one for each connection between neighbours"
            );
        }

        // A hostfile of one host makes MLX's ring wait 31 s for itself and fail; without one, both rings make a group
        // of one.
        var file =
            Hosts.Count == 1
                ? null
                : JsonSerializer.Serialize(
                    Hosts.Select(host =>
                        Addresses(host)
                            .SelectMany(address => Enumerable.Repeat(address, options.ConnectionsPerIp))
                            .Select(address => new HostAndPort(address, ports.Next(address)).ToString())
                    )
                );
        return Ranks(_ => common, file is null ? null : new(MlxVariables.HostFile, file), attempt);
    }

    private List<RankPlan> Nccl(IPorts ports, int attempt)
    {
        var address = Addresses(Hosts[0])[0];
        var port = Text(ports.Next(address));
        var seen = new Dictionary<string, int>();
        var visible = VisibleDevices();
        return Ranks(
            rank =>
            {
                var host = Hosts[rank].IsLocal ? "127.0.0.1" : Hosts[rank].Ssh;
                var device = seen[host] = seen.GetValueOrDefault(host, -1) + 1;
                Dictionary<string, string> variables = new()
                {
                    [MlxVariables.NcclHost] = address,
                    [MlxVariables.NcclPort] = port,
                    [KnownLauncher.Mlx.Size!] = Text(Hosts.Count),
                    [VisibleDevicesVariable] =
                        !Hosts[rank].IsLocal || visible is null ? Text(device)
                        : device < visible.Length ? visible[device]
                        : throw ToolException.Usage(
                            $"{VisibleDevicesVariable} is \"{string.Join(',', visible)}\", which are {visible.Length} "
                                + $"GPUs, but rank {rank} needs another one"
                        ),
                };
                if (options.IsVerbose)
                {
                    variables["NCCL_DEBUG"] = "INFO";
                }

                return variables;
            },
            null,
            attempt
        );
    }

    /// <summary>The GPUs of this machine that the tool may use; null: all.</summary>
    private static string[]? VisibleDevices() =>
        Environment
            .GetEnvironmentVariable(VisibleDevicesVariable)
            ?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private List<RankPlan> Jaccl(IPorts ports, int attempt)
    {
        Dictionary<string, string> common = [];
        if (Hosts.Count == 1)
        {
            return Ranks(_ => common, null, attempt);
        }

        if (options.HostFile is null || options.RepeatHosts > 1)
        {
            throw ToolException.Usage(
                $"the {backend} backend needs a --hostfile with the RDMA devices between the hosts, one rank each, and "
                    + "no -n; collectives topology writes one"
            );
        }

        var matrix = new DeviceMatrix([.. Hosts.Select(DeviceRow)]).ToJson();
        var coordinator = Addresses(Hosts[0])[0];
        common[MlxVariables.Coordinator] = new HostAndPort(coordinator, ports.Next(coordinator)).ToString();
        if (backend == LaunchBackend.JacclRing)
        {
            common[MlxVariables.PreferRing] = "1";
        }

        return Ranks(_ => common, new(MlxVariables.DeviceFile, matrix), attempt);
    }

    private IReadOnlyList<IReadOnlyList<string>> DeviceRow(Host host, int rank)
    {
        var size = Hosts.Count;
        if (host.Rdma is not { } row)
        {
            throw Wrong("has no \"rdma\" row");
        }

        if (row.Count != size)
        {
            throw Wrong($"has an \"rdma\" row of {row.Count} {(row.Count == 1 ? "entry" : "entries")}");
        }

        if (row[rank].Count > 0)
        {
            throw Wrong($"has the device {row[rank][0]} towards itself in its \"rdma\" row");
        }

        int[] neighbours = backend == LaunchBackend.JacclRing ? [(rank + 1) % size, (rank + size - 1) % size] : [];
        foreach (var peer in neighbours.Where(peer => row[peer].Count == 0))
        {
            throw Wrong($"has no device towards host {peer}, its neighbour in the ring, in its \"rdma\" row");
        }

        return row;

        ToolException Wrong(string what) =>
            ToolException.Usage(
                $"the hostfile does not suit {backend}: host {rank} ({host.Ssh}) {what}; expected {size} entries, one "
                    + "for each host, "
                    + $"of which entry {rank} is null and the others name the devices towards the other hosts"
            );
    }

    private List<RankPlan> Ranks(
        Func<int, Dictionary<string, string>> variables,
        KeyValuePair<string, string>? file,
        int attempt
    ) =>
        [
            .. Hosts.Select(
                (host, rank) =>
                {
                    Dictionary<string, string> all = With(variables(rank), host, rank, attempt);
                    return new RankPlan(rank, host, Command(host, rank))
                    {
                        Variables = all,
                        Secrets = all
                            .Keys.Where(static name => Secrets.Is(name))
                            .Concat(
                                options.SecretEnvironment.Select(static variable =>
                                    EnvironmentVariable.Parse(variable).Key
                                )
                            )
                            .ToHashSet(),
                        File = file,
                        Folder = host.Cwd ?? options.Folder,
                    };
                }
            ),
        ];

    private IReadOnlyList<string> Command(Host host, int rank)
    {
        if (host.Command is { } own)
        {
            return own;
        }

        return options.Command.Count == 0
                ? throw ToolException.Usage(
                    options.HostFile?.Hosts.Any(other => other.Command is not null) == true
                        ? $"there is no program for rank {rank}: host {host.Ssh} of the hostfile has no \"command\", "
                            + "and the command line names none"
                        : "there is no program to launch; expected its name and arguments, such as: collectives launch "
                            + "-n 2 -- dotnet run"
                )
            : options.Python is null ? options.Command
            : [options.Python, .. options.Command];
    }

    private Dictionary<string, string> With(Dictionary<string, string> common, Host host, int rank, int attempt)
    {
        // The backend is the one that the ranks are prepared for, whatever else they find.
        Dictionary<string, string> all = new(common)
        {
            [KnownLauncher.Mlx.Rank] = Text(rank),
            [OwnVariables.Backend] = backend == LaunchBackend.JacclRing ? LaunchBackend.Jaccl : backend,
            [RestartVariable] = Text(attempt),
        };

        // A rank without a hostfile says that it is alone on purpose.
        if (Hosts.Count == 1)
        {
            all[KnownLauncher.Mlx.Size!] = "1";
        }

        IEnumerable<string> given =
        [
            .. options.HostFile?.Envs ?? [],
            .. host.Envs,
            .. options.SecretEnvironment,
            .. options.Environment,
        ];
        foreach (var (name, value) in given.Select(EnvironmentVariable.Parse))
        {
            all[name] = value;
        }

        return all;
    }

    /// <summary>
    /// Ranks on this machine that the command line calls by a loopback address cannot be reached from others.
    /// </summary>
    private void CheckAddresses()
    {
        if (
            !IsLocal
            && Hosts.Any(host => !Host.IsLoopback(Addresses(host)[0]))
            && Hosts.FirstOrDefault(host => host.IsLocal && host.Ips.Count == 0) is { } lost
        )
        {
            throw ToolException.Usage(
                $"the other hosts cannot reach {lost.Ssh}; give this machine's address in a hostfile: {{\"ssh\": "
                    + $"\"127.0.0.1\", \"ips\": [\"ADDRESS\"]}}"
            );
        }
    }

    /// <summary>
    /// Those of the hostfile; otherwise the name by which ssh knows the host, which may be an address.
    /// </summary>
    private static IReadOnlyList<string> Addresses(Host host) =>
        host.Ips.Count > 0 ? host.Ips : [host.Ssh == "localhost" ? "127.0.0.1" : host.Name];

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
