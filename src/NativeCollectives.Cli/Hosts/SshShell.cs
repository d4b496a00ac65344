using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace NativeCollectives.Cli.Hosts;

/// <summary>
/// Runs commands on other hosts by the ssh that is first on PATH, without ever asking for a password, and on this one
/// by /bin/sh.
/// </summary>
internal sealed class SshShell : IRemoteShell
{
    private static readonly TimeSpan _connectTimeout = TimeSpan.FromSeconds(10);

    /// <summary>What ssh is told besides the host and the command.</summary>
    /// <param name="connectTimeout">How long connecting may take.</param>
    public static IReadOnlyList<string> Options(TimeSpan connectTimeout)
    {
        var seconds = Math.Max(1, (int)Math.Ceiling(connectTimeout.TotalSeconds));

        // A connection of its own: its end is that of what runs there.
        return
        [
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
        ];
    }

    public async Task<RemoteResult> RunAsync(
        string host,
        string command,
        TimeSpan timeout,
        CancellationToken cancellationToken
    )
    {
        var start = new ProcessStartInfo
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (new Host(host).IsLocal)
        {
            start.FileName = "/bin/sh";
            start.ArgumentList.Add("-c");
        }
        else
        {
            start.FileName = "ssh";
            foreach (var option in Options(timeout < _connectTimeout ? timeout : _connectTimeout))
            {
                start.ArgumentList.Add(option);
            }

            start.ArgumentList.Add("--");
            start.ArgumentList.Add(host);
        }

        start.ArgumentList.Add(command);
        using Process process = Start(start);
        process.StandardInput.Close();
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(timeout);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            Task<string> errors = process.StandardError.ReadToEndAsync(deadline.Token);
            await Task.WhenAll(output, errors, process.WaitForExitAsync(deadline.Token));
            return new RemoteResult(process.ExitCode, await output, await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            cancellationToken.ThrowIfCancellationRequested();
            return new RemoteResult(
                ExitCodes.TimedOut,
                "",
                string.Create(CultureInfo.InvariantCulture, $"no answer within {timeout.TotalSeconds:0.#} s")
            );
        }
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception failure)
        {
            throw new ToolException(
                $"{start.FileName} cannot be started: {failure.Message}",
                ExitCodes.NotFound,
                failure
            );
        }
    }
}
