using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using NativeCollectives;
using NativeCollectives.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds a <see cref="DistributedGroup"/> to the services of a host.</summary>
public static class DistributedGroupServiceCollectionExtensions
{
    /// <summary>
    /// Adds the group that a configuration describes, as a singleton: formed when the host starts, before its services
    /// start, and left when they have stopped.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configuration">
    /// The whole configuration, whose section <see cref="DistributedGroupSettings.SectionName"/> is read; or a section
    /// that holds the settings itself. What launchers have put into the environment fills what it leaves open: see
    /// <see cref="LauncherConfigurationExtensions.AddLauncherEnvironment"/>.
    /// </param>
    /// <param name="configure">
    /// Changes the settings that were read: code has the last word. <see langword="null"/>: nothing is changed.
    /// </param>
    /// <returns>The services.</returns>
    /// <remarks>
    /// <para>
    /// The settings are validated when the host starts; every fault is told in an
    /// <see cref="OptionsValidationException"/>. Whoever asks for the group before the host has formed it, such as the
    /// constructor of a hosted service, waits until it is formed, blocking. Stopping the host ends an attempt to form
    /// it.
    /// </para>
    /// <para>
    /// The group logs to the categories <c>NativeCollectives.Formation</c>, <c>.Faults</c> and <c>.Teardown</c>, and
    /// feeds <see cref="CollectiveMetrics"/>, <see cref="CollectiveTraces"/> and every <see cref="CollectiveObserver"/>
    /// among the services.
    /// </para>
    /// <para>
    /// A host has one group. To call this method again with the same configuration adds nothing but its
    /// <paramref name="configure"/>.
    /// </para>
    /// </remarks>
    /// <exception cref="InvalidOperationException">The method was called before with another configuration.</exception>
    public static IServiceCollection AddDistributedGroup(
        this IServiceCollection services,
        IConfiguration configuration,
        Action<DistributedGroupSettings>? configure = null
    )
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configuration);
        OptionsBuilder<DistributedGroupSettings> options = services.AddOptions<DistributedGroupSettings>();
        if (GroupRegistration.Find(services) is { } before)
        {
            before.Join(configuration);
        }
        else
        {
            var registration = new GroupRegistration(configuration);
            services.AddSingleton(registration);
            options.Configure(settings => settings.Read(registration.Read())).ValidateOnStart();
            services.AddSingleton<IValidateOptions<DistributedGroupSettings>, DistributedGroupSettingsValidator>();
            services.TryAddSingleton(static provider => new CollectiveMetrics(provider.GetService<IMeterFactory>()));
            services.TryAddSingleton<CollectiveTraces>();
            services.AddSingleton<HostedGroup>();
            services.AddSingleton<IHostedService>(static provider => provider.GetRequiredService<HostedGroup>());
            services.AddSingleton(static provider => provider.GetRequiredService<HostedGroup>().Get());
        }

        if (configure is not null)
        {
            options.Configure(configure);
        }

        return services;
    }
}
