using System.Diagnostics;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests.Tool;

/// <summary>
/// The built tool, launching something, with temporary files in a folder that must be empty in the end.
/// </summary>
internal sealed class LaunchRun : IDisposable
{
    private readonly Process _process;

    /// <param name="arguments">Those of <c>collectives launch</c>.</param>
    /// <param name="variables">Variables beside those of the tests.</param>
    public LaunchRun(IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? variables = null)
    {
        Folder = Directory.CreateTempSubdirectory("nc-launch-").FullName;
        Temporary = Directory.CreateDirectory(Path.Combine(Folder, "tmp")).FullName;
        ProcessStartInfo start = CollectivesTool.StartInfo(["launch", .. arguments], variables, Folder);
        start.Environment["TMPDIR"] = Temporary;
        _process = ChildProcesses.Start(start);
    }

    /// <summary>An empty folder, in which the tool runs.</summary>
    public string Folder { get; }

    /// <summary>Where temporary files are made.</summary>
    public string Temporary { get; }

    public int Id => _process.Id;

    public StreamWriter Input => _process.StandardInput;

    public StreamReader Output => _process.StandardOutput;

    /// <summary>A program beside the tests, as the ranks' command.</summary>
    public static string[] Program(string name) =>
        [CollectivesTool.Dotnet, Path.Combine(AppContext.BaseDirectory, name)];

    /// <summary>Launches and waits for the end.</summary>
    public static async Task<LaunchEnd> ToEnd(
        IEnumerable<string> arguments,
        CancellationToken cancellation,
        string input = "",
        IReadOnlyDictionary<string, string>? variables = null
    )
    {
        using var run = new LaunchRun(arguments, variables);
        await run.Input.WriteAsync(input.AsMemory(), cancellation);
        run.Input.Close();
        return await run.End(cancellation);
    }

    /// <summary>Sends the tool a signal.</summary>
    public void Signal(int signal) => _ = Signals.Kill(Id, signal);

    /// <summary>Waits for the end, without reading the output.</summary>
    public async Task<int> ExitCode(CancellationToken cancellation)
    {
        await _process.WaitForExitAsync(cancellation);
        return _process.ExitCode;
    }

    /// <summary>Waits for the end; nothing temporary may be left then.</summary>
    public async Task<LaunchEnd> End(CancellationToken cancellation)
    {
        Task<string> errors = _process.StandardError.ReadToEndAsync(cancellation);
        var output = await _process.StandardOutput.ReadToEndAsync(cancellation);
        await _process.WaitForExitAsync(cancellation);
        Assert.That(Directory.EnumerateFileSystemEntries(Temporary, "collectives-*"), Is.Empty, "left behind");
        return new LaunchEnd(_process.ExitCode, output, await errors);
    }

    public void Dispose()
    {
        ChildProcesses.End(_process);
        Directory.Delete(Folder, recursive: true);
    }
}
