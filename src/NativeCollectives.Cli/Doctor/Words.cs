using System.Globalization;

namespace NativeCollectives.Cli.Doctor;

/// <summary>How numbers are written for people.</summary>
internal static class Words
{
    public static string Of(TimeSpan time) =>
        time < TimeSpan.FromSeconds(1)
            ? Invariant($"{time.TotalMilliseconds:0.#} ms")
            : Invariant($"{time.TotalSeconds:0.##} s");

    /// <summary>A bandwidth in 10⁹ bits per second.</summary>
    public static string Gbps(double gbps) =>
        gbps switch
        {
            >= 10 => Invariant($"{gbps:0.0} Gbit/s"),
            >= 1 => Invariant($"{gbps:0.00} Gbit/s"),
            _ => Invariant($"{gbps * 1000:0.##} Mbit/s"),
        };

    /// <summary>A time in microseconds.</summary>
    public static string Microseconds(double time) =>
        time < 1000 ? Invariant($"{time:0} µs") : Invariant($"{time / 1000:0.0} ms");

    public static string Bytes(double bytes) =>
        bytes switch
        {
            >= 1L << 30 => Invariant($"{bytes / (1L << 30):0.#} GiB"),
            >= 1L << 20 => Invariant($"{bytes / (1L << 20):0.#} MiB"),
            >= 1L << 10 => Invariant($"{bytes / (1L << 10):0.#} KiB"),
            _ => Invariant($"{bytes:0} bytes"),
        };

    /// <summary>Such as <c>1 rank</c>, <c>2 ranks</c>.</summary>
    public static string Count(int count, string one, string? many = null) =>
        Invariant($"{count} {(count == 1 ? one : many ?? one + "s")}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
