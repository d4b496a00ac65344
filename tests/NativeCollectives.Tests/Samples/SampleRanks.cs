using System.Diagnostics;
using System.Globalization;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Tests.Tool;

namespace NativeCollectives.Tests.Samples;

/// <summary>Samples, started as processes of their own beside the tests' own program.</summary>
internal static class SampleRanks
{
    /// <summary>Starts one rank of a ring.</summary>
    public static Process Start(string sample, int rank, HostFile hosts)
    {
        var start = new ProcessStartInfo(
            CollectivesTool.Dotnet,
            [Path.Combine(AppContext.BaseDirectory, $"{sample}.dll")]
        )
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["MLX_RANK"] = rank.ToString(CultureInfo.InvariantCulture);
        start.Environment["MLX_HOSTFILE"] = hosts.Path;
        return ChildProcesses.Start(start);
    }

    /// <summary>Runs all ranks of a ring on this machine, and gives what each printed.</summary>
    public static async Task<IReadOnlyList<string>> RunAsync(string sample, int size, CancellationToken cancellation)
    {
        using var hosts = new HostFile(size, 1);
        hosts.Release();
        var ranks = Enumerable.Range(0, size).Select(rank => Start(sample, rank, hosts)).ToList();
        try
        {
            return await Task.WhenAll(ranks.Select(rank => EndAsync(rank, cancellation)));
        }
        finally
        {
            ranks.ForEach(ChildProcesses.End);
        }
    }

    /// <summary>
    /// Runs ranks by <c>collectives launch</c> from the repository's root, and gives what all of them printed: its
    /// lines, in order.
    /// </summary>
    public static async Task<IReadOnlyList<string>> LaunchAsync(string[] arguments, CancellationToken cancellation)
    {
        var (code, output, errors) = await CollectivesTool.RunAsync(
            CollectivesTool.StartInfo(["launch", .. arguments], folder: NcclLibraries.RepositoryRoot),
            cancellation
        );
        Assert.That(code, Is.Zero, errors);
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)];
    }

    /// <summary>The program of a sample, and how it is run.</summary>
    public static string[] Command(string sample) =>
        [CollectivesTool.Dotnet, Path.Combine(AppContext.BaseDirectory, $"{sample}.dll")];

    /// <summary>Waits for a process's end, which must be a good one, and gives what it printed.</summary>
    public static async Task<string> EndAsync(Process rank, CancellationToken cancellation)
    {
        Task<string> output = rank.StandardOutput.ReadToEndAsync(cancellation);
        Task<string> errors = rank.StandardError.ReadToEndAsync(cancellation);
        await rank.WaitForExitAsync(cancellation);
        Assert.That(rank.ExitCode, Is.Zero, await errors);
        return await output;
    }
}
