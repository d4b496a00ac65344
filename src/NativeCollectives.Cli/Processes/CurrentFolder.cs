namespace NativeCollectives.Cli.Processes;

/// <summary>The folder in which the tool runs, which somebody may have removed.</summary>
internal static class CurrentFolder
{
    /// <summary>Its path; null: it does not exist any more.</summary>
    public static string? PathOrNull
    {
        get
        {
            try
            {
                return Environment.CurrentDirectory;
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                return null;
            }
        }
    }

    /// <summary>Its path.</summary>
    /// <exception cref="ToolException">It does not exist any more.</exception>
    public static string Path =>
        PathOrNull
        ?? throw new ToolException(
            "the current folder does not exist any more; change to one that does, or name one with --cwd"
        );
}
