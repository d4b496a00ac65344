using System.Globalization;

namespace NativeCollectives;

/// <summary>Numbers as Slurm writes them: <c>2(x3),1</c> is 2, 2, 2, 1.</summary>
internal static class TaskCounts
{
    private const int MaxTasks = 1 << 20;

    /// <summary>The single numbers; <see langword="null"/> if the text is no such list.</summary>
    internal static IReadOnlyList<int>? Expand(string text)
    {
        List<int> counts = [];
        foreach (string part in text.Split(','))
        {
            int open = part.IndexOf("(x", StringComparison.Ordinal);
            int times = 1;
            if (
                (open >= 0 && (part[^1] != ')' || !IsNumber(part[(open + 2)..^1], out times)))
                || !IsNumber(open < 0 ? part : part[..open], out int count)
                || counts.Count + (long)times > MaxTasks
            )
            {
                return null;
            }

            counts.AddRange(Enumerable.Repeat(count, times));
        }

        return counts;
    }

    private static bool IsNumber(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number)
        && number is >= 1 and <= MaxTasks;
}
