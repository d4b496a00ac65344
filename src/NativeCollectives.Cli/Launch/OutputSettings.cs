using System.Globalization;
using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Launch;

/// <summary>How the lines of one of the tool's streams look.</summary>
/// <param name="IsPrefixed">Whether they begin with the rank.</param>
/// <param name="IsColored">Whether that is coloured.</param>
internal readonly record struct OutputSettings(bool IsPrefixed, bool IsColored)
{
    // Cyan, yellow, green, magenta, blue, and their bright ones; no red, which programs use for errors.
    private static readonly int[] _colors = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94];

    /// <summary>
    /// What the options say of a stream; on a terminal lines have coloured prefixes unless the terminal or NO_COLOR
    /// says otherwise, elsewhere they are left as they are.
    /// </summary>
    public static OutputSettings Of(LaunchOptions options, bool isTerminal, Func<string, string?> variables) =>
        new(
            options.IsPrefixed ?? isTerminal,
            options.Color switch
            {
                ColorMode.Always => true,
                ColorMode.Never => false,
                _ => isTerminal && string.IsNullOrEmpty(variables("NO_COLOR")) && variables("TERM") != "dumb",
            }
        );

    public static OutputSettings Of(LaunchOptions options, int descriptor) =>
        Of(options, StandardStreams.IsTerminal(descriptor), Environment.GetEnvironmentVariable);

    /// <summary>What a rank's lines begin with.</summary>
    public string Prefix(int rank, int size)
    {
        if (!IsPrefixed)
        {
            return "";
        }

        var width = (size - 1).ToString(CultureInfo.InvariantCulture).Length;
        var text = $"[{rank.ToString(CultureInfo.InvariantCulture).PadLeft(width)}]";
        return IsColored
            ? string.Create(CultureInfo.InvariantCulture, $"\e[{_colors[rank % _colors.Length]}m{text}\e[0m ")
            : text + " ";
    }
}

/// <summary>When prefixes are coloured.</summary>
internal enum ColorMode
{
    Auto,
    Always,
    Never,
}
