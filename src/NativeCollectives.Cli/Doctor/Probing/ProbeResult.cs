using System.Text.Json.Serialization;

namespace NativeCollectives.Cli.Doctor.Probing;

/// <summary>What the source of a link has found out. What it did not come to is <see langword="null"/>.</summary>
internal sealed record ProbeResult
{
    /// <summary>The step that failed; <see langword="null"/>: none.</summary>
    public ProbeStep? FailedStep { get; init; }

    /// <summary>Why it failed.</summary>
    public string? Error { get; init; }

    /// <summary>The own end of the connection.</summary>
    public string? From { get; init; }

    /// <summary>The other end, as it was resolved.</summary>
    public string? To { get; init; }

    /// <summary>Median of the round trips of a small message, in microseconds.</summary>
    public double? LatencyUs { get; init; }

    /// <summary>From the source to the target, in 10⁹ bits per second.</summary>
    public double? ForwardGbps { get; init; }

    /// <summary>From the target to the source, in 10⁹ bits per second.</summary>
    public double? BackwardGbps { get; init; }

    /// <summary>The lower of the two bandwidths.</summary>
    [JsonIgnore]
    public double? LowestGbps =>
        ForwardGbps is { } forward && BackwardGbps is { } backward ? Math.Min(forward, backward) : null;

    public static ProbeResult Failed(ProbeException failure) =>
        new() { FailedStep = failure.Step, Error = failure.Message };
}
