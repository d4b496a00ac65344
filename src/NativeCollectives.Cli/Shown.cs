using System.Globalization;
using System.Text;

namespace NativeCollectives.Cli;

/// <summary>Texts that come from elsewhere, as a message can show them: on one line, without what a terminal would obey, and not too long.</summary>
internal static class Shown
{
    private const int Longest = 200;

    /// <summary>The text, with control characters escaped.</summary>
    /// <param name="text">The text.</param>
    /// <param name="longest">About so many characters are shown, at most.</param>
    public static string Text(string text, int longest = Longest)
    {
        var shown = new StringBuilder(Math.Min(text.Length, longest));
        foreach (Rune letter in text.EnumerateRunes())
        {
            if (shown.Length >= longest)
            {
                return shown.Append(CultureInfo.InvariantCulture, $"… ({text.Length} characters)").ToString();
            }

            _ = Rune.IsControl(letter) && letter.Value != '\t'
                ? shown.Append(CultureInfo.InvariantCulture, $"\\u{letter.Value:x4}")
                : shown.Append(letter.ToString());
        }

        return shown.ToString();
    }
}
