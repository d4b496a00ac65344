using NativeCollectives;

namespace OpenTelemetry.Metrics;

/// <summary>Adds the metrics of NativeCollectives to those that OpenTelemetry exports.</summary>
public static class NativeCollectivesMeterProviderBuilderExtensions
{
    /// <summary>Exports the metrics of all groups of the process.</summary>
    /// <param name="builder">What makes the provider of meters.</param>
    /// <returns>The same.</returns>
    /// <remarks>
    /// It adds the meter <see cref="CollectiveTelemetry.MeterName"/>; <c>docs/telemetry.md</c> lists the instruments.
    /// </remarks>
    public static MeterProviderBuilder AddNativeCollectivesInstrumentation(this MeterProviderBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.AddMeter(CollectiveTelemetry.MeterName);
    }
}
