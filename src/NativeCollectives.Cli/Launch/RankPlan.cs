using NativeCollectives.Cli.Hosts;

namespace NativeCollectives.Cli.Launch;

/// <summary>What is to be started for one rank.</summary>
/// <param name="Rank">Its number.</param>
/// <param name="Host">Where.</param>
/// <param name="Command">The program and its arguments.</param>
internal sealed record RankPlan(int Rank, Host Host, IReadOnlyList<string> Command)
{
    /// <summary>The variables that it gets beside those it would have anyway.</summary>
    public required IReadOnlyDictionary<string, string> Variables { get; init; }

    /// <summary>A variable that names a file, and the file's text.</summary>
    public KeyValuePair<string, string>? File { get; init; }

    /// <summary>The folder that somebody has named for it; null: the tool's own, where the host has it.</summary>
    public string? Folder { get; init; }
}
