namespace NativeCollectives.Bench;

/// <summary>How often an operation is measured in one round.</summary>
/// <param name="Iterations">Exactly so often; 0: as often as takes about <paramref name="Seconds"/>, within the limits below.</param>
internal sealed record Pace(int Iterations, double Seconds)
{
    public const double WarmUpSeconds = 0.1;
    public const int MinIterations = 5;
    public const int MaxIterations = 100_000;

    /// <summary>Times that a rank has to make room for.</summary>
    public int Capacity => Math.Max(Iterations, MaxIterations);
}
