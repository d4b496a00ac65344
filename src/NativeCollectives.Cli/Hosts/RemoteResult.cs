namespace NativeCollectives.Cli.Hosts;

/// <summary>What came of a command on a host.</summary>
/// <param name="ExitCode">
/// The command's; 255 is ssh's own where it does not reach the host, <see cref="ExitCodes.TimedOut"/> that of a command
/// that took too long.
/// </param>
/// <param name="Output">All of its standard output.</param>
/// <param name="Errors">All of its standard error stream, with that of ssh.</param>
internal sealed record RemoteResult(int ExitCode, string Output, string Errors);
