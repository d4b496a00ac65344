using NativeCollectives.Cli.Hosts;

namespace NativeCollectives.Cli.Bench;

/// <summary>
/// What a run consists of: the system that is measured, and a job for each number of ranks and connections.
/// </summary>
/// <param name="System">The system.</param>
/// <param name="Jobs">What it measures.</param>
/// <param name="Notes">What the user should know.</param>
/// <param name="IsReporter">Whether this process prints what is measured; of a launched group rank 0 does.</param>
internal sealed record BenchPlan(
    IBenchmarkSystem System,
    IReadOnlyList<BenchmarkJob> Jobs,
    IReadOnlyList<string> Notes,
    bool IsReporter
)
{
    private const int MostRanks = 64;

    /// <summary>Ranks on this machine, which the tool starts.</summary>
    /// <exception cref="ToolException">The options do not fit the backend or the machine.</exception>
    public static BenchPlan Local(BenchOptions options, TemporaryFolder scratch)
    {
        BackendKind backend = options.Backend == BackendKind.Any ? FirstUsable(options) : options.Backend;
        RefuseOthersOptions(options, backend);
        return backend switch
        {
            BackendKind.Nccl => OfNccl(options),
            BackendKind.Jaccl => OfJaccl(options, scratch),
            _ => OfRing(options),
        };
    }

    /// <summary>The group that a launcher has started this process in.</summary>
    public static BenchPlan Launched(BenchOptions options, DistributedGroup group)
    {
        BackendKind backend = group.Backend == BackendKind.None ? BackendKind.Ring : group.Backend;
        if (
            options.Connections.Count + options.Topologies.Count + options.Wires.Count + options.Devices.Count > 0
            || options.DeviceFile is not null
        )
        {
            throw ToolException.Usage(
                "--connections, --topology, --wires, --devices and --device-file are for ranks that the tool starts "
                    + "(--ranks), not for a launched group."
            );
        }

        RefuseOthersOptions(options, backend);
        List<string> notes = [];
        BufferMemory memory = options.Memory ?? (backend == BackendKind.Nccl ? BufferMemory.Device : BufferMemory.Host);
        BenchmarkJob job = NewJob(
            options,
            group.Size,
            TransportOf(backend),
            new Links(),
            backend == BackendKind.Nccl ? group.Size : null,
            memory,
            notes
        );
        RequireMemory(job, ranksHere: 1);
        notes.Insert(
            0,
            $"The group that this process was launched in: {BackendNames.Of(group.Backend)}, {Words(group.Size)}; this is rank "
                + $"{group.Rank}"
        );
        return new BenchPlan(new LaunchedGroupSystem(group), [job], notes, group.Rank == 0);
    }

    private static BackendKind FirstUsable(BenchOptions options) =>
        DistributedGroup.IsAvailable(
            BackendKind.Nccl,
            new DistributedGroupOptions
            {
                Nccl = new NcclOptions { Library = options.NcclLibrary, CudaLibrary = options.CudaLibrary },
            },
            out _
        )
        && DistributedGroup.DeviceCount(BackendKind.Nccl) > 0
            ? BackendKind.Nccl
            : BackendKind.Ring;

    private static BenchPlan OfRing(BenchOptions options) =>
        Over(
            options,
            new OwnRingSystem(),
            BackendKind.Ring,
            options.Ranks.Count > 0 ? options.Ranks : [2],
            Links.Of(BackendKind.Ring, options.Connections.Count > 0 ? options.Connections : [1], [], []),
            devicesOf: null,
            BufferMemory.Host,
            ["The ring over TCP on the loopback interface of this machine"]
        );

    private static BenchPlan OfNccl(BenchOptions options)
    {
        NcclMachine machine = NcclMachine.Find(options.NcclLibrary, options.CudaLibrary);
        IReadOnlyList<int> ranks = options.Ranks.Count > 0 ? options.Ranks : [machine.Devices];
        BufferMemory memory = options.Memory ?? BufferMemory.Device;
        return Over(
            options,
            new OwnNcclSystem(machine),
            BackendKind.Nccl,
            ranks,
            [new Links()],
            number => Math.Min(number, machine.Devices),
            memory,
            [
                $"NCCL ({machine.Library}) on the devices of this machine, buffers in "
                    + $"{(memory == BufferMemory.Device ? "device" : "host")} memory",
                .. ranks.Select(machine.Note).OfType<string>(),
            ]
        );
    }

    private static BenchPlan OfJaccl(BenchOptions options, TemporaryFolder scratch)
    {
        IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>>? matrix = options.DeviceFile is null
            ? null
            : DeviceMatrix.Read(options.DeviceFile).Rows;
        VerbsMachine machine = VerbsMachineOf(options, matrix);
        IReadOnlyList<VerbsTopology> topologies =
            options.Topologies.Count > 0 ? options.Topologies : [VerbsTopology.Mesh];
        IReadOnlyList<int> ranks = options.Ranks.Count > 0 ? options.Ranks : [matrix?.Count ?? 2];
        int most = topologies.Contains(VerbsTopology.Mesh) ? DeviceMatrix.MostMeshRanks : MostRanks;
        if (ranks.FirstOrDefault(number => number < 2 || number > most) is var wrong and > 0)
        {
            throw ToolException.Usage(
                $"--ranks is {wrong}, but should be 2 to {most} for jaccl{(most == DeviceMatrix.MostMeshRanks ? " in a mesh" : "")}."
            );
        }

        if (matrix is not null && ranks.FirstOrDefault(number => number != matrix.Count) is var other and > 0)
        {
            throw ToolException.Usage(
                $"--ranks is {other}, but {options.DeviceFile} has a row for each of {matrix.Count} ranks."
            );
        }

        if (options.Wires.Count > 0 && !topologies.Contains(VerbsTopology.Ring))
        {
            throw ToolException.Usage("--wires is for --topology ring.");
        }

        return Over(
            options,
            new OwnJacclSystem(machine, scratch),
            BackendKind.Jaccl,
            ranks,
            Links.Of(BackendKind.Jaccl, [], topologies, options.Wires.Count > 0 ? options.Wires : [1]),
            devicesOf: null,
            BufferMemory.Host,
            [
                machine.IsSoftware
                    ? $"JACCL over RDMA verbs in software ({machine.Library}), which is no network: the times say "
                        + "nothing about RDMA"
                    : $"JACCL over RDMA verbs ({machine.Library ?? "the system's library"}) on devices of this machine",
            ]
        );
    }

    private static VerbsMachine VerbsMachineOf(
        BenchOptions options,
        IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>>? matrix
    )
    {
        string? library = options.VerbsLibrary ?? Environment.GetEnvironmentVariable("NC_VERBS_LIBRARY");
        return matrix is not null ? VerbsMachine.OfMatrix(library, matrix)
            : options.Devices.Count > 0 ? VerbsMachine.OfDevices(library, options.Devices)
            : library is not null && VerbsMachine.IsSoftwareLibrary(library) ? VerbsMachine.InSoftware(library)
            : throw ToolException.Usage(
                "jaccl needs the RDMA devices of this machine: --devices names them, such as --devices rdma_en2, or "
                    + "--device-file as a device matrix."
            );
    }

    private static BenchPlan Over(
        BenchOptions options,
        IBenchmarkSystem system,
        BackendKind backend,
        IReadOnlyList<int> ranks,
        IReadOnlyList<Links> links,
        Func<int, int>? devicesOf,
        BufferMemory memory,
        IReadOnlyList<string> notes
    )
    {
        List<string> all = [.. notes];
        List<BenchmarkJob> jobs = [];
        foreach (int number in ranks)
        {
            foreach (Links one in links)
            {
                BenchmarkJob job = NewJob(
                    options,
                    number,
                    TransportOf(backend),
                    one,
                    devicesOf?.Invoke(number),
                    memory,
                    all
                );
                RequireMemory(job, ranksHere: number);
                jobs.Add(job);
            }
        }

        return new BenchPlan(system, jobs, all, IsReporter: true);
    }

    private static BenchmarkJob NewJob(
        BenchOptions options,
        int ranks,
        string transport,
        Links links,
        int? devices,
        BufferMemory memory,
        List<string> notes
    )
    {
        if (options.Root >= ranks && options.Operations.Any(operation => operation.HasRoot))
        {
            throw ToolException.Usage($"--root is {options.Root}, but should be a rank from 0 to {ranks - 1}.");
        }

        List<string> leftOut = [];
        IReadOnlyList<BenchmarkCase> cases = options.Cases(ranks, leftOut.Add);
        if (cases.Count == 0)
        {
            throw ToolException.Usage($"Nothing is left to measure with {Words(ranks)}: {string.Join(' ', leftOut)}");
        }

        notes.AddRange(leftOut.Select(reason => $"Left out: {reason}").Except(notes));
        return new BenchmarkJob(ranks, transport, links, devices, memory, cases, options.Pace, options.Timeout);
    }

    private static void RequireMemory(BenchmarkJob job, int ranksHere)
    {
        long available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        long Needed(BenchmarkCase one) =>
            ranksHere * (one.BufferBytes(job.Ranks).Input + one.BufferBytes(job.Ranks).Output);
        BenchmarkCase largest = job.Cases.MaxBy(Needed)!;
        if (Needed(largest) > available)
        {
            throw ToolException.Usage(
                $"{largest.Operation.Name} of {ByteSize.Format(largest.Bytes(job.Ranks, largest.Counts[0]))} needs "
                    + $"{InGibibytes(Needed(largest))} for the "
                    + $"buffers of {Words(ranksHere)}, but this machine has {InGibibytes(available)}: --max-bytes "
                    + "limits the sizes."
            );
        }
    }

    private static string InGibibytes(double bytes) => FormattableString.Invariant($"{bytes / (1L << 30):F1} GiB");

    private static void RefuseOthersOptions(BenchOptions options, BackendKind backend)
    {
        string? mistaken =
            backend != BackendKind.Ring && options.Connections.Count > 0 ? "--connections is for --backend ring"
            : backend != BackendKind.Nccl && options.Memory == BufferMemory.Device
                ? "--memory device is for --backend nccl"
            : backend != BackendKind.Nccl && options.NcclLibrary is not null ? "--nccl-library is for --backend nccl"
            : backend != BackendKind.Nccl && options.CudaLibrary is not null ? "--cuda-library is for --backend nccl"
            : backend == BackendKind.Jaccl ? null
            : options.Topologies.Count > 0 ? "--topology is for --backend jaccl"
            : options.Wires.Count > 0 ? "--wires is for --backend jaccl"
            : options.Devices.Count > 0 ? "--devices is for --backend jaccl"
            : options.DeviceFile is not null ? "--device-file is for --backend jaccl"
            : options.VerbsLibrary is not null ? "--verbs-library is for --backend jaccl"
            : null;
        if (mistaken is not null)
        {
            throw ToolException.Usage($"{mistaken}; here the backend is {backend.ToString().ToLowerInvariant()}.");
        }
    }

    private static string TransportOf(BackendKind backend) =>
        backend switch
        {
            BackendKind.Nccl => "nccl",
            BackendKind.Jaccl => "verbs",
            _ => "tcp",
        };

    private static string Words(int ranks) => ranks == 1 ? "1 rank" : $"{ranks} ranks";
}
