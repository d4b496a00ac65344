namespace NativeCollectives.Cli;

/// <summary>What is told of the times of one operation, in microseconds.</summary>
/// <param name="Min">The shortest.</param>
/// <param name="Median">The middle one, or the mean of the two in the middle.</param>
/// <param name="P99">The 99th percentile by nearest rank: of fewer than a hundred times it is the longest.</param>
internal readonly record struct Statistics(double Min, double Median, double P99)
{
    /// <param name="nanoseconds">The times, at least one, in any order.</param>
    public static Statistics Of(IEnumerable<double> nanoseconds)
    {
        double[] times = [.. nanoseconds.Select(time => time / 1000).Order()];
        return new Statistics(times[0], MedianOf(times), times[(int)Math.Ceiling(0.99 * times.Length) - 1]);
    }

    /// <summary>The middle one, or the mean of the two in the middle.</summary>
    /// <param name="values">The values, at least one, in any order.</param>
    public static double MedianOf(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
