using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Reflection;

namespace NativeCollectives.Bench;

/// <summary>The command line.</summary>
internal static class CommandLine
{
    private const string AllReduce = "all-reduce";
    private const string SendReceive = "send-receive";
    private const string OpenMpi = "open-mpi";
    private const string Ring = "ring";
    private const string Nccl = "nccl";
    private const string Jaccl = "jaccl";
    private const string Mesh = "mesh";
    private const string Verbs = "verbs";
    private const string VerbsCopy = "verbs-copy";
    private const string Device = "device";
    private const string Host = "host";

    public static RootCommand Create()
    {
        Option<string[]> operations = new("--op")
        {
            Description = "Operations",
            HelpName = "operation",
            DefaultValueFactory = _ => [AllReduce],
            AllowMultipleArgumentsPerToken = true,
        };
        operations.AcceptOnlyFromAmong([.. BenchmarkOperation.All.Select(operation => operation.Name)]);
        Option<string> backend = new("--backend")
        {
            Description = $"What moves the bytes: {Ring}, {Nccl} or {Jaccl}",
            DefaultValueFactory = _ => Ring,
        };
        backend.AcceptOnlyFromAmong(Ring, Nccl, Jaccl);
        var ranks = Numbers(
            "--ranks",
            $"Numbers of ranks, all on this machine [default: 2; with {Nccl} one for each device]",
            1,
            64
        );
        var sockets = Numbers("--sockets", "Numbers of connections between neighbours in the ring [default: 1]", 1, 16);
        Option<string[]> topology = new("--topology")
        {
            Description = $"How {Jaccl} joins the ranks: {Mesh} or {Ring}, or both [default: {Mesh}]",
            HelpName = "topology",
            AllowMultipleArgumentsPerToken = true,
        };
        topology.AcceptOnlyFromAmong(Mesh, Ring);
        var wires = Numbers(
            "--wires",
            $"Numbers of connections between neighbours in a ring of {Jaccl}'s [default: 1]",
            1,
            4
        );
        Option<string[]> devices = new("--devices")
        {
            Description =
                $"RDMA devices of this machine for {Jaccl}, one for each wire; all ranks use them [default: devices in "
                + "software]",
            HelpName = "device",
            AllowMultipleArgumentsPerToken = true,
        };
        Option<FileInfo?> verbsLibrary = new("--verbs-library")
        {
            Description = "The library of verbs for --devices [default: the system's]",
        };
        Option<string?> memory = new("--memory")
        {
            Description = $"Where the buffers lie with {Nccl}: {Device} or {Host} [default: {Device}]",
        };
        memory.AcceptOnlyFromAmong(Device, Host);
        Option<bool> stream = new("--stream")
        {
            Description =
                $"With {Nccl}: put {Pace.StreamBatch} operations on a stream, then wait for all, instead of waiting "
                + "for each",
        };
        var minBytes = Bytes("--min-bytes", "The smallest size: 8, 64K, 1M", 8);
        var maxBytes = Bytes("--max-bytes", "The largest size", 256 << 20);
        Option<int> stepFactor = new("--step-factor")
        {
            Description = "Every size is so many times the one before",
            DefaultValueFactory = _ => 2,
        };
        Option<bool> inPlace = new("--in-place") { Description = "All-reduce with one buffer for input and output" };
        Option<int> rounds = new("--rounds")
        {
            Description = "How often the systems take turns",
            DefaultValueFactory = _ => 3,
        };
        Option<double> seconds = new("--seconds")
        {
            Description = "How long to measure each size, in all rounds together",
            DefaultValueFactory = _ => 0.5,
        };
        Option<int> iterations = new("--iterations")
        {
            Description = "How many operations of each size to measure, in all rounds together, instead of --seconds",
        };
        string[] peers = [OpenMpi, .. NcclDirectMode.All.Select(mode => mode.Peer), Verbs, VerbsCopy];
        Option<string[]> peer = new("--peer")
        {
            Description = $"What to compare with, in the same run: {string.Join(", ", peers)}",
            HelpName = "peer",
            AllowMultipleArgumentsPerToken = true,
        };
        peer.AcceptOnlyFromAmong(peers);
        Option<FileInfo?> json = new("--json") { Description = "Where to write the result as JSON" };
        Option<int> timeout = new("--timeout")
        {
            Description = "Seconds that one start of one system may take",
            DefaultValueFactory = _ => 600,
        };
        Within(stepFactor, 2, 1 << 20);
        Within(rounds, 1, 1000);
        Within(seconds, 0.001, 3600);
        Within(iterations, 1, 10_000_000);
        Within(timeout, 1, 86400);

        var command = new RootCommand(
            "Measures the operations of NativeCollectives between processes on this machine, over TCP on the loopback "
                + "interface, on its GPUs or over RDMA verbs."
        )
        {
            backend,
            operations,
            ranks,
            sockets,
            topology,
            wires,
            devices,
            verbsLibrary,
            memory,
            stream,
            minBytes,
            maxBytes,
            stepFactor,
            inPlace,
            rounds,
            seconds,
            iterations,
            peer,
            json,
            timeout,
        };
        command.SetAction(
            (result, cancellationToken) =>
                RunAsync(
                    new BenchmarkOptions
                    {
                        Operations =
                        [
                            .. result.GetRequiredValue(operations).Distinct().Select(BenchmarkOperation.Find),
                        ],
                        Backend = result.GetRequiredValue(backend) switch
                        {
                            Nccl => BackendKind.Nccl,
                            Jaccl => BackendKind.Jaccl,
                            _ => BackendKind.Ring,
                        },
                        Ranks = [.. (result.GetValue(ranks) ?? []).Distinct()],
                        Sockets = [.. (result.GetValue(sockets) ?? []).Distinct()],
                        Topologies =
                        [
                            .. (result.GetValue(topology) ?? [])
                                .Distinct()
                                .Select(name => name == Mesh ? VerbsTopology.Mesh : VerbsTopology.Ring),
                        ],
                        Wires = [.. (result.GetValue(wires) ?? []).Distinct()],
                        RdmaDevices = [.. (result.GetValue(devices) ?? []).Distinct()],
                        VerbsLibrary = result.GetValue(verbsLibrary),
                        Memory = result.GetValue(memory) switch
                        {
                            Device => BufferMemory.Device,
                            Host => BufferMemory.Host,
                            _ => null,
                        },
                        OnStream = result.GetValue(stream),
                        InPlace = result.GetValue(inPlace),
                        Sizes =
                        [
                            .. BenchOptions.SizesOf(
                                result.GetValue(minBytes),
                                result.GetValue(maxBytes),
                                result.GetValue(stepFactor),
                                step: 0
                            ),
                        ],
                        Rounds = result.GetValue(rounds),
                        Iterations = result.GetValue(iterations),
                        Seconds = result.GetValue(seconds),
                        Peers = [.. (result.GetValue(peer) ?? []).Distinct()],
                        Json = result.GetValue(json),
                        Deadline = TimeSpan.FromSeconds(result.GetValue(timeout)),
                    },
                    cancellationToken
                )
        );
        return command;
    }

