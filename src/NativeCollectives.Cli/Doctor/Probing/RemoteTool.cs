using System.Text.Json;
using NativeCollectives.Cli.Hosts;
using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Doctor.Probing;

/// <summary>
/// The tool, running on another host by ssh. Its standard input stays open as long as this object lives: when that
/// ends, however this process ended, so does the tool there.
/// </summary>
internal sealed class RemoteTool : IAsyncDisposable
{
    // Shells greet; only lines that begin with this are the tool's.
    private const string Marker = "collectives-probe ";

    private static readonly TimeSpan _patienceAtTheEnd = TimeSpan.FromSeconds(1);

    private readonly PipedProcess _process;
    private readonly string _host;
    private readonly Task<string> _errors;

    private RemoteTool(PipedProcess process, string host)
    {
        _process = process;
        _host = host;
        _errors = process.Errors.ReadToEndAsync();
    }

    /// <summary>Starts it.</summary>
    /// <param name="host">The host, as ssh knows it.</param>
    /// <param name="tool">The command that runs the tool: words for the shell there.</param>
    /// <param name="arguments">The tool's arguments.</param>
    /// <param name="connectTime">How long ssh may take to connect.</param>
    /// <exception cref="ProbeException">There is no ssh here.</exception>
    public static RemoteTool Start(string host, string tool, IReadOnlyList<string> arguments, TimeSpan connectTime)
    {
        try
        {
            string command = $"{tool} {ShellQuoting.Join(arguments)}";
            return new RemoteTool(PipedProcess.Start(SshShell.Command(host, command, connectTime)), host);
        }
        catch (ToolException failure)
        {
            throw new ProbeException(ProbeStep.Reach, failure.Message, failure);
        }
    }

    /// <summary>Writes what <see cref="ReadAsync"/> reads.</summary>
    public static async Task WriteAsync<T>(T message)
    {
        await Console.Out.WriteLineAsync(Marker + JsonSerializer.Serialize(message, DoctorJson.Compact));
        await Console.Out.FlushAsync();
    }

    /// <summary>The next message of the tool.</summary>
    /// <exception cref="ProbeException">It ended without one, or takes too long.</exception>
    public async Task<T> ReadAsync<T>(TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(timeout);
        try
        {
            while (await _process.Output.ReadLineAsync(limit.Token) is { } line)
            {
                if (line.StartsWith(Marker, StringComparison.Ordinal))
                {
                    return JsonSerializer.Deserialize<T>(line.AsSpan(Marker.Length), DoctorJson.Compact)!;
                }
            }

            int code = await _process.WaitAsync(limit.Token);
            throw new ProbeException(ProbeStep.Reach, WhyItEnded(code, await _errors.WaitAsync(limit.Token)));
        }
        catch (OperationCanceledException failure) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ProbeException(
                ProbeStep.Reach,
                $"the tool on {_host} did not answer within {Duration.Rounded(timeout)}",
                failure
            );
        }
        catch (JsonException failure)
        {
            throw new ProbeException(
                ProbeStep.Reach,
                $"the tool on {_host} is of another release than this one: its answer is not understood",
                failure
            );
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.CloseInput();
        using var patience = new CancellationTokenSource(_patienceAtTheEnd);
        await ((Task)_process.WaitAsync(patience.Token)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _process.Dispose();
    }

    private string WhyItEnded(int code, string written)
    {
        string errors = string.Join(
            "; ",
            written.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).TakeLast(3)
        );
        string said = errors.Length == 0 ? "" : $": {errors}";
        return code switch
        {
            255 => $"ssh does not reach {_host}{said}",
            ExitCodes.NotFound or ExitCodes.CannotExecute =>
                $"the tool was not found on {_host}{said}; install it there (dotnet tool install --global "
                    + "NativeCollectives.Cli), "
                    + "or say by --remote-command what runs it",
            ExitCodes.Usage => $"the tool on {_host} is of another release than this one, and knows no probes{said}",
            _ => $"the tool on {_host} ended with exit code {code}{said}",
        };
    }
}
