using NativeCollectives;

namespace OpenTelemetry.Trace;

/// <summary>Adds the spans of NativeCollectives to those that OpenTelemetry exports.</summary>
public static class NativeCollectivesTracerProviderBuilderExtensions
{
    /// <summary>Exports a span of every operation and of every forming of a group of the process.</summary>
    /// <param name="builder">What makes the provider of tracers.</param>
    /// <returns>The same.</returns>
    /// <remarks>
    /// It adds the source <see cref="CollectiveTelemetry.ActivitySourceName"/>; <c>docs/telemetry.md</c> lists the
    /// spans. Operations can be many and short: sample them.
    /// </remarks>
    public static TracerProviderBuilder AddNativeCollectivesInstrumentation(this TracerProviderBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.AddSource(CollectiveTelemetry.ActivitySourceName);
    }
}
