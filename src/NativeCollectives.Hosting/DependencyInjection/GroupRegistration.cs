using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace NativeCollectives.Hosting;

/// <summary>The configuration of a host's group, of which there is one. Whoever brings another one is told.</summary>
/// <param name="configuration">That of the first registration.</param>
internal sealed class GroupRegistration(IConfiguration configuration)
{
    // Those of later registrations, which held the same when they were made.
    private readonly List<IConfiguration> _others = [];

    internal static GroupRegistration? Find(IServiceCollection services) =>
        services
            .FirstOrDefault(static service => service.ServiceType == typeof(GroupRegistration))
            ?.ImplementationInstance as GroupRegistration;

    /// <summary>Takes a later registration.</summary>
    /// <exception cref="InvalidOperationException">Its configuration is another one.</exception>
    internal void Join(IConfiguration other)
    {
        if (!ReferenceEquals(other, configuration))
        {
            RequireSame(other);
            _others.Add(other);
        }
    }

    /// <summary>The values that are in effect when the host starts.</summary>
    /// <exception cref="InvalidOperationException">The configurations of two registrations differ by now.</exception>
    internal EffectiveConfiguration Read()
    {
        _others.ForEach(RequireSame);
        return EffectiveConfiguration.Of(configuration);
    }

    private void RequireSame(IConfiguration other)
    {
        SortedDictionary<string, string> first = Values(configuration);
        SortedDictionary<string, string> second = Values(other);
        string? different = first
            .Keys.Union(second.Keys, StringComparer.OrdinalIgnoreCase)
            .FirstOrDefault(key => first.GetValueOrDefault(key) != second.GetValueOrDefault(key));
        if (different is not null)
        {
            throw new InvalidOperationException(
                "AddDistributedGroup was called twice, with configurations in which "
                    + $"{DistributedGroupSettings.SectionName}:{different} differs. "
                    + $"A host has one group: split others from it, or form them by {nameof(DistributedGroupSettings)}."
                    + $"{nameof(DistributedGroupSettings.From)}(…).{nameof(DistributedGroupSettings.ToGroupOptions)}()."
            );
        }
    }

    private static SortedDictionary<string, string> Values(IConfiguration configuration)
    {
        IConfigurationSection section =
            configuration as IConfigurationSection ?? configuration.GetSection(DistributedGroupSettings.SectionName);
        var values = new SortedDictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach ((string key, string? value) in section.AsEnumerable(makePathsRelative: true))
        {
            if (value is not null)
            {
                values[key] = value;
            }
        }

        return values;
    }
}
