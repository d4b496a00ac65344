using System.Diagnostics;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests.Tool;

/// <summary>A run of <c>collectives bench</c>.</summary>
internal sealed class BenchTool : IDisposable
{
    // What could make a group of the machine that runs the tests.
    private static readonly string[] _launchers =
    [
        "MLX_RANK",
        "MLX_HOSTFILE",
        "NC_VERBS_LIBRARY",
        "NC_NCCL_LIBRARY",
        "NC_CUDA_LIBRARY",
    ];

    private readonly Task<string> _output;
    private readonly Task<string> _errors;

    private BenchTool(Process process)
    {
        Process = process;
        _output = process.StandardOutput.ReadToEndAsync();
        _errors = process.StandardError.ReadToEndAsync();
    }

    public Process Process { get; }

    /// <summary>Starts it.</summary>
    /// <param name="arguments">Its arguments behind <c>bench</c>, with blanks between them.</param>
    /// <param name="variables">The variables that it gets.</param>
    public static BenchTool Start(string arguments, IReadOnlyDictionary<string, string>? variables = null)
    {
        ProcessStartInfo info = CollectivesTool.StartInfo(["bench", .. arguments.Split(' ')], variables);
        foreach (var name in _launchers.Where(name => variables?.ContainsKey(name) != true))
        {
            info.Environment.Remove(name);
        }
        return new BenchTool(ChildProcesses.Start(info));
    }

    /// <summary>
    /// Waits for its end; gives its exit code, what it wrote to the standard output, and to the standard error stream.
    /// </summary>
    public async Task<(int ExitCode, string Output, string Errors)> EndAsync(CancellationToken cancellation)
    {
        await Process.WaitForExitAsync(cancellation);
        return (Process.ExitCode, await _output, await _errors);
    }

    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(
        string arguments,
        CancellationToken cancellation,
        IReadOnlyDictionary<string, string>? variables = null
    )
    {
        using var tool = Start(arguments, variables);
        return await tool.EndAsync(cancellation);
    }

    public void Dispose() => ChildProcesses.End(Process);
}
