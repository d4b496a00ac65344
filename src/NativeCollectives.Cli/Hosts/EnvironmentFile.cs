namespace NativeCollectives.Cli.Hosts;

/// <summary>A file of variables, a line each; empty lines and those that begin with # mean nothing.</summary>
internal static class EnvironmentFile
{
    /// <summary>Reads one.</summary>
    /// <exception cref="ToolException">It cannot be read, or a line is no variable.</exception>
    public static IReadOnlyList<string> Read(string path)
    {
        string[] lines;
        try
        {
            lines = SmallFile.ReadText(path).Split('\n');
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw ToolException.Usage($"the file {Shown.Text(path)} of variables cannot be read: {failure.Message}");
        }

        List<string> variables = [];
        for (var index = 0; index < lines.Length; index++)
        {
            var line = lines[index].TrimEnd('\r');
            if (line.Length == 0 || line.StartsWith('#'))
            {
                continue;
            }

            // The line itself is not shown: it may be a secret.
            variables.Add(
                EnvironmentVariable.IsWellFormed(line)
                    ? line
                    : throw ToolException.Usage(
                        $"line {index + 1} of the file {Shown.Text(path)} is no variable; expected "
                            + $"{EnvironmentVariable.Expected}"
                    )
            );
        }

        return variables;
    }
}
