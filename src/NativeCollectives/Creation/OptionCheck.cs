using System.Globalization;
using System.Text;

namespace NativeCollectives;

/// <summary>What the options of every backend are checked with before anything is done.</summary>
internal static class OptionCheck
{
    // An id of NCCL's has 256 digits, a daemon's message with one several hundred characters.
    private const int MaxShown = 80;

    /// <summary>Throws because of the first problem, if there is one.</summary>
    /// <param name="problems">The problems.</param>
    /// <param name="nameOf">How settings are called; <see langword="null"/>: as in code.</param>
    internal static void RequireNone(IEnumerable<OptionProblem> problems, Func<SettingName, string>? nameOf = null)
    {
        if (problems.FirstOrDefault() is { } first)
        {
            throw first.ToException(nameOf ?? InCode);
        }
    }

    /// <summary>How settings are called in code, such as <c>RingOptions.Rank</c>.</summary>
    internal static string InCode(SettingName setting) => setting.ToString();

    /// <summary>The problem of a path that is there, but can be none.</summary>
    internal static IEnumerable<OptionProblem> Path(string? path, SettingName setting) =>
        path is not null && IsBlank(path) ? [new(setting, $"\"{Visible(path)}\"", $"should be a path")] : [];

    /// <summary>The problem of an address that is there, but can be none.</summary>
    internal static IEnumerable<OptionProblem> Address(string? address, SettingName setting) =>
        address is not null && HostAndPort.Parse(address) is null
            ? [new(setting, $"\"{Visible(address)}\"", $"should be host:port, or [host]:port with an IPv6 address")]
            : [];

    /// <summary>The problem of a number that is there, but too small.</summary>
    internal static IEnumerable<OptionProblem> AtLeast(
        int least,
        int? number,
        SettingName setting,
        FormattableString expected
    ) => number < least ? [new(setting, Text(number), expected)] : [];

    /// <summary>The problem of the own rank, if it is there, but not among the ranks that a list has.</summary>
    /// <param name="rank">The rank.</param>
    /// <param name="setting">What told it.</param>
    /// <param name="list">What has one entry per rank.</param>
    /// <param name="count">How many it has; 0: it is not there, or empty, which is a problem of its own.</param>
    internal static IEnumerable<OptionProblem> RankWithin(
        int? rank,
        SettingName setting,
        SettingName list,
        int count
    ) =>
        count > 0 && rank >= count
            ?
            [
                new(
                    setting,
                    Text(rank),
                    $"{list} lists {count} {(count == 1 ? "rank" : "ranks")}, from 0 to {count - 1}"
                ),
            ]
            : [];

    internal static string Text(int? number) => string.Create(CultureInfo.InvariantCulture, $"{number}");

    internal static bool IsBlank(string? text) =>
        string.IsNullOrWhiteSpace(text) || text.Contains('\0', StringComparison.Ordinal);

    /// <summary>A text as a message can show it: on one line.</summary>
    internal static string? Visible(string? text)
    {
        if (text is null || !text.Any(char.IsControl))
        {
            return text;
        }

        var visible = new StringBuilder(text.Length);
        foreach (char character in text)
        {
            _ = character switch
            {
                '\0' => visible.Append("\\0"),
                '\n' => visible.Append("\\n"),
                '\r' => visible.Append("\\r"),
                _ when char.IsControl(character) && character != '\t' => visible.Append(
                    CultureInfo.InvariantCulture,
                    $"\\u{(int)character:x4}"
                ),
                _ => visible.Append(character),
            };
        }

        return visible.ToString();
    }

    /// <summary>
    /// A value in quotes, as a message can show it. A long one is not shown, but described: it can be something secret
    /// that has got into the wrong place, such as NCCL's id.
    /// </summary>
    internal static string Quoted(string text) =>
        text.Length <= MaxShown
            ? $"\"{Visible(text)}\""
            : string.Create(CultureInfo.InvariantCulture, $"a text of {text.Length} characters");
}
