using System.Text;

namespace NativeCollectives.Cli.Processes;

/// <summary>Finds a program as a shell does.</summary>
internal static class ProgramFile
{
    /// <summary>The path of a program's file.</summary>
    /// <param name="program">
    /// A name that is looked for in the folders of PATH, or a path, relative to <paramref name="folder"/>.
    /// </param>
    /// <param name="folder">The folder in which the program starts.</param>
    /// <param name="path">The value of PATH.</param>
    /// <exception cref="ToolException">There is none (127), or it cannot be executed (126).</exception>
    public static string Find(string program, string folder, string? path)
    {
        if (program.Contains('/'))
        {
            var file = Path.Combine(folder, program);
            return IsExecutable(file) ? file
                : File.Exists(file) ? throw CannotExecute(file, "it has no permission to be executed")
                : Directory.Exists(file) ? throw CannotExecute(file, "it is a folder")
                : throw new ToolException($"the program {program} was not found in {folder}", ExitCodes.NotFound);
        }

        string? found = null;
        foreach (
            var candidate in (path ?? "/usr/local/bin:/usr/bin:/bin")
                .Split(':')
                .Select(entry => Path.Combine(folder, entry, program))
        )
        {
            if (IsExecutable(candidate))
            {
                return candidate;
            }

            found ??= File.Exists(candidate) ? candidate : null;
        }

        if (found is not null)
        {
            throw CannotExecute(found, "it has no permission to be executed");
        }

        var hint = File.Exists(Path.Combine(folder, program)) ? $"; for the one in {folder} write ./{program}" : "";
        throw new ToolException($"the program {program} was not found on PATH{hint}", ExitCodes.NotFound);
    }

    /// <summary>What a script says that it is to be run by; null if the file is no script.</summary>
    public static string? InterpreterOf(string file)
    {
        try
        {
            using var stream = new FileStream(
                file,
                FileMode.Open,
                FileAccess.Read,
                FileShare.ReadWrite | FileShare.Delete,
                bufferSize: 0
            );
            Span<byte> start = stackalloc byte[256];
            start = start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
            var end = start.IndexOf((byte)'\n');
            return start.StartsWith("#!"u8)
                ? Encoding.UTF8.GetString(end < 0 ? start[2..] : start[2..end]).TrimStart(' ', '\t')
                : null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>What is wrong with a script whose interpreter is not there.</summary>
    public static string LacksInterpreter(string interpreter)
    {
        var why = interpreter.EndsWith('\r')
            ? "; the script has the line ends of Windows (CRLF), so that a carriage return belongs to the name"
            : "";
        return $"its interpreter \"{Shown.Text(interpreter)}\" was not found{why}";
    }

    private static bool IsExecutable(string file) => File.Exists(file) && Libc.Access(file, Libc.ExecuteAccess) == 0;

    private static ToolException CannotExecute(string file, string why) =>
        new($"the program {file} cannot be executed: {why}", ExitCodes.CannotExecute);
}
