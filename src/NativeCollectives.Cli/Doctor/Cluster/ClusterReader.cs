using System.Text.Json;
using NativeCollectives.Cli.Hosts;
using NativeCollectives.Cli.Launch;

namespace NativeCollectives.Cli.Doctor.Cluster;

/// <summary>
/// Reads a hostfile of any kind, which it tells by its shape, and looks for what is wrong with it on paper.
/// </summary>
internal sealed class ClusterReader
{
    private const string AnyKind =
        "a launcher's hostfile (a list of {\"ssh\": …, \"ips\": …}, or an object with \"hosts\"), "
        + "the ring's list of lists of \"host:port\", or jaccl's matrix of RDMA devices";

    private const string NamesOrNull = "null, a device's name or a list of names";

    private readonly List<Finding> _findings = [];
    private readonly string _path;
    private readonly string? _backend;

    private ClusterReader(string path, string? backend)
    {
        _path = path;
        _backend = backend;
    }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="backend">
    /// The backend that it is to be judged for; <see langword="null"/>: what the file says, or what it looks like.
    /// </param>
    /// <exception cref="ToolException">The file cannot be read, or is none of the kinds.</exception>
    public static ClusterPlan Read(string path, string? backend) => Parse(HostFile.ReadText(path), path, backend);

    /// <summary>Reads the text of a file of that name.</summary>
    /// <exception cref="ToolException">It is none of the kinds.</exception>
    public static ClusterPlan Parse(string json, string path, string? backend = null) =>
        new ClusterReader(path, backend).Parse(json);

    private ClusterPlan Parse(string json)
    {
        // What mlx.launch writes for a group of one.
        if (string.IsNullOrWhiteSpace(json))
        {
            return Finish(ClusterKind.Ring, "ring", [], null);
        }

        try
        {
            using var document = WholeJson.Parse(json);
            JsonElement root = document.RootElement;
            return root.ValueKind switch
            {
                JsonValueKind.Object => OfLauncher(json),
                JsonValueKind.Array when root.GetArrayLength() == 0 => throw ToolException.Usage(
                    $"the hostfile {_path} lists no ranks; expected {AnyKind}"
                ),
                JsonValueKind.Array
                    when root.EnumerateArray().Any(static entry => entry.ValueKind == JsonValueKind.Object) =>
                    OfLauncher(json),
                JsonValueKind.Array when LooksLikeRing(root) => OfRing(root),
                JsonValueKind.Array => OfDevices(root),
                _ => throw Malformed($"it holds {Shown.Json(root)}", AnyKind),
            };
        }
        catch (JsonException failure)
        {
            throw ToolException.Usage($"the hostfile {_path} is not JSON: {failure.Message}");
        }
    }

    private ClusterPlan OfLauncher(string json)
    {
        HostFile file = HostFile.Parse(json, _path);
        string? named = file.Backend is { } ofFile ? LaunchBackend.OfHostFile(ofFile) : null;
        string chosen = _backend ?? named ?? (file.Hosts.Any(static host => host.Rdma is not null) ? "jaccl" : "ring");
        ClusterRank[] ranks =
        [
            .. file.Hosts.Select(
                (host, rank) =>
                    new ClusterRank(rank, host.Ssh)
                    {
                        Ssh = host.IsLocal ? null : host.Ssh,
                        Addresses =
                        [
                            .. AddressesOf(host, rank, chosen).Select(static address => new HostAndPort(address, 0)),
                        ],
                    }
            ),
        ];
        DeviceMatrix? matrix = null;
        if (chosen.StartsWith("jaccl", StringComparison.Ordinal))
        {
            foreach (ClusterRank rank in ranks.Where(rank => file.Hosts[rank.Rank].Rdma is null))
            {
                _findings.Add(
                    new Finding(
                        Named(rank),
                        "it has no \"rdma\", which jaccl needs: an entry for each rank with the RDMA devices towards "
                            + "it, null for itself"
                    )
                );
            }

            matrix = file.Hosts.All(static host => host.Rdma is not null)
                ? new DeviceMatrix([.. file.Hosts.Select(static host => host.Rdma!)])
                : null;
        }

        return Finish(ClusterKind.Launcher, chosen, ranks, matrix);
    }

