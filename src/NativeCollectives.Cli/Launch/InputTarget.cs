using System.Globalization;

namespace NativeCollectives.Cli.Launch;

/// <summary>Which ranks get the tool's standard input.</summary>
/// <param name="Rank">The only one; null: all, or none.</param>
/// <param name="IsForAll">Whether all get it, where none is named.</param>
internal readonly record struct InputTarget(int? Rank, bool IsForAll)
{
    /// <summary>What one looks like, for errors.</summary>
    public const string Expected = "the number of a rank, all or none";

    public static readonly InputTarget RankZero = new(0, false);

    /// <summary>Reads one; null if the text is none.</summary>
    public static InputTarget? Parse(string text) =>
        text switch
        {
            "all" => new(null, true),
            "none" => new(null, false),
            _ => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var rank)
                ? new(rank, false)
                : null,
        };

    public bool Includes(int rank) => Rank is { } only ? rank == only : IsForAll;
}
