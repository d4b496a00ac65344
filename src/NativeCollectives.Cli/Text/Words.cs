using System.Globalization;

namespace NativeCollectives.Cli;

/// <summary>
/// How counts and rates are written for people. <see cref="ByteSize"/> and <see cref="Duration"/> write the rest.
/// </summary>
internal static class Words
{
    /// <summary>A bandwidth in 10⁹ bits per second.</summary>
    public static string Gbps(double gbps) =>
        gbps switch
        {
            >= 10 => Invariant($"{gbps:0.0} Gbit/s"),
            >= 1 => Invariant($"{gbps:0.00} Gbit/s"),
            _ => Invariant($"{gbps * 1000:0.##} Mbit/s"),
        };

    /// <summary>Such as <c>1 rank</c>, <c>2 ranks</c>.</summary>
    public static string Count(int count, string one, string? many = null) =>
        Invariant($"{count} {(count == 1 ? one : many ?? one + "s")}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
