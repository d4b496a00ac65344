using System.Globalization;

namespace NativeCollectives.Cli.Launch;

/// <summary>Several ranks in words.</summary>
internal static class Ranks
{
    private const int MostNamed = 8;

    /// <summary>Such as: rank 2; ranks 0, 2 and 3.</summary>
    public static string List(IEnumerable<Rank> ranks)
    {
        string[] numbers =
        [
            .. ranks
                .Select(static rank => rank.Plan.Rank)
                .Order()
                .Select(static rank => rank.ToString(CultureInfo.InvariantCulture)),
        ];
        return numbers switch
        {
            [var only] => $"rank {only}",
            { Length: > MostNamed } =>
                $"ranks {string.Join(", ", numbers[..MostNamed])} and {numbers.Length - MostNamed} more",
            _ => $"ranks {string.Join(", ", numbers[..^1])} and {numbers[^1]}",
        };
    }
}
