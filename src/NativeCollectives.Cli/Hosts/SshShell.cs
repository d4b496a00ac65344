using System.Globalization;
using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Hosts;

/// <summary>Runs commands on hosts.</summary>
internal interface IRemoteShell
{
    /// <summary>Runs a command of the POSIX shell on a host and waits for its end.</summary>
    /// <param name="host">The host, as ssh knows it; 127.0.0.1, localhost and ::1 need no ssh.</param>
    /// <param name="command">The text of the command.</param>
    /// <param name="timeout">How long it may take; after it the result has <see cref="ExitCodes.TimedOut"/>.</param>
    /// <param name="cancellationToken">Ends the command and the wait.</param>
    /// <returns>
    /// What came of it; 255 is ssh's own code where it does not reach the host, whose errors are then those of ssh.
    /// </returns>
    Task<ProcessResult> RunAsync(string host, string command, TimeSpan timeout, CancellationToken cancellationToken);
}

/// <summary>
/// Runs commands on other hosts by the ssh that is first on PATH, without ever asking for a password, and on this one
/// by /bin/sh.
/// </summary>
internal sealed class SshShell : IRemoteShell
{
    private static readonly TimeSpan _connectTimeout = TimeSpan.FromSeconds(10);

    /// <summary>The words that run a command on a host by ssh.</summary>
    /// <param name="host">The host, as ssh knows it.</param>
    /// <param name="command">The text of the command.</param>
    /// <param name="connectTimeout">How long connecting may take.</param>
    /// <param name="options">What ssh is told besides.</param>
    public static IReadOnlyList<string> Command(
        string host,
        string command,
        TimeSpan connectTimeout,
        params IReadOnlyList<string> options
    )
    {
        var seconds = Math.Max(1, (int)Math.Ceiling(connectTimeout.TotalSeconds));

        // A connection of its own: its end is that of what runs there.
        return
        [
            "ssh",
            "-o",
            "BatchMode=yes",
            "-o",
            "ControlMaster=no",
            "-o",
            "ControlPath=none",
            "-o",
            string.Create(CultureInfo.InvariantCulture, $"ConnectTimeout={seconds}"),
            "-o",
            "LogLevel=ERROR",
            .. options,
            "--",
            host,
            command,
        ];
    }

    public async Task<ProcessResult> RunAsync(
        string host,
        string command,
        TimeSpan timeout,
        CancellationToken cancellationToken
    )
    {
        using var process = PipedProcess.Start(
            new Host(host).IsLocal
                ? ["/bin/sh", "-c", command]
                : Command(host, command, timeout < _connectTimeout ? timeout : _connectTimeout),
            failureCode: ExitCodes.NotFound
        );
        process.CloseInput();
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(timeout);
        try
        {
            return await process.EndAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return new ProcessResult(
                ExitCodes.TimedOut,
                "",
                string.Create(CultureInfo.InvariantCulture, $"no answer within {timeout.TotalSeconds:0.#} s")
            );
        }
    }
}
