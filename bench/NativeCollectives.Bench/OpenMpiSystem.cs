using System.Globalization;

namespace NativeCollectives.Bench;

/// <summary>
/// Open MPI over TCP on the loopback interface, through our own small program: bench/peers/open_mpi_all_reduce.c.
/// </summary>
internal sealed class OpenMpiSystem : IBenchmarkSystem
{
    private const string Source = "open_mpi_all_reduce.c";

    private readonly string _mpirun;
    private readonly string _program;
    private readonly TemporaryFolder _scratch;

    private OpenMpiSystem(string mpirun, string program, string version, TemporaryFolder scratch)
    {
        _mpirun = mpirun;
        _program = program;
        _scratch = scratch;
        Version = version;
    }

    public string Name => "open-mpi";

    public string Version { get; }

    /// <summary>Finds Open MPI and compiles our program for it.</summary>
    public static async Task<OpenMpiSystem> PrepareAsync(TemporaryFolder scratch, CancellationToken cancellationToken)
    {
        const string Missing =
            "Open MPI is not installed: mpicc and mpirun must be on the PATH (Debian: openmpi-bin and libopenmpi-dev).";
        var mpicc = PeerProgram.OnPath("mpicc") ?? throw new ToolException(Missing);
        var mpirun = PeerProgram.OnPath("mpirun") ?? throw new ToolException(Missing);

        const string Known = "mpirun (Open MPI) ";
        var introduction = await ProcessSet.RunAsync(
            [new ProcessLaunch(mpirun, mpirun, ["--version"])],
            PeerProgram.Preparation,
            cancellationToken
        );
        if (!introduction.StartsWith(Known, StringComparison.Ordinal))
        {
            throw new ToolException($"{mpirun} is not that of Open MPI.");
        }
        var version = introduction[Known.Length..].Split('\n')[0].Trim();

        var program = await PeerProgram.CompileAsync(Source, mpicc, ["-std=gnu11"], scratch, cancellationToken);
        return new OpenMpiSystem(mpirun, program, version, scratch);
    }

    public async Task MeasureAsync(
        BenchmarkJob job,
        Action<BenchmarkCase, Measurement> measured,
        CancellationToken cancellationToken
    )
    {
        var one = job.Cases.Single();
        var output = _scratch.NewFile();
        string[] arguments =
        [
            "-np",
            Text(job.Ranks),
            // Nothing but TCP: ob1 is what drives the transports named next, and others could bring transports of their
            // own.
            "--mca",
            "pml",
            "ob1",
            "--mca",
            "btl",
            "self,tcp",
            "--mca",
            "btl_tcp_if_include",
            "lo",
            "--mca",
            "btl_tcp_links",
            Text(job.Links.Sockets!.Value),
            "--mca",
            "orte_tmpdir_base",
            _scratch.FullPath,
            "--oversubscribe",
            "--allow-run-as-root",
            "--timeout",
            Text((int)job.Deadline.TotalSeconds), // should this program not live to end it
            _program,
            output,
            one.InPlace ? "1" : "0",
            Text(job.Pace.Iterations),
            Text(job.Pace.Seconds),
            Text(Pace.WarmUpSeconds),
            Text(Pace.MinIterations),
            Text(Pace.MaxIterations),
            .. one.Counts.Select(count => Text(count)),
        ];
        await ProcessSet.RunAsync([new ProcessLaunch(Name, _mpirun, arguments)], job.Deadline, cancellationToken);
        PeerProgram.Report(output, one, Name, measured);
    }

    private static string Text<T>(T value)
        where T : IFormattable => value.ToString(null, CultureInfo.InvariantCulture);
}
