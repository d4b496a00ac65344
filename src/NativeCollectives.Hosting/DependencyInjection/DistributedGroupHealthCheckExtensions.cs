using Microsoft.Extensions.Diagnostics.HealthChecks;
using NativeCollectives.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds a check of a host's <see cref="NativeCollectives.DistributedGroup"/>.</summary>
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
    ) => Add(builder, name, static provider => provider.GetRequiredService<HostedGroup>(), failureStatus, tags);

    /// <summary>Adds such a check of a group that has a key.</summary>
    /// <param name="builder">
    /// The health checks of services to which <c>AddKeyedDistributedGroup</c> has added the group.
    /// </param>
    /// <param name="serviceKey">The group's key.</param>
    /// <param name="name">
    /// The check's name; <see langword="null"/>: <c>distributed_group_</c> and the key.
    /// </param>
    /// <param name="failureStatus">What it reports if all is not well; <see langword="null"/>: unhealthy.</param>
    /// <param name="tags">The check's tags.</param>
    /// <returns>The health checks.</returns>
    public static IHealthChecksBuilder AddKeyedDistributedGroup(
        this IHealthChecksBuilder builder,
        string serviceKey,
        string? name = null,
        HealthStatus? failureStatus = null,
        IEnumerable<string>? tags = null
    )
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(serviceKey);
        return Add(
            builder,
            name ?? $"distributed_group_{serviceKey}",
            provider => provider.GetRequiredKeyedService<HostedGroup>(serviceKey),
            failureStatus,
            tags
        );
    }

    private static IHealthChecksBuilder Add(
        IHealthChecksBuilder builder,
        string name,
        Func<IServiceProvider, HostedGroup> group,
        HealthStatus? failureStatus,
        IEnumerable<string>? tags
    )
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Add(
            new HealthCheckRegistration(
                name,
                provider => new DistributedGroupHealthCheck(group(provider)),
                failureStatus,
                tags
            )
        );
    }
}
