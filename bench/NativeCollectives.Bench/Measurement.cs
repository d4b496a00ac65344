using System.Globalization;
using System.Runtime.InteropServices;

namespace NativeCollectives.Bench;

/// <summary>What the ranks of a system report about one size. Rank 0 writes it as a line of text: <c>count iterations cpu_us errors time_ns...</c></summary>
/// <param name="Count">Elements of a block.</param>
/// <param name="CpuMicroseconds">Processor time of all ranks for all measured operations.</param>
/// <param name="Errors">Wrong elements on all ranks, in the checked operations before and after the measured ones.</param>
/// <param name="Nanoseconds">The time of each measured operation, the mean of the ranks; where batches are measured, the mean of each batch.</param>
internal sealed record Measurement(long Count, double CpuMicroseconds, long Errors, IReadOnlyList<double> Nanoseconds)
{
    public static void Write(TextWriter writer, Measurement measurement)
    {
        writer.Write(FormattableString.Invariant(
            $"{measurement.Count} {measurement.Nanoseconds.Count} {measurement.CpuMicroseconds:F0} {measurement.Errors}"));
        foreach (var time in measurement.Nanoseconds)
        {
            writer.Write(' ');
            writer.Write(time.ToString("F0", CultureInfo.InvariantCulture));
        }
        writer.Write('\n');
    }

    /// <summary>Reads what rank 0 wrote, and sees to it that it is all there.</summary>
    public static IReadOnlyList<Measurement> Read(string path, IReadOnlyList<long> counts, string system)
    {
        var measurements = File.ReadLines(path).Select(Parse).ToList();
        return measurements.Select(measurement => measurement?.Count ?? -1).SequenceEqual(counts)
            ? [.. measurements.OfType<Measurement>()]
            : throw new BenchmarkException($"{system} did not report the {counts.Count} sizes that it was to measure");
    }

    /// <summary>The same size measured in several rounds.</summary>
    public static Measurement Combine(IReadOnlyCollection<Measurement> rounds) =>
        new(rounds.First().Count,
            rounds.Sum(round => round.CpuMicroseconds),
            rounds.Sum(round => round.Errors),
            [.. rounds.SelectMany(round => round.Nanoseconds)]);

    private static Measurement? Parse(string line)
    {
        var values = new List<double>();
        foreach (var field in line.AsSpan().Split(' '))
        {
            if (!double.TryParse(line.AsSpan(field), NumberStyles.Float, CultureInfo.InvariantCulture, out var value))
            {
                return null;
            }
            values.Add(value);
        }
        return values.Count > 4 && values.Count == 4 + values[1]
            ? new Measurement((long)values[0], values[2], (long)values[3], CollectionsMarshal.AsSpan(values)[4..].ToArray())
            : null;
    }
}
