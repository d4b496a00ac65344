using System.Globalization;
using System.Runtime.InteropServices;

namespace NativeCollectives.Cli.Bench;

/// <summary>
/// What the ranks of a system report about one size of one case. Rank 0 writes it as a line of text: <c>count
/// iterations cpu_us errors time_ns...</c>; or, if the case cannot be measured, <c>- reason</c>.
/// </summary>
/// <param name="Count">Elements of a block.</param>
/// <param name="CpuMicroseconds">Processor time of all ranks for all measured operations.</param>
/// <param name="Errors">
/// Wrong elements on all ranks, in the checked operations before and after the measured ones.
/// </param>
/// <param name="Nanoseconds">
/// The time of each measured operation, the mean of the ranks; where batches are measured, the mean of each batch.
/// </param>
internal sealed record Measurement(long Count, double CpuMicroseconds, long Errors, IReadOnlyList<double> Nanoseconds)
{
    private const string UnsupportedMark = "- ";

    /// <summary>
    /// Why the backend cannot do this case, none of whose sizes is measured; <see langword="null"/>: it can, and this
    /// is a measurement.
    /// </summary>
    public string? Unsupported { get; private init; }

    /// <summary>The report on a case that the backend cannot do.</summary>
    public static Measurement OfUnsupported(string reason) =>
        new(0, 0, 0, []) { Unsupported = reason.ReplaceLineEndings(" ") };

    public static void Write(TextWriter writer, Measurement measurement)
    {
        if (measurement.Unsupported is { } reason)
        {
            writer.Write(UnsupportedMark + reason + "\n");
            return;
        }

        string cpu = measurement.CpuMicroseconds.ToString("F0", CultureInfo.InvariantCulture);
        string counts = FormattableString.Invariant($"{measurement.Count} {measurement.Nanoseconds.Count}");
        writer.Write($"{counts} {cpu} {measurement.Errors}");
        foreach (double time in measurement.Nanoseconds)
        {
            writer.Write(' ');
            writer.Write(time.ToString("F0", CultureInfo.InvariantCulture));
        }

        writer.Write('\n');
    }

    /// <summary>Reads a line that rank 0 wrote; <see langword="null"/>: it is none.</summary>
    public static Measurement? Parse(string line)
    {
        if (line.StartsWith(UnsupportedMark, StringComparison.Ordinal))
        {
            return OfUnsupported(line[UnsupportedMark.Length..]);
        }

        List<double> values = [];
        foreach (Range field in line.AsSpan().Split(' '))
        {
            if (
                !double.TryParse(line.AsSpan(field), NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            )
            {
                return null;
            }

            values.Add(value);
        }

        return values.Count > 4 && values.Count == 4 + values[1]
            ? new Measurement(
                (long)values[0],
                values[2],
                (long)values[3],
                CollectionsMarshal.AsSpan(values)[4..].ToArray()
            )
            : null;
    }

    /// <summary>Reads the file that a system has written, and sees to it that all counts are there.</summary>
    /// <exception cref="ToolException">They are not.</exception>
    public static IReadOnlyList<Measurement> Read(string path, IReadOnlyList<long> counts, string system)
    {
        List<Measurement?> measurements = [.. File.ReadLines(path).Select(Parse)];
        return measurements.Select(measurement => measurement?.Count ?? -1).SequenceEqual(counts)
            ? [.. measurements.OfType<Measurement>()]
            : throw new ToolException($"{system} did not report the {counts.Count} sizes that it was to measure.");
    }

    /// <summary>The same size measured in several rounds.</summary>
    public static Measurement Combine(IReadOnlyCollection<Measurement> rounds) =>
        new(
            rounds.First().Count,
            rounds.Sum(round => round.CpuMicroseconds),
            rounds.Sum(round => round.Errors),
            [.. rounds.SelectMany(round => round.Nanoseconds)]
        );
}
