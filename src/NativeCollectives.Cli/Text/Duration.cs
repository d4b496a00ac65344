using System.Globalization;

namespace NativeCollectives.Cli;

/// <summary>Durations, as options give them and as they are written for people.</summary>
internal static class Duration
{
    /// <summary>What one looks like, for help and errors.</summary>
    public const string Expected = "seconds such as 30 or 0.5, or a number with ms, s, m or h";

    /// <summary>Reads one.</summary>
    /// <returns>Null if the text is none, or negative, or above a year.</returns>
    public static TimeSpan? Parse(string text)
    {
        (var digits, var unit) = text switch
        {
            [.. var number, 'm', 's'] => (number, 0.001),
            [.. var number, 's'] => (number, 1.0),
            [.. var number, 'm'] => (number, 60.0),
            [.. var number, 'h'] => (number, 3600.0),
            _ => (text, 1.0),
        };
        return
            double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
            && value * unit <= TimeSpan.FromDays(365).TotalSeconds
            ? TimeSpan.FromSeconds(value * unit)
            : null;
    }

    /// <summary>To the millisecond, such as 1.5 s.</summary>
    public static string Describe(TimeSpan duration) =>
        string.Create(CultureInfo.InvariantCulture, $"{duration.TotalSeconds:0.###} s");

    /// <summary>Rounded: such as 250 ms, 1.25 s.</summary>
    public static string Rounded(TimeSpan duration) =>
        duration < TimeSpan.FromSeconds(1)
            ? string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMilliseconds:0.#} ms")
            : string.Create(CultureInfo.InvariantCulture, $"{duration.TotalSeconds:0.##} s");

    /// <summary>A number of microseconds, rounded: such as 12 µs, 1.5 ms.</summary>
    public static string Microseconds(double time) =>
        time < 1000
            ? string.Create(CultureInfo.InvariantCulture, $"{time:0} µs")
            : string.Create(CultureInfo.InvariantCulture, $"{time / 1000:0.0} ms");
}
