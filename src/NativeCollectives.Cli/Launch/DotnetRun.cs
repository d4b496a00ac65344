namespace NativeCollectives.Cli.Launch;

/// <summary>
/// A <c>dotnet run</c> that builds first. Several at once would build the same files at the same time and fail, so that
/// the tool builds once, and then the ranks run what is built.
/// </summary>
/// <param name="Build">The command that builds.</param>
/// <param name="Run">The command of the ranks, which does not.</param>
internal sealed record DotnetRun(IReadOnlyList<string> Build, IReadOnlyList<string> Run)
{
    /// <summary>Options of <c>dotnet run</c> that <c>dotnet build</c> has too, and that take a value.</summary>
    private static readonly string[] _shared =
    [
        "-c",
        "--configuration",
        "-f",
        "--framework",
        "-r",
        "--runtime",
        "-a",
        "--arch",
        "--os",
        "--artifacts-path",
        "--property",
    ];

    /// <summary>Those that only <c>dotnet run</c> has, and that take a value.</summary>
    private static readonly string[] _own = ["-lp", "--launch-profile", "-e", "--environment", "-v", "--verbosity"];

    private static readonly string[] _sharedFlags =
    [
        "--no-restore",
        "--no-dependencies",
        "--force",
        "--self-contained",
        "--sc",
        "--no-self-contained",
        "--disable-build-servers",
    ];
    private static readonly string[] _ownFlags = ["--no-launch-profile", "--interactive", "--no-cache"];

    /// <summary>What a command comes to; null if it is no <c>dotnet run</c>, or one that builds nothing.</summary>
    /// <param name="command">The program and its arguments.</param>
    public static DotnetRun? Parse(IReadOnlyList<string> command)
    {
        if (command.Count < 2 || Path.GetFileName(command[0]) != "dotnet" || command[1] != "run")
        {
            return null;
        }

        List<string> options = [];
        string? project = null;
        for (var index = 2; index < command.Count; index++)
        {
            var word = command[index];
            var value = index + 1 < command.Count ? command[index + 1] : "";
            if (word is "--no-build" or "-h" or "--help" or "-?")
            {
                return null;
            }

            if (word is "--project" or "--file" || (word == "-p" && !value.Contains('=')))
            {
                project = value;
                index++;
            }
            else if (
                word.StartsWith("--project=", StringComparison.Ordinal)
                || word.StartsWith("--file=", StringComparison.Ordinal)
            )
            {
                project = word[(word.IndexOf('=') + 1)..];
            }
            else if (_shared.Contains(word) || word == "-p")
            {
                options.AddRange([word, value]);
                index++;
            }
            else if (_own.Contains(word))
            {
                index++;
            }
            else if (_sharedFlags.Contains(word) || HasValue(word))
            {
                options.Add(word);
            }
            else if (!_ownFlags.Contains(word))
            {
                // The program's own arguments begin here, after -- or with the name of a file that is a program.
                project ??= word.EndsWith(".cs", StringComparison.Ordinal) ? word : null;
                break;
            }
        }

        string[] what = project is null ? [] : [project];
        return new DotnetRun(
            [
                command[0],
                "build",
                .. what,
                .. options,
                "--disable-build-servers",
                "--nologo",
                "--verbosity",
                "quiet",
                "-consoleLoggerParameters:NoSummary",
            ],
            [command[0], "run", "--no-build", .. command.Skip(2)]
        );
    }

    /// <summary>Such as -p:Name=Value, or -c=Release.</summary>
    private static bool HasValue(string word) =>
        word.StartsWith('-')
        && word.IndexOfAny([':', '=']) is > 0 and var end
        && (_shared.Contains(word[..end]) || word[..end] == "-p");
}
