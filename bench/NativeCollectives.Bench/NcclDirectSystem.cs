using System.Globalization;

namespace NativeCollectives.Bench;

/// <summary>NCCL without this library, called by our own small program: bench/peers/nccl_direct.cpp.</summary>
internal sealed class NcclDirectSystem : IBenchmarkSystem
{
    private const string Source = "nccl_direct.cpp";

    private readonly NcclDirectMode _mode;
    private readonly string _program;
    private readonly NcclMachine _machine;
    private readonly TemporaryFolder _scratch;

    private NcclDirectSystem(
        NcclDirectMode mode,
        string program,
        string version,
        NcclMachine machine,
        TemporaryFolder scratch
    )
    {
        _mode = mode;
        _program = program;
        _machine = machine;
        _scratch = scratch;
        Version = version;
    }

    public string Name => _mode.System;

    public string Version { get; }

    /// <summary>Compiles our program, and asks it what it uses.</summary>
    public static async Task<IReadOnlyList<NcclDirectSystem>> PrepareAsync(
        IReadOnlyList<NcclDirectMode> modes,
        NcclMachine machine,
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
        var introduction = await ProcessSet.RunAsync(
            [new ProcessLaunch(Source, program, Libraries(machine, device: 0))],
            PeerProgram.Preparation,
            cancellationToken
        );
        return [.. modes.Select(mode => new NcclDirectSystem(mode, program, introduction.Trim(), machine, scratch))];
    }

    public async Task MeasureAsync(
        BenchmarkJob job,
        Action<BenchmarkCase, Measurement> measured,
        CancellationToken cancellationToken
    )
    {
        var one = job.Cases.Single();
        var output = _scratch.NewFile();
        string[] common =
        [
            Argument("size", job.Ranks),
            $"id={_scratch.NewFile()}",
            $"operation={one.Operation.Name}",
            Argument("in_place", one.InPlace),
            $"memory={(job.Memory == BufferMemory.Host ? "host" : "device")}",
            Argument("blocking", _mode.IsBlocking),
            // Those who use a stream of their own wait for it in their own way, which is this one in our ranks too.
            $"wait={(_mode.Synchronizes || job.Pace.Batch > 1 ? "synchronize" : "poll")}",
            Argument("batch", job.Pace.Batch),
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
                [.. Libraries(_machine, _machine.DeviceOf(rank)), Argument("rank", rank), .. common],
                Input: "",
                _machine.Environment(rank, job.Ranks)
            ));
        await ProcessSet.RunAsync([.. launches], job.Deadline, cancellationToken);
        PeerProgram.Report(output, one, Name, measured);
    }

    private static string[] Libraries(NcclMachine machine, int device) =>
        [$"nccl={machine.Library}", $"cuda={machine.CudaLibrary}", Argument("device", device)];

    private static string Argument<T>(string key, T value)
        where T : IFormattable => string.Create(CultureInfo.InvariantCulture, $"{key}={value}");

    private static string Argument(string key, bool value) => $"{key}={(value ? "1" : "0")}";
}
