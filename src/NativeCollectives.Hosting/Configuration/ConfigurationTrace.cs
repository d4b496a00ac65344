using Microsoft.Extensions.Configuration;

namespace NativeCollectives.Hosting;

/// <summary>Tells where the settings of a configuration came from.</summary>
public static class ConfigurationTrace
{
    /// <summary>
    /// The settings that <see cref="DistributedGroupSettings.From"/> would use, whether they are well-formed or not.
    /// </summary>
    /// <param name="configuration">
    /// The whole configuration, or a section that holds the settings itself, whose sources then cannot be told apart.
    /// </param>
    /// <param name="serviceKey">
    /// The key of the group whose section is read; <see langword="null"/>: the group without a key.
    /// </param>
    /// <returns>
    /// The settings that have a value, in the order of their keys, and the defaults of <c>Backend</c>, <c>Strict</c>
    /// and the timeouts where nobody sets them. Of settings that contradict each other, such as <c>Ring:Hosts</c> and
    /// <c>Ring:HostFile</c>, those are left out that a launcher gave and somebody else overruled.
    /// </returns>
    public static IReadOnlyList<SettingOrigin> Of(IConfiguration configuration, string? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var effective = EffectiveConfiguration.Of(configuration, serviceKey);
        var defaults = new DistributedGroupOptions();
        Dictionary<string, SettingOrigin> origins = new(StringComparer.OrdinalIgnoreCase);
        Add(SettingKeys.Backend, BackendNames.Of(defaults.Backend), SourceNames.Default);
        Add(SettingKeys.Strict, "false", SourceNames.Default);
        Add(SettingKeys.FormingTimeout, defaults.FormingTimeout.ToString(), SourceNames.Default);
        Add(SettingKeys.OperationTimeout, defaults.OperationTimeout.ToString(), SourceNames.Default);
        foreach (SettingEntry entry in effective.Entries)
        {
            if (entry.Value is not null)
            {
                Add(entry.Key, entry.Value, entry.Source);
            }
        }

        return [.. origins.Values.OrderBy(static origin => origin.Key, StringComparer.OrdinalIgnoreCase)];

        void Add(string key, string value, string source) =>
            origins[key] = new SettingOrigin(SettingKeys.Whole(effective.Section, key), value, source);
    }
}
