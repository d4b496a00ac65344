using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace NativeCollectives;

/// <summary>What the options of every backend are checked with before anything is done.</summary>
internal static class OptionCheck
{
    // An id of NCCL's has 256 digits, a daemon's message with one several hundred characters.
    private const int MaxShown = 80;

    internal static ArgumentException Invalid(string message) => new(message, "options");

    internal static void Require([DoesNotReturnIf(false)] bool isTrue, string otherwise)
    {
        if (!isTrue)
        {
            throw Invalid(otherwise);
        }
    }

    /// <summary>Throws unless a path is absent, or can be one.</summary>
    internal static void RequirePath(string? path, string option) =>
        Require(path is null || !IsBlank(path), $"{option} is \"{Visible(path)}\", which is not a path.");

    internal static void RequireAddress(string? address, string option) =>
        Require(
            address is null || HostAndPort.Parse(address) is not null,
            $"{option} is \"{Visible(address)}\", but should be host:port, or [host]:port with an IPv6 address."
        );

    /// <summary>
    /// Throws unless the own rank is absent, or among the ranks that an option of the same class lists.
    /// </summary>
    /// <param name="rank">The rank.</param>
    /// <param name="variable">The environment variable that gave it; <see langword="null"/>: the option did.</param>
    /// <param name="options">The name of the class of the options.</param>
    /// <param name="list">The name of the option that has one entry per rank.</param>
    /// <param name="count">How many it has.</param>
    /// <param name="backend">The backend's name.</param>
    internal static void RequireRankWithin(
        int? rank,
        string? variable,
        string options,
        string list,
        int count,
        string backend
    )
    {
        if (rank is null || rank < count)
        {
            return;
        }

        string outOfRange =
            $"is {rank}, but {options}.{list} lists {count} rank{(count == 1 ? "" : "s")}, from 0 to {count - 1}.";
        throw variable is null
            ? Invalid($"{options}.Rank {outOfRange}")
            : new RendezvousException($"The environment variable {variable} {outOfRange}")
            {
                Backend = backend,
                Rank = rank.Value,
            };
    }

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
