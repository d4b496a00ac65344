using System.Reflection;

namespace NativeCollectives;

/// <summary>
/// The names under which groups report metrics and traces: those of a
/// <see cref="System.Diagnostics.Metrics.Meter"/> and of an <see cref="System.Diagnostics.ActivitySource"/>.
/// </summary>
/// <remarks>
/// Every group reports, without any registration. As long as nobody listens, nothing is measured and nothing is
/// allocated. <c>docs/telemetry.md</c> lists the instruments, the activities and their attributes.
/// </remarks>
public static class CollectiveTelemetry
{
    /// <summary>The name of the meter: <c>NativeCollectives</c>.</summary>
    public const string MeterName = "NativeCollectives";

    /// <summary>The name of the source of activities: <c>NativeCollectives</c>.</summary>
    public const string ActivitySourceName = "NativeCollectives";

    /// <summary>The version of this library, which the meter and the source have too.</summary>
    internal static string? Version { get; } =
        typeof(CollectiveTelemetry)
            .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()
            ?.InformationalVersion;
}
