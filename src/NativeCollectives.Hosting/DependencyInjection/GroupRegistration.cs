using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace NativeCollectives.Hosting;

/// <summary>
/// The configuration of one of a host's groups. Whoever brings another configuration for the same group is told.
/// </summary>
/// <param name="serviceKey">The group's key; <see langword="null"/>: it has none.</param>
/// <param name="configuration">That of the first registration.</param>
internal sealed class GroupRegistration(string? serviceKey, IConfiguration configuration)
{
    // Those of later registrations, which held the same when they were made.
    private readonly List<IConfiguration> _others = [];

    private string? ServiceKey => serviceKey;

    internal static GroupRegistration? Find(IServiceCollection services, string? serviceKey) =>
        services
            .Where(static service => !service.IsKeyedService && service.ServiceType == typeof(GroupRegistration))
            .Select(static service => (GroupRegistration)service.ImplementationInstance!)
            .FirstOrDefault(registration => registration.ServiceKey == serviceKey);

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
        return EffectiveConfiguration.Of(configuration, serviceKey);
    }

    private void RequireSame(IConfiguration other)
    {
        IConfigurationSection section = EffectiveConfiguration.SectionOf(configuration, serviceKey);
        SortedDictionary<string, string> first = Values(section);
        SortedDictionary<string, string> second = Values(EffectiveConfiguration.SectionOf(other, serviceKey));
        string? different = first
            .Keys.Union(second.Keys, StringComparer.OrdinalIgnoreCase)
            .FirstOrDefault(key => first.GetValueOrDefault(key) != second.GetValueOrDefault(key));
        if (different is not null)
        {
            string method = serviceKey is null ? "AddDistributedGroup" : $"AddKeyedDistributedGroup(\"{serviceKey}\")";
            throw new InvalidOperationException(
                $"{method} was called twice, with configurations in which "
                    + $"{SettingKeys.Whole(section.Path, different)} differs. Call it once for each group, and give "
                    + "further groups keys of their own with AddKeyedDistributedGroup."
            );
        }
    }

    // Other groups are none of this one's business.
    private static SortedDictionary<string, string> Values(IConfigurationSection section)
    {
        var values = new SortedDictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach ((string key, string? value) in section.AsEnumerable(makePathsRelative: true))
        {
            if (value is not null && !SettingKeys.IsOrIsIn(key, SettingKeys.Groups))
            {
                values[key] = value;
            }
        }

        return values;
    }
}
