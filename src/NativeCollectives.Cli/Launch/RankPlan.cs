using NativeCollectives.Cli.Hosts;
using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Launch;

/// <summary>What is to be started for one rank.</summary>
/// <param name="Rank">Its number.</param>
/// <param name="Host">Where.</param>
/// <param name="Command">The program and its arguments.</param>
internal sealed record RankPlan(int Rank, Host Host, IReadOnlyList<string> Command)
{
    /// <summary>The variables that it gets beside those it would have anyway.</summary>
    public required IReadOnlyDictionary<string, string> Variables { get; init; }

    /// <summary>Those of them whose values nobody else is to see.</summary>
    public IReadOnlySet<string> Secrets { get; init; } = new HashSet<string>();

    /// <summary>A variable that names a file, and the file's text.</summary>
    public KeyValuePair<string, string>? File { get; init; }

    /// <summary>The folder that somebody has named for it; null: the tool's own, where the host has it.</summary>
    public string? Folder { get; init; }

    /// <summary>
    /// What is started where, with every variable, so that it can be run by hand; secrets are not shown.
    /// </summary>
    /// <param name="temporary">The folder of a local rank's file.</param>
    public string Describe(string temporary)
    {
        IEnumerable<KeyValuePair<string, string>> variables =
            File is { } file && !Variables.ContainsKey(file.Key)
                ? Variables.Append(new(file.Key, Host.IsLocal ? PathOf(file, temporary) : $"a file of {file.Value}"))
                : Variables;
        var settings = variables.Select(variable =>
            $"{variable.Key}={(Secrets.Contains(variable.Key) ? "***" : Word(variable.Value))}"
        );
        return $"rank {Rank} on {Host.Ssh}: {string.Join(' ', settings.Concat(Command.Select(Word)))}";
    }

    private static string Word(string text) => ShellQuoting.Quote(Shown.Text(text, 4000));

    /// <summary>Where a local rank's file is; the same for all.</summary>
    public static string PathOf(KeyValuePair<string, string> file, string temporary) =>
        Path.Combine(temporary, $"{file.Key}.json");
}