    private IEnumerable<string> AddressesOf(Host host, int rank, string chosen)
    {
        // Only rank 0's address is given to ranks of jaccl and nccl.
        if (host.Ips.Count == 0 && (chosen == "ring" || rank == 0))
        {
            _findings.Add(
                new Finding(
                    $"rank {rank} ({host.Ssh})",
                    $"it has no \"ips\", which the backend {chosen} needs{(chosen == "ring" ? "" : " of rank 0")}; its "
                        + "ssh name is tested in their place"
                )
            );
        }

        foreach (string ip in host.Ips.Where(static ip => !HostAndPort.IsHost(ip)))
        {
            throw Malformed($"host {rank}: \"ips\" holds \"{ip}\"", "an address without a port, or the name of a host");
        }

        return host.Ips.Count > 0 ? host.Ips : [host.Name];
    }

    // Names of devices have neither dots nor colons.
    private static bool LooksLikeRing(JsonElement root) =>
        root.EnumerateArray()
            .SelectMany(static entry =>
                entry.ValueKind == JsonValueKind.Array ? entry.EnumerateArray().AsEnumerable() : [entry]
            )
            .Any(static value =>
                value.ValueKind == JsonValueKind.String && value.GetString()!.AsSpan().ContainsAny(':', '.')
            );

    private ClusterPlan OfRing(JsonElement root)
    {
        List<ClusterRank> ranks = [];
        foreach (JsonElement entry in root.EnumerateArray())
        {
            HostAndPort[] addresses = entry.ValueKind switch
            {
                JsonValueKind.Array => [.. entry.EnumerateArray().Select(value => Address(value, ranks.Count))],
                JsonValueKind.String => [Address(entry, ranks.Count)],
                _ => throw Malformed(
                    $"the entry of rank {ranks.Count} is {Shown.Json(entry)}",
                    "a list of \"host:port\""
                ),
            };
            if (addresses.Length == 0)
            {
                throw Malformed($"the entry of rank {ranks.Count} is empty", "at least one \"host:port\"");
            }

            ranks.Add(
                new ClusterRank(ranks.Count, addresses[0].Host)
                {
                    Ssh = addresses[0].Host,
                    Addresses = addresses,
                    IsKnown = Array.TrueForAll(addresses, static address => address.Port != 0),
                }
            );
        }

        int first = ranks[0].Addresses.Count;
        foreach (ClusterRank rank in ranks.Where(rank => rank.Addresses.Count != first))
        {
            _findings.Add(
                new Finding(
                    Named(rank),
                    $"all ranks must list equally many addresses, but rank 0 lists {first} and rank {rank.Rank} lists "
                        + $"{rank.Addresses.Count}"
                )
            );
        }

        if (ranks.Count > 1 && !ranks.Exists(rank => Neighbourhood(rank.Rank, ranks).All(static near => near.IsKnown)))
        {
            ClusterRank unknown = ranks.Find(static rank => !rank.IsKnown)!;
            _findings.Add(
                new Finding(
                    Named(unknown),
                    "it has port 0, and no rank can use this file: each needs its own address and those of both its "
                        + "neighbours"
                )
            );
        }

        return Finish(ClusterKind.Ring, "ring", ranks, null);
    }

    /// <summary>A rank of a ring with its neighbours: those whose addresses it needs.</summary>
    public static IEnumerable<ClusterRank> Neighbourhood(int rank, IReadOnlyList<ClusterRank> ranks) =>
        new[] { rank, (rank + ranks.Count - 1) % ranks.Count, (rank + 1) % ranks.Count }
            .Distinct()
            .Select(index => ranks[index]);

    private HostAndPort Address(JsonElement value, int rank) =>
        value.ValueKind == JsonValueKind.String && HostAndPort.Parse(value.GetString()!, leastPort: 0) is { } address
            ? address
            : throw Malformed(
                $"rank {rank} has the address {Shown.Json(value)}",
                "\"host:port\", with an IPv6 address in brackets and a port up to 65535"
            );

