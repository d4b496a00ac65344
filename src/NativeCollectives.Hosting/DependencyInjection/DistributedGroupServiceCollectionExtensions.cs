using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using NativeCollectives;
using NativeCollectives.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds <see cref="DistributedGroup"/>s to the services of a host.</summary>
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
    /// it. When a failure ends the group, the host stops: see <see cref="DistributedGroupSettings.StopHostOnFault"/>.
    /// </para>
    /// <para>
    /// The group logs to the categories <c>NativeCollectives.Formation</c>, <c>.Faults</c> and <c>.Teardown</c>, and
    /// tells every <see cref="CollectiveObserver"/> among the services.
    /// </para>
    /// <para>
    /// To call this method again with the same configuration adds nothing but its <paramref name="configure"/>. For
    /// further groups there is <see cref="AddKeyedDistributedGroup"/>.
    /// </para>
    /// </remarks>
    /// <exception cref="InvalidOperationException">The method was called before with another configuration.</exception>
    public static IServiceCollection AddDistributedGroup(
        this IServiceCollection services,
        IConfiguration configuration,
        Action<DistributedGroupSettings>? configure = null
    ) => Add(services, null, configuration, configure);

    /// <summary>
    /// Adds one of several groups, as a singleton with a key, which services ask for by
    /// <c>[FromKeyedServices("key")] DistributedGroup</c>.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="serviceKey">
    /// The group's key: a name without <c>:</c>. It is the group's <see cref="DistributedGroup.Name"/> too.
    /// </param>
    /// <param name="configuration">
    /// The whole configuration, whose section <c>NativeCollectives:Groups:key</c> is read; or a section that holds the
    /// settings itself. What launchers have put into the environment fills what it leaves open.
    /// </param>
    /// <param name="configure">
    /// Changes the settings that were read: code has the last word. <see langword="null"/>: nothing is changed.
    /// </param>
    /// <returns>The services.</returns>
    /// <remarks>
    /// Each group has its own settings, life and health check; otherwise it is what
    /// <see cref="AddDistributedGroup"/> adds. Groups are formed one after the other, in the order in which they were
    /// added, which is to be the same on every rank. A <see cref="CollectiveObserver"/> with the group's key is told of
    /// that group alone, one without a key of all groups.
    /// </remarks>
    /// <exception cref="ArgumentException"><paramref name="serviceKey"/> is blank or has a <c>:</c>.</exception>
    /// <exception cref="InvalidOperationException">
    /// The method was called before with the same key and another configuration.
    /// </exception>
    public static IServiceCollection AddKeyedDistributedGroup(
        this IServiceCollection services,
        string serviceKey,
        IConfiguration configuration,
        Action<DistributedGroupSettings>? configure = null
    )
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(serviceKey);
        if (serviceKey.Contains(ConfigurationPath.KeyDelimiter, StringComparison.Ordinal))
        {
            throw new ArgumentException(
                $"The key is \"{serviceKey}\", but should have no colon: it is the name of a section.",
                nameof(serviceKey)
            );
        }

        return Add(services, serviceKey, configuration, configure);
    }

    private static IServiceCollection Add(
        IServiceCollection services,
        string? serviceKey,
        IConfiguration configuration,
        Action<DistributedGroupSettings>? configure
    )
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configuration);
        OptionsBuilder<DistributedGroupSettings> options = services.AddOptions<DistributedGroupSettings>(serviceKey);
        if (GroupRegistration.Find(services, serviceKey) is { } before)
        {
            before.Join(configuration);
        }
        else
        {
            var registration = new GroupRegistration(serviceKey, configuration);
            services.AddSingleton(registration);
            options
                .Configure(settings =>
                {
                    settings.ServiceKey = serviceKey;
                    settings.Read(registration.Read());
                })
                .ValidateOnStart();
            services.TryAddEnumerable(
                ServiceDescriptor.Singleton<
                    IValidateOptions<DistributedGroupSettings>,
                    DistributedGroupSettingsValidator
                >()
            );
            services.TryAddSingleton<HostExit>();
            AddGroup(services, serviceKey);
        }

        if (configure is not null)
        {
            options.Configure(configure);
        }

        return services;
    }

    private static void AddGroup(IServiceCollection services, string? serviceKey)
    {
        if (serviceKey is null)
        {
            services.AddSingleton(static provider => new HostedGroup(provider, null));
            services.AddSingleton<IHostedService>(static provider => provider.GetRequiredService<HostedGroup>());
            services.AddSingleton(static provider => provider.GetRequiredService<HostedGroup>().Get());
            return;
        }

        services.AddKeyedSingleton(serviceKey, static (provider, key) => new HostedGroup(provider, (string)key!));
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredKeyedService<HostedGroup>(serviceKey));
        services.AddKeyedSingleton(
            serviceKey,
            static (provider, key) => provider.GetRequiredKeyedService<HostedGroup>(key).Get()
        );
    }
}
