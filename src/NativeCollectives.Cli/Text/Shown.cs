using System.Text.Json;

namespace NativeCollectives.Cli;

/// <summary>
/// Texts that come from elsewhere, as a message can show them: on one line, without what a terminal would obey, and not
/// too long.
/// </summary>
internal static class Shown
{
    private const int Longest = 200;

    /// <summary>The text, with control characters escaped.</summary>
    /// <param name="text">The text.</param>
    /// <param name="longest">So many characters of it are shown, at most.</param>
    public static string Text(string text, int longest = Longest) =>
        text.Length <= longest
            ? OptionCheck.Visible(text)!
            : $"{OptionCheck.Visible(text[..longest])}… ({text.Length} characters)";

    /// <summary>JSON that is not what it should be: what it is, or, where it is short, itself.</summary>
    public static string Json(JsonElement element) =>
        element.ValueKind switch
        {
            JsonValueKind.Array => "a list",
            JsonValueKind.Object => "an object",
            _ => Text(element.GetRawText()),
        };
}
