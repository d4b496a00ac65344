namespace NativeCollectives.Cli;

/// <summary>
/// What the tool's exit codes mean; docs/tool.md lists them. <c>launch</c> ends with the code of the rank that failed
/// first.
/// </summary>
internal static class ExitCodes
{
    /// <summary>All is well.</summary>
    public const int Success = 0;

    /// <summary>What was asked for was done, and found something wrong: an unhealthy link, wrong results.</summary>
    public const int Unhealthy = 1;

    /// <summary>The command line, or a file that it names, is wrong; nothing was done.</summary>
    public const int Usage = 2;

    /// <summary>It could not be done: a host cannot be reached, a group does not form.</summary>
    public const int Failed = 3;

    /// <summary>The time limit of <c>--timeout</c> ran out; that of timeout(1).</summary>
    public const int TimedOut = 124;

    /// <summary>A program cannot be executed; a shell's code.</summary>
    public const int CannotExecute = 126;

    /// <summary>A program was not found; a shell's code.</summary>
    public const int NotFound = 127;

    /// <summary>
    /// Plus the signal's number: a rank, or the tool itself, was ended by a signal; a shell's codes. Ctrl-C is 130.
    /// </summary>
    public const int Signalled = 128;
}
