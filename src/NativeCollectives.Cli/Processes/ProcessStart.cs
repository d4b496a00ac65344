namespace NativeCollectives.Cli.Processes;

/// <summary>What is to be started.</summary>
/// <param name="Path">The program's file.</param>
/// <param name="Arguments">All arguments, the program's name first.</param>
/// <param name="Environment">All variables.</param>
internal sealed record ProcessStart(
    string Path,
    IReadOnlyList<string> Arguments,
    IReadOnlyDictionary<string, string> Environment
)
{
    /// <summary>The folder in which it starts; null: the tool's.</summary>
    public string? Folder { get; init; }

    /// <summary>
    /// Whether its output goes where the tool's errors go, rather than through a pipe, and its input is empty.
    /// </summary>
    public bool IsOutputToErrors { get; init; }

    /// <summary>A command whose program is looked for as a shell does.</summary>
    /// <exception cref="ToolException">It is not there, or cannot be executed.</exception>
    public static ProcessStart Of(
        IReadOnlyList<string> command,
        IReadOnlyDictionary<string, string> environment,
        string folder
    ) =>
        command.FirstOrDefault(static word => word.Contains('\0')) is { } cut
            ? throw ToolException.Usage(
                $"the command has the word \"{Shown.Text(cut)}\", but no argument of a program can hold NUL"
            )
            : new(ProgramFile.Find(command[0], folder, environment.GetValueOrDefault("PATH")), command, environment)
            {
                Folder = folder,
            };
}

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