    private ClusterPlan OfDevices(JsonElement root)
    {
        List<IReadOnlyList<IReadOnlyList<string>>> rows = [];
        foreach (JsonElement row in root.EnumerateArray())
        {
            if (row.ValueKind != JsonValueKind.Array)
            {
                bool isMatrix = root.EnumerateArray().Any(static entry => entry.ValueKind == JsonValueKind.Array);
                throw Malformed($"the row of rank {rows.Count} is {Shown.Json(row)}", isMatrix ? "a list" : AnyKind);
            }

            rows.Add([.. row.EnumerateArray().Select((entry, peer) => Names(entry, $"entry [{rows.Count}][{peer}]"))]);
        }

        return Finish(
            ClusterKind.Devices,
            _backend ?? "jaccl",
            [.. rows.Select(static (_, rank) => new ClusterRank(rank, ""))],
            new DeviceMatrix(rows)
        );
    }

    private IReadOnlyList<string> Names(JsonElement entry, string where) =>
        entry.ValueKind switch
        {
            JsonValueKind.Null => [],
            JsonValueKind.String when entry.GetString()!.Length > 0 => [entry.GetString()!],
            JsonValueKind.Array =>
            [
                .. entry
                    .EnumerateArray()
                    .Select(name =>
                        name.ValueKind == JsonValueKind.String && name.GetString() is { Length: > 0 } text
                            ? text
                            : throw Malformed($"{where} holds {Shown.Json(name)}", NamesOrNull)
                    ),
            ],
            _ => throw Malformed($"{where} is {Shown.Json(entry)}", NamesOrNull),
        };

    private ClusterPlan Finish(ClusterKind kind, string chosen, IReadOnlyList<ClusterRank> ranks, DeviceMatrix? matrix)
    {
        CheckAddresses(kind, ranks);
        if (matrix is not null)
        {
            _findings.AddRange(DeviceMatrixCheck.Check(matrix, chosen == "jaccl-ring"));
        }

        bool square = matrix is { IsSquare: true, Size: >= 2 };
        return new ClusterPlan(_path, kind, ranks)
        {
            Backend = chosen,
            Devices = square ? matrix : null,
            Links =
                kind == ClusterKind.Devices
                    ? []
                    : LinkPlan.Of(ranks, chosen, square && matrix!.IsMesh && chosen == "jaccl"),
            Findings = _findings,
        };
    }

    private void CheckAddresses(ClusterKind kind, IReadOnlyList<ClusterRank> ranks)
    {
        var owners = new Dictionary<string, ClusterRank>(StringComparer.OrdinalIgnoreCase);
        ranks = [.. ranks.Where(static rank => rank.IsKnown)];
        foreach (ClusterRank rank in ranks)
        {
            foreach (
                string address in rank.Addresses.Select(address =>
                    kind == ClusterKind.Ring ? address.ToString() : address.Host
                )
            )
            {
                // Several ranks may be on one host; a launcher gives them ports of their own.
                if (
                    !owners.TryAdd(address, rank)
                    && !(kind == ClusterKind.Launcher && owners[address].Ssh == rank.Ssh && owners[address] != rank)
                )
                {
                    _findings.Add(
                        new Finding(
                            Named(rank),
                            owners[address] == rank
                                ? $"it lists {address} twice"
                                : $"its address {address} is rank {owners[address].Rank}'s too"
                        )
                    );
                }
            }
        }

        bool[] loopback =
        [
            .. ranks.Select(static rank => rank.Addresses.Any(static address => Host.IsLoopback(address.Host))),
        ];
        if (loopback.Contains(true) && loopback.Contains(false))
        {
            foreach (ClusterRank rank in ranks.Where((_, index) => loopback[index]))
            {
                string address = rank.Addresses.First(static address => Host.IsLoopback(address.Host)).Host;
                _findings.Add(
                    new Finding(
                        Named(rank),
                        $"its address {address} means every host itself: ranks on other hosts cannot reach it"
                    )
                );
            }
        }
    }

    private static string Named(ClusterRank rank) => $"rank {rank.Rank} ({rank.Host})";

    private ToolException Malformed(string what, string expected) =>
        ToolException.Usage($"the hostfile {_path} is malformed: {what}; expected {expected}");
}
