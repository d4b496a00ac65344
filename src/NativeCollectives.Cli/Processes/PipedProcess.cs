using System.ComponentModel;
using System.Diagnostics;

namespace NativeCollectives.Cli.Processes;

/// <summary>How a process has ended, and all that it wrote.</summary>
internal sealed record ProcessResult(int ExitCode, string Output, string Errors);

/// <summary>
/// A process that helps this one, such as ssh, whose standard streams are pipes. It is in this process's session; a
/// rank, which is not, is a <see cref="ChildProcess"/>. Whatever it has started is ended with it when this object is
/// disposed of.
/// </summary>
internal sealed class PipedProcess : IDisposable
{
    private readonly Process _process;

    private PipedProcess(Process process) => _process = process;

    public StreamWriter Input => _process.StandardInput;

    public StreamReader Output => _process.StandardOutput;

    public StreamReader Errors => _process.StandardError;

    /// <summary>Starts a process.</summary>
    /// <param name="command">The program, and its arguments.</param>
    /// <param name="environment">Variables that it gets beside those of this process.</param>
    /// <param name="failureCode">The exit code of the exception.</param>
    /// <exception cref="ToolException">It cannot be started.</exception>
    public static PipedProcess Start(
        IEnumerable<string> command,
        IReadOnlyDictionary<string, string>? environment = null,
        int failureCode = ExitCodes.Failed
    )
    {
        string program = command.First();
        var start = new ProcessStartInfo(program, command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        try
        {
            return new PipedProcess(Process.Start(start)!);
        }
        catch (Win32Exception failure)
        {
            throw new ToolException($"{program} cannot be started: {failure.Message}", failureCode, failure);
        }
    }

    /// <summary>Waits for its end, and gives the exit code.</summary>
    public async Task<int> WaitAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken);
        return _process.ExitCode;
    }

    /// <summary>Reads all that it writes, and waits for its end.</summary>
    public async Task<ProcessResult> EndAsync(CancellationToken cancellationToken)
    {
        Task<string> output = Output.ReadToEndAsync(cancellationToken);
        Task<string> errors = Errors.ReadToEndAsync(cancellationToken);
        await Task.WhenAll(output, errors, _process.WaitForExitAsync(cancellationToken));
        return new ProcessResult(_process.ExitCode, await output, await errors);
    }

    /// <summary>Tells it that its input has ended.</summary>
    public void CloseInput()
    {
        try
        {
            Input.Close();
        }
        catch (IOException)
        {
            // it has ended already
        }
    }

    public void Dispose()
    {
        _process.Kill(entireProcessTree: true); // nothing happens to one that has ended
        _process.Dispose();
    }
}
