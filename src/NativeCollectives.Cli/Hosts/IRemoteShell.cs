namespace NativeCollectives.Cli.Hosts;

/// <summary>Runs commands on hosts.</summary>
internal interface IRemoteShell
{
    /// <summary>Runs a command of the POSIX shell on a host and waits for its end.</summary>
    /// <param name="host">The host, as ssh knows it; 127.0.0.1, localhost and ::1 need no ssh.</param>
    /// <param name="command">The text of the command.</param>
    /// <param name="timeout">How long it may take; after it the result has <see cref="ExitCodes.TimedOut"/>.</param>
    /// <param name="cancellationToken">Ends the command and the wait.</param>
    /// <returns>What came of it; 255 is ssh's own code where it does not reach the host.</returns>
    Task<RemoteResult> RunAsync(string host, string command, TimeSpan timeout, CancellationToken cancellationToken);
}
