using System.Diagnostics;
using System.Globalization;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests.Samples;

/// <summary>Samples, started as processes of their own beside the tests' own program.</summary>
internal static class SampleRanks
{
    private static readonly string _dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    /// <summary>Starts one rank of a ring.</summary>
    public static Process Start(string sample, int rank, HostFile hosts)
    {
        var start = new ProcessStartInfo(_dotnet, [Path.Combine(AppContext.BaseDirectory, $"{sample}.dll")])
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

    /// <summary>Runs ranks by <c>collectives launch</c> from the repository's root, and gives what all of them printed: its lines, in order.</summary>
    public static async Task<IReadOnlyList<string>> LaunchAsync(string[] arguments, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(_dotnet, [Path.Combine(AppContext.BaseDirectory, "collectives.dll"), "launch", .. arguments])
        {
            WorkingDirectory = NcclLibraries.RepositoryRoot,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Process launcher = ChildProcesses.Start(start);
        try
        {
            var output = await EndAsync(launcher, cancellation);
            return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)];
        }
        finally
        {
            ChildProcesses.End(launcher);
        }
    }

    /// <summary>The program of a sample, and how it is run.</summary>
    public static string[] Command(string sample) => [_dotnet, Path.Combine(AppContext.BaseDirectory, $"{sample}.dll")];

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
