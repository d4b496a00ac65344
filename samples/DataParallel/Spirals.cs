namespace NativeCollectives.Samples.DataParallel;

/// <summary>Two spirals, one inside the other: no straight line tells them apart.</summary>
internal static class Spirals
{
    /// <summary>The same points for the same seed, on every rank.</summary>
    public static IReadOnlyList<Point> Make(int pointsPerSpiral, int seed)
    {
        var random = new Random(seed);
        var points = new List<Point>();
        for (var index = 0; index < pointsPerSpiral; index++)
        {
            var radius = 0.1 + (0.9 * index / pointsPerSpiral);
            var angle = 2 * Math.PI * radius;
            foreach (var label in new[] { 1.0, -1.0 })
            {
                // The second spiral is the first one turned by half a circle.
                points.Add(
                    new Point(
                        [(label * radius * Math.Cos(angle)) + Noise(), (label * radius * Math.Sin(angle)) + Noise()],
                        label
                    )
                );
            }
        }

        return points;

        double Noise() => 0.02 * ((2 * random.NextDouble()) - 1);
    }
}
