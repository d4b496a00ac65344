using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace NativeCollectives.Hosting;

/// <summary>
/// Healthy while the host's group is formed and has not failed. It looks and does not touch: a check that ran an
/// operation would need all ranks.
/// </summary>
internal sealed class DistributedGroupHealthCheck(HostedGroup group) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context,
        CancellationToken cancellationToken = default
    ) =>
        Task.FromResult(
            group.Ailment is { } ailment
                ? new HealthCheckResult(context.Registration.FailureStatus, ailment)
                : HealthCheckResult.Healthy(group.Current?.ToString())
        );
}
