using System.Diagnostics;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests.Tool;

/// <summary>The built tool, as a process.</summary>
internal static class CollectivesTool
{
    public static string Dotnet { get; } = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "collectives.dll");

    /// <summary>How it is started, its streams being the test's.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="variables">Variables beside those of the tests.</param>
    /// <param name="folder">Where it runs; null: where the tests do.</param>
    public static ProcessStartInfo StartInfo(
        IEnumerable<string> arguments,
        IReadOnlyDictionary<string, string>? variables = null,
        string? folder = null
    )
    {
        var start = new ProcessStartInfo(Dotnet, [Path, .. arguments])
        {
            WorkingDirectory = folder ?? "",
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in variables ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }
        return start;
    }

    /// <summary>
    /// Runs it to its end; gives its exit code, what it wrote to the standard output, and to the standard error stream.
    /// </summary>
    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(
        ProcessStartInfo start,
        CancellationToken cancellation
    )
    {
        Process tool = ChildProcesses.Start(start);
        try
        {
            Task<string> output = tool.StandardOutput.ReadToEndAsync(cancellation);
            Task<string> errors = tool.StandardError.ReadToEndAsync(cancellation);
            await tool.WaitForExitAsync(cancellation);
            return (tool.ExitCode, await output, await errors);
        }
        finally
        {
            ChildProcesses.End(tool);
        }
    }

    /// <summary>
    /// Variables with which the tool finds the programs of a folder, such as a double of ssh, before all others.
    /// </summary>
    public static Dictionary<string, string> FirstOnPath(string folder) =>
        new() { ["PATH"] = $"{folder}{System.IO.Path.PathSeparator}{Environment.GetEnvironmentVariable("PATH")}" };
}
