namespace NativeCollectives.Cli;

/// <summary>
/// Something that the user is told in one clear sentence, with the exit code that the tool then ends with.
/// </summary>
internal sealed class ToolException(string message, int exitCode = ExitCodes.Failed, Exception? cause = null)
    : Exception(message, cause)
{
    public int ExitCode { get; } = exitCode;

    /// <summary>The command line, or a file that it names, is wrong.</summary>
    public static ToolException Usage(string message) => new(message, ExitCodes.Usage);
}