    private static async Task<int> RunAsync(BenchmarkOptions options, CancellationToken cancellationToken)
    {
        using var scratch = new TemporaryFolder("native-collectives-bench-");
        try
        {
            Check(options);
            var machine = options.Backend == BackendKind.Nccl ? NcclMachine.Find() : null;
            options = options.WithDefaults(machine);
            if (machine is not null)
            {
                CheckRanks(options);
            }
            var benchmark = new Benchmark(
                options,
                machine,
                await SystemsAsync(options, machine, scratch, cancellationToken)
            );
            try
            {
                await benchmark.RunAsync(Console.Error.WriteLine, cancellationToken);
            }
            finally
            {
                Report.Print(benchmark.Result, Console.Out); // as far as it got
            }
            if (options.Json is not null)
            {
                await File.WriteAllTextAsync(
                    options.Json.FullName,
                    benchmark.Result.ToJson() + "\n",
                    cancellationToken
                );
            }
            if (benchmark.Result.HasErrors)
            {
                await Console.Error.WriteLineAsync("Some results were wrong: see the column errors.");
                return 1;
            }
            return 0;
        }
        catch (ToolException exception)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return 1;
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("stopped");
            return 1;
        }
    }

    private static async Task<IReadOnlyList<IBenchmarkSystem>> SystemsAsync(
        BenchmarkOptions options,
        NcclMachine? machine,
        TemporaryFolder scratch,
        CancellationToken cancellationToken
    )
    {
        if (options.Backend == BackendKind.Jaccl)
        {
            var verbs = VerbsMachineOf(options);
            OwnJacclSystem own = new(verbs, scratch);
            var copies = options.Peers.Select(peer => peer == VerbsCopy).ToList();
            return copies.Count == 0
                ? [own]
                : [own, .. await VerbsDirectSystem.PrepareAsync(copies, verbs, scratch, cancellationToken)];
        }
        List<IBenchmarkSystem> systems = [machine is null ? new OwnRingSystem() : new OwnNcclSystem(machine)];
        if (options.Peers.Contains(OpenMpi))
        {
            systems.Add(await OpenMpiSystem.PrepareAsync(scratch, cancellationToken));
        }
        if (machine is not null && options.Peers.Count > 0)
        {
            var modes = NcclDirectMode.All.Where(mode => options.Peers.Contains(mode.Peer)).ToList();
            systems.AddRange(await NcclDirectSystem.PrepareAsync(modes, machine, scratch, cancellationToken));
        }
        return systems;
    }

    /// <summary>The devices that the user names, or those of the software library that the build has left.</summary>
    private static VerbsMachine VerbsMachineOf(BenchmarkOptions options)
    {
        if (options.RdmaDevices.Count > 0)
        {
            return VerbsMachine.OfDevices(options.VerbsLibrary?.FullName, options.RdmaDevices);
        }
        return options.VerbsLibrary is null
            ? VerbsMachine.InSoftware(
                typeof(CommandLine)
                    .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
                    .Single(attribute => attribute.Key == "SoftwareVerbs")
                    .Value!
            )
            : throw new ToolException("--verbs-library is for --devices, which names RDMA devices of this machine.");
    }

    private static void Check(BenchmarkOptions options)
    {
        if (options.Sizes.Count == 0)
        {
            throw new ToolException("--min-bytes is more than --max-bytes.");
        }
        if (
            options.InPlace
            && options.Operations.FirstOrDefault(operation =>
                operation.Kind is not (CollectiveKind.AllReduce or CollectiveKind.Broadcast)
            )
                is { } separate
        )
        {
            throw new ToolException(
                $"--in-place is not for {separate.Name}, but for all-reduce, and for broadcast, which always is."
            );
        }
        if (options.Backend != BackendKind.Ring && options.Sockets.Count > 0)
        {
            throw new ToolException($"--sockets is for --backend {Ring}.");
        }
        if (options.Backend != BackendKind.Nccl && (options.Memory == BufferMemory.Device || options.OnStream))
        {
            throw new ToolException(
                $"{(options.OnStream ? "--stream" : $"--memory {Device}")} is for --backend {Nccl}: the others work on "
                    + "host memory."
            );
        }
        if (options.Backend != BackendKind.Jaccl && JacclOption(options) is { } option)
        {
            throw new ToolException($"{option} is for --backend {Jaccl}.");
        }
        if (options.Peers.FirstOrDefault(peer => BackendOf(peer) != options.Backend) is { } other)
        {
            throw new ToolException(
                $"--peer {other} is for --backend {BackendOf(other).ToString().ToLowerInvariant()}."
            );
        }
        switch (options.Backend)
        {
            case BackendKind.Nccl:
                CheckNccl(options);
                break;
            case BackendKind.Jaccl:
                CheckJaccl(options);
                break;
            default:
                CheckRing(options);
                break;
        }
    }

    private static BackendKind BackendOf(string peer) =>
        peer switch
        {
            OpenMpi => BackendKind.Ring,
            Verbs or VerbsCopy => BackendKind.Jaccl,
            _ => BackendKind.Nccl,
        };

    /// <summary>An option that the user has given and only JACCL has.</summary>
    private static string? JacclOption(BenchmarkOptions options) =>
        options.Topologies.Count > 0 ? "--topology"
        : options.Wires.Count > 0 ? "--wires"
        : options.RdmaDevices.Count > 0 ? "--devices"
        : options.VerbsLibrary is not null ? "--verbs-library"
        : null;

    private static void CheckJaccl(BenchmarkOptions options)
    {
        var isRingOnly = !options.Topologies.Contains(VerbsTopology.Mesh) && options.Topologies.Count > 0;
        var mostRanks = isRingOnly ? 64 : 8;
        if (options.Ranks.Any(ranks => ranks < 2 || ranks > mostRanks))
        {
            throw new ToolException($"--ranks: 2 to {mostRanks}{(isRingOnly ? "" : $" in a {Mesh}")}");
        }
        if (options.Wires.Count > 0 && !options.Topologies.Contains(VerbsTopology.Ring))
        {
            throw new ToolException($"--wires is for --topology {Ring}.");
        }
        if (
            options.Peers.Count > 0
            && options.Operations.FirstOrDefault(operation => operation.Name is not (AllReduce or SendReceive))
                is { } other
        )
        {
            throw new ToolException(
                $"--peer {options.Peers[0]} is not for {other.Name}, but for {AllReduce} and {SendReceive}."
            );
        }
    }

    private static void CheckRing(BenchmarkOptions options)
    {
        if (options.Ranks.Any(ranks => ranks < 2))
        {
            throw new ToolException("--ranks: 2 to 64");
        }
        if (
            options.Peers.Count > 0
            && options.Operations.FirstOrDefault(operation => operation.Name != AllReduce) is { } other
        )
        {
            throw new ToolException($"--peer {OpenMpi} is not for {other.Name}, but for {AllReduce}.");
        }
    }

    private static void CheckNccl(BenchmarkOptions options)
    {
        if (options.OnStream && options.Memory == BufferMemory.Host)
        {
            throw new ToolException($"--stream is for --memory {Device}.");
        }
        if (options.OnStream && options.Operations.FirstOrDefault(operation => !operation.MovesData) is { } still)
        {
            throw new ToolException($"--stream is not for {still.Name}, which does not take a stream.");
        }
    }

    private static void CheckRanks(BenchmarkOptions options)
    {
        if (
            options.Operations.FirstOrDefault(operation => options.Ranks.Any(ranks => ranks < operation.MinRanks)) is
            { } operation
        )
        {
            throw new ToolException($"{operation.Name} needs at least {operation.MinRanks} ranks.");
        }
    }

    private static Option<int[]> Numbers(string name, string description, int least, int most)
    {
        Option<int[]> option = new(name) { Description = description, AllowMultipleArgumentsPerToken = true };
        option.Validators.Add(result =>
        {
            if (
                result.GetValueOrDefault<int[]>() is { } values
                && !values.All(value => value >= least && value <= most)
            )
            {
                result.AddError($"{name}: {least} to {most}");
            }
        });
        return option;
    }

    private static Option<long> Bytes(string name, string description, long initial) =>
        new(name)
        {
            Description = description,
            DefaultValueFactory = _ => initial,
            CustomParser = result =>
            {
                var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
                if (!ByteSize.TryParse(text, out var bytes) || bytes is < 4 or > 4L << 30)
                {
                    result.AddError($"{name}: '{text}' is not a size from 4 to 4G");
                }
                return bytes;
            },
        };

    private static void Within<T>(Option<T> option, T least, T most)
        where T : struct, IComparable<T>, IFormattable =>
        option.Validators.Add(result =>
        {
            var value = result.GetValueOrDefault<T>();
            if (result.Tokens.Count > 0 && (value.CompareTo(least) < 0 || value.CompareTo(most) > 0))
            {
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name}: {least} to {most}"));
            }
        });
}
