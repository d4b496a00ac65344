namespace NativeCollectives.Cli.Bench;

/// <summary>How often an operation is measured in one round.</summary>
/// <param name="Iterations">
/// Exactly so often; 0: as often as takes about <paramref name="Seconds"/>, within the limits below.
/// </param>
/// <param name="Seconds">How long.</param>
/// <param name="Batch">
/// The operations of an iteration. 1: one, which blocks. More: they are put on a stream one after the other, and then
/// waited for together.
/// </param>
/// <param name="WarmUp">
/// How often it runs before; <see langword="null"/>: a tenth of <paramref name="Iterations"/>, or without them for
/// <see cref="WarmUpSeconds"/>.
/// </param>
internal sealed record Pace(int Iterations, double Seconds, int Batch = 1, int? WarmUp = null)
{
    public const double WarmUpSeconds = 0.1;
    public const int MinIterations = 5;
    public const int MaxIterations = 100_000;

    /// <summary>As many as nccl-tests puts on a stream.</summary>
    public const int StreamBatch = 20;

    /// <summary>Times that a rank has to make room for.</summary>
    public int Capacity => Math.Max(Iterations, MaxIterations);

    /// <summary>The pace of one of several rounds.</summary>
    /// <param name="operations">
    /// How many operations in all rounds together; 0: as <paramref name="seconds"/> says.
    /// </param>
    /// <param name="seconds">How long in all rounds together.</param>
    /// <param name="rounds">How many rounds.</param>
    /// <param name="batch">See <see cref="Batch"/>.</param>
    public static Pace OfRound(int operations, double seconds, int rounds, int batch) =>
        new((operations + (rounds * batch) - 1) / (rounds * batch), seconds / rounds, batch);
}
