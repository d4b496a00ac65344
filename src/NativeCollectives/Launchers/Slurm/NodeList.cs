using System.Globalization;

namespace NativeCollectives;

/// <summary>Names of nodes as Slurm writes them: <c>a,b[1-3,07-10]x</c>.</summary>
internal static class NodeList
{
    private const int MaxNodes = 1 << 16;

    /// <summary>The single names, in order; <see langword="null"/> if the text is no such list.</summary>
    internal static IReadOnlyList<string>? Expand(string text)
    {
        List<string> names = [];
        foreach (string? pattern in SplitOutsideBrackets(text))
        {
            if (pattern is null || ExpandOne(pattern) is not { } expanded || names.Count + expanded.Count > MaxNodes)
            {
                return null;
            }

            names.AddRange(expanded);
        }

        return names.TrueForAll(HostAndPort.IsHost) ? names : null;
    }

    // At commas that are not in brackets; ends with null if the brackets do not fit together.
    private static IEnumerable<string?> SplitOutsideBrackets(string text)
    {
        int start = 0;
        bool isInside = false;
        for (int index = 0; index < text.Length; index++)
        {
            switch (text[index])
            {
                case '[' or ']' when (text[index] == '[') == isInside:
                    yield return null;
                    yield break;
                case '[' or ']':
                    isInside = !isInside;
                    break;
                case ',' when !isInside:
                    yield return text[start..index];
                    start = index + 1;
                    break;
            }
        }

        yield return isInside ? null : text[start..];
    }

    // A name may have several brackets: the last one counts fastest.
    private static List<string>? ExpandOne(string pattern)
    {
        List<string> names = [""];
        while (pattern.IndexOf('[', StringComparison.Ordinal) is >= 0 and var open)
        {
            int close = pattern.IndexOf(']', open);
            if (Numbers(pattern[(open + 1)..close]) is not { } numbers || (long)names.Count * numbers.Count > MaxNodes)
            {
                return null;
            }

            string before = pattern[..open];
            names = [.. names.SelectMany(name => numbers.Select(number => name + before + number))];
            pattern = pattern[(close + 1)..];
        }

        return [.. names.Select(name => name + pattern)];
    }

    // Numbers with as many digits as the first of their range.
    private static List<string>? Numbers(string ranges)
    {
        List<string> numbers = [];
        foreach (string range in ranges.Split(','))
        {
            string[] ends = range.Split('-');
            if (
                ends.Length > 2
                || !IsNumber(ends[0], out int first)
                || !IsNumber(ends[^1], out int last)
                || last < first
                || last - first >= MaxNodes
            )
            {
                return null;
            }

            string format = "D" + ends[0].Length.ToString(CultureInfo.InvariantCulture);
            numbers.AddRange(
                Enumerable
                    .Range(first, last - first + 1)
                    .Select(number => number.ToString(format, CultureInfo.InvariantCulture))
            );
        }

        return numbers.Count <= MaxNodes ? numbers : null;
    }

    private static bool IsNumber(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && text.Length <= 9;
}
