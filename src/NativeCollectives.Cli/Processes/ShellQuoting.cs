using System.Text;

namespace NativeCollectives.Cli.Processes;

/// <summary>Texts as words of the POSIX shell.</summary>
internal static class ShellQuoting
{
    /// <summary>One word that the shell takes for exactly this text.</summary>
    public static string Quote(string text) =>
        text.Length > 0 && text.All(IsPlain) ? text : $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    /// <summary>A command of these words.</summary>
    public static string Join(IEnumerable<string> words) =>
        new StringBuilder().AppendJoin(' ', words.Select(Quote)).ToString();

    // A leading ~ or a = in the first word would mean something to the shell; neither is plain.
    private static bool IsPlain(char letter) => char.IsAsciiLetterOrDigit(letter) || "@%+:,./-_".Contains(letter);
}
