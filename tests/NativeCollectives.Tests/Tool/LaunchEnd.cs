namespace NativeCollectives.Tests.Tool;

/// <summary>What came of a launch.</summary>
internal sealed record LaunchEnd(int ExitCode, string Output, string Errors)
{
    /// <summary>The lines of the output, in alphabetical order: ranks write in no particular one.</summary>
    public IEnumerable<string> Lines =>
        Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal);
}
