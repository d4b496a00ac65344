namespace NativeCollectives.Bench;

/// <summary>The programs in bench/peers, which are compiled when they are asked for.</summary>
internal static class PeerProgram
{
    /// <summary>How long compiling, or asking for a version, may take.</summary>
    public static readonly TimeSpan Preparation = TimeSpan.FromMinutes(2);

    private static readonly string _folder = Path.Combine(AppContext.BaseDirectory, "peers");

    /// <summary>The path of a program on the PATH, or <see langword="null"/>.</summary>
    public static string? OnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists);

    /// <summary>
    /// Compiles a source file of that folder, which is also where it finds what it includes. Returns the program's
    /// path.
    /// </summary>
    public static async Task<string> CompileAsync(
        string source,
        string compiler,
        IReadOnlyList<string> options,
        TemporaryFolder scratch,
        CancellationToken cancellationToken
    )
    {
        var program = Path.Combine(scratch.FullPath, Path.GetFileNameWithoutExtension(source));
        string[] arguments =
        [
            "-O2",
            "-Wall",
            "-Wextra",
            "-I",
            _folder,
            "-o",
            program,
            Path.Combine(_folder, source),
            .. options,
        ];
        await ProcessSet.RunAsync([new ProcessLaunch(compiler, compiler, arguments)], Preparation, cancellationToken);
        return program;
    }

    /// <summary>Hands on what a program has written about a case.</summary>
    public static void Report(
        string output,
        BenchmarkCase one,
        string system,
        Action<BenchmarkCase, Measurement> measured
    )
    {
        foreach (var measurement in Measurement.Read(output, one.Counts, system))
        {
            measured(one, measurement);
        }
    }
}
