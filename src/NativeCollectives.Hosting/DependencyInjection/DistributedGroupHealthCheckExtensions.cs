using Microsoft.Extensions.Diagnostics.HealthChecks;
using NativeCollectives.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds a check of the host's <see cref="NativeCollectives.DistributedGroup"/>.</summary>
public static class DistributedGroupHealthCheckExtensions
{
    /// <summary>
    /// Adds a check that is healthy while the group is formed and has not failed, and otherwise tells the first
    /// failure. It runs no operation, so it finds out what the group has found out.
    /// </summary>
    /// <param name="builder">
    /// The health checks of services to which <c>AddDistributedGroup</c> has added the group.
    /// </param>
    /// <param name="name">The check's name.</param>
    /// <param name="failureStatus">What it reports if all is not well; <see langword="null"/>: unhealthy.</param>
    /// <param name="tags">The check's tags.</param>
    /// <returns>The health checks.</returns>
    public static IHealthChecksBuilder AddDistributedGroup(
        this IHealthChecksBuilder builder,
        string name = "distributed_group",
        HealthStatus? failureStatus = null,
        IEnumerable<string>? tags = null
    )
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Add(
            new HealthCheckRegistration(
                name,
                static provider => new DistributedGroupHealthCheck(provider.GetRequiredService<HostedGroup>()),
                failureStatus,
                tags
            )
        );
    }
}
