using System.Globalization;

namespace NativeCollectives.Cli;

/// <summary>
/// Numbers of bytes as people write them: <c>8</c>, <c>64K</c>, <c>64KiB</c>, <c>256M</c>, <c>1G</c>; the units are
/// powers of 1024.
/// </summary>
internal static class ByteSize
{
    private static readonly string[] _units = ["B", "KiB", "MiB", "GiB"];

    public static bool TryParse(string text, out long bytes)
    {
        ReadOnlySpan<char> digits = text.AsSpan().TrimEnd("KMGiB ");
        string unit = text[digits.Length..].Trim();
        int power = unit.Length == 0 ? 0 : Array.FindIndex(_units, name => unit == name || unit == name[..1]);
        if (
            power < 0
            || !long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out bytes)
            || bytes > long.MaxValue >> (10 * power)
        )
        {
            bytes = 0;
            return false;
        }

        bytes <<= 10 * power;
        return true;
    }

    /// <summary>Exactly, in the largest unit of which it is a multiple.</summary>
    public static string Format(long bytes)
    {
        int power = 0;
        while (power < _units.Length - 1 && bytes != 0 && bytes % 1024 == 0)
        {
            bytes /= 1024;
            power++;
        }

        return $"{bytes} {_units[power]}";
    }

    /// <summary>Rounded, in the largest unit of which there is at least one.</summary>
    public static string Rounded(double bytes) =>
        bytes switch
        {
            >= 1L << 30 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1L << 30):0.#} GiB"),
            >= 1L << 20 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1L << 20):0.#} MiB"),
            >= 1L << 10 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1L << 10):0.#} KiB"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{bytes:0} bytes"),
        };
}
