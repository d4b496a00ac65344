namespace NativeCollectives.Hosting;

/// <summary>One value of a configuration, before anybody has looked at what it says.</summary>
/// <param name="Key">The key below the section, such as <c>Ring:Rank</c>.</param>
/// <param name="Value">The value; <see langword="null"/>: the key is there without one.</param>
/// <param name="Source">Where it came from, in words.</param>
/// <param name="Launcher">
/// The provider that made it of a launcher's variables; <see langword="null"/>: somebody has written it for this
/// program.
/// </param>
internal sealed record SettingEntry(string Key, string? Value, string Source, LauncherConfigurationProvider? Launcher)
{
    /// <summary>What is wrong with the launcher's variables, so that there is no value.</summary>
    internal string? Problem { get; init; }
}
