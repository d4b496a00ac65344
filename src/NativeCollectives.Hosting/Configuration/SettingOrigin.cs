namespace NativeCollectives.Hosting;

/// <summary>A setting that is in effect, and where it came from.</summary>
/// <param name="Key">The whole key, such as <c>NativeCollectives:Ring:Rank</c>.</param>
/// <param name="Value">The value as its source has it.</param>
/// <param name="Source">
/// The source in words, such as <c>environment variable MLX_RANK (MLX)</c>, <c>appsettings.json</c> or <c>default</c>.
/// </param>
public sealed record SettingOrigin(string Key, string? Value, string Source);
