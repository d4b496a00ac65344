namespace NativeCollectives;

/// <summary>A backend that could be meant.</summary>
/// <param name="Backend">The backend.</param>
/// <param name="Origin">Who told where its ranks meet.</param>
/// <param name="Configuration">What is known of it; <see langword="null"/>: a variable is malformed.</param>
/// <param name="Malformed">
/// What is wrong with a variable. It is an error only if the backend would be chosen, so that what is left over does
/// not disturb what is configured.
/// </param>
internal sealed record Candidate(
    BackendKind Backend,
    Origin Origin,
    BackendConfiguration? Configuration,
    RendezvousException? Malformed
)
{
    internal bool IsConfigured => Configuration is { IsConfigured: true };

    /// <summary>Whether somebody has begun to configure it, but something is missing.</summary>
    internal bool IsHalf => Configuration is { IsConfigured: false, IsBegun: true };

    internal static Candidate Of(BackendKind backend, DistributedGroupOptions options, LaunchEnvironment environment)
    {
        Origin origin = BackendConfiguration.OriginOf(backend, options, environment);
        try
        {
            BackendConfiguration configuration = BackendConfiguration.Read(backend, options, environment);
            return new(backend, origin, configuration with { Origin = origin }, null);
        }
        catch (RendezvousException malformed)
        {
            return new(backend, origin, null, malformed);
        }
    }

    internal string Describe(Func<SettingName, string> nameOf) =>
        Configuration?.DescribeGiven(nameOf) ?? $"{BackendNames.Of(Backend)} (malformed)";
}
