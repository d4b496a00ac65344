using System.Globalization;

namespace NativeCollectives.Bench;

/// <summary>
/// RDMA verbs without this library: our own small program bench/peers/verbs_direct.cpp moves the frames that JACCL
/// moves.
/// </summary>
internal sealed class VerbsDirectSystem : IBenchmarkSystem
{
    private const string Source = "verbs_direct.cpp";

    private readonly bool _copies;
    private readonly string _program;
    private readonly VerbsMachine _machine;
    private readonly TemporaryFolder _scratch;

    private VerbsDirectSystem(bool copies, string program, VerbsMachine machine, TemporaryFolder scratch)
    {
        _copies = copies;
        _program = program;
        _machine = machine;
        _scratch = scratch;
    }

    public string Name => _copies ? "verbs-direct-copy" : "verbs-direct";

    public string Version => _machine.Library ?? "the system's library of verbs";

    /// <summary>Compiles our program.</summary>
    /// <param name="copies">For each system: whether data is copied into frames and out of them.</param>
    /// <param name="machine">Where the devices are.</param>
    /// <param name="scratch">For the program.</param>
    /// <param name="cancellationToken">Ends the compiler.</param>
    public static async Task<IReadOnlyList<VerbsDirectSystem>> PrepareAsync(
        IReadOnlyList<bool> copies,
        VerbsMachine machine,
        TemporaryFolder scratch,
        CancellationToken cancellationToken
    )
    {
        var compiler =
            PeerProgram.OnPath("c++")
            ?? throw new ToolException("There is no C++ compiler: c++ must be on the PATH (Debian: g++).");
        var program = await PeerProgram.CompileAsync(
            Source,
            compiler,
            ["-std=c++20", "-pthread", "-ldl"],
            scratch,
            cancellationToken
        );
        return [.. copies.Select(each => new VerbsDirectSystem(each, program, machine, scratch))];
    }

    public async Task MeasureAsync(
        BenchmarkJob job,
        Action<BenchmarkCase, Measurement> measured,
        CancellationToken cancellationToken
    )
    {
        var one = job.Cases.Single();
        var output = _scratch.NewFile();
        var fabric = _scratch.NewFolder();
        var links = job.Links;
        string[] common =
        [
            $"library={_machine.Library ?? (OperatingSystem.IsMacOS() ? "librdma.dylib" : "libibverbs.so.1")}",
            Argument("size", job.Ranks),
            $"meeting={_scratch.NewFile()}",
            $"operation={one.Operation.Name}",
            $"topology={(links.Topology == VerbsTopology.Ring ? "ring" : "mesh")}",
            Argument("wires", links.Wires ?? 1),
            // As the library has it.
            $"pairs={(OperatingSystem.IsMacOS() ? "uc" : "rc")}",
            $"copies={(_copies ? "1" : "0")}",
            Argument("iterations", job.Pace.Iterations),
            Argument("seconds", job.Pace.Seconds),
            Argument("warm_up_seconds", Pace.WarmUpSeconds),
            Argument("min_iterations", Pace.MinIterations),
            Argument("max_iterations", Pace.MaxIterations),
            $"counts={string.Join(',', one.Counts)}",
            $"output={output}",
        ];
        var launches = Enumerable
            .Range(0, job.Ranks)
            .Select(rank => new ProcessLaunch(
                $"{Name}, rank {rank}",
                _program,
                [Argument("rank", rank), $"devices={string.Join(',', DevicesOf(rank, job))}", .. common],
                Input: "",
                _machine.Environment(rank, job.Ranks, links, fabric)
            ));
        await ProcessSet.RunAsync([.. launches], job.Deadline, cancellationToken);
        PeerProgram.Report(output, one, Name, measured);
    }

    // One for each connection: to all peers, or to the left and the right neighbour.
    private IEnumerable<string> DevicesOf(int rank, BenchmarkJob job)
    {
        IEnumerable<int> peers =
            job.Links.Topology == VerbsTopology.Ring
                ? [(rank + job.Ranks - 1) % job.Ranks, (rank + 1) % job.Ranks]
                : Enumerable.Range(0, job.Ranks);
        return peers.SelectMany(peer => _machine.Devices(rank, peer, job.Ranks, job.Links));
    }

    private static string Argument<T>(string key, T value)
        where T : IFormattable => string.Create(CultureInfo.InvariantCulture, $"{key}={value}");
}
