using System.Diagnostics;
using System.Reflection;

namespace NativeCollectives.ConformanceReplay;

/// <summary>Where the recorded cases are.</summary>
public static class Vectors
{
    /// <summary>A folder of cases to take instead of those in the repository.</summary>
    public const string Variable = "NC_MLX_VECTORS";

    public static string RepositoryRoot { get; } =
        typeof(Vectors)
            .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(attribute => attribute.Key == "RepositoryRoot")
            .Value!;

    /// <summary>The program that a build leaves to be tested.</summary>
    public static string ConformanceRank => Path.Combine(RepositoryRoot, "artifacts", "bin", "conformance-rank");

    /// <summary>
    /// The folders to look in: that of the variable, or the repository's own with the unpacked archive of large cases.
    /// </summary>
    public static IReadOnlyList<string> Folders()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } folder)
        {
            return [folder];
        }
        var vectors = Path.Combine(RepositoryRoot, "tests", "vectors");
        return [Path.Combine(vectors, "mlx-ring"), Unpacked(Path.Combine(vectors, "mlx-ring-large.tar.xz"))];
    }

    /// <summary>Every folder below with a case.json, in order.</summary>
    public static IReadOnlyList<string> Cases(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException($"no folder of recorded cases: {folder}");
        }
        return
        [
            .. Directory
                .EnumerateFiles(folder, "case.json", SearchOption.AllDirectories)
                .Select(file => Path.GetDirectoryName(file)!)
                .Order(StringComparer.Ordinal),
        ];
    }

    // Beside everything else that a build makes; renamed when complete, so that it is there whole or not at all.
    private static string Unpacked(string archive)
    {
        var target = Path.Combine(
            RepositoryRoot,
            "artifacts",
            "vectors",
            Path.GetFileName(archive) + "-" + new FileInfo(archive).Length
        );
        if (!Directory.Exists(target))
        {
            var partial = Directory.CreateDirectory($"{target}.{Environment.ProcessId}").FullName;
            using var tar = Process.Start("tar", ["-xJf", archive, "-C", partial]);
            tar.WaitForExit();
            if (tar.ExitCode != 0)
            {
                throw new InvalidOperationException($"tar could not unpack {archive}: status {tar.ExitCode}");
            }
            try
            {
                Directory.Move(partial, target);
            }
            catch (IOException) when (Directory.Exists(target))
            {
                Directory.Delete(partial, recursive: true);
            }
        }
        return target;
    }
}
