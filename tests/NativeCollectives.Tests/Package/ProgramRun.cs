using System.Diagnostics;
using System.Text;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests.Package;

/// <summary>A program, what it wrote and how it ended.</summary>
internal sealed record ProgramRun(int ExitCode, string Output)
{
    /// <summary>Runs one to its end, or kills it and whatever it started when the token says so.</summary>
    public static async Task<ProgramRun> RunAsync(
        string program,
        IEnumerable<string> arguments,
        string folder,
        IReadOnlyDictionary<string, string?> environment,
        CancellationToken cancellationToken
    )
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }
        var output = new StringBuilder();
        var process = ChildProcesses.Start(start);
        try
        {
            await Task.WhenAll(Copy(process.StandardOutput), Copy(process.StandardError));
            await process.WaitForExitAsync(cancellationToken);
            return new ProgramRun(process.ExitCode, output.ToString());
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException(
                $"{program} {string.Join(' ', arguments)} did not end in time; it wrote:\n{output}"
            );
        }
        finally
        {
            ChildProcesses.End(process);
        }

        async Task Copy(StreamReader from)
        {
            while (await from.ReadLineAsync(cancellationToken) is { } line)
            {
                lock (output)
                {
                    output.AppendLine(line);
                }
            }
        }
    }
}
