using Microsoft.Extensions.Configuration;

namespace NativeCollectives.Hosting;

/// <summary>
/// The values that are in effect: those of a configuration, and, where they leave room, those of launchers.
/// </summary>
internal sealed class EffectiveConfiguration
{
    // Of the keys in each row, which say the same thing in different ways, all values come from one place: the
    // launchers count only if nobody else says anything, and of the launchers the first.
    private static readonly string[][] _alternatives =
    [
        [SettingKeys.RingHosts, SettingKeys.RingHostFile, SettingKeys.RingNodes, SettingKeys.RingTasksPerNode],
        [SettingKeys.JacclDevices, SettingKeys.JacclDeviceFile],
        [SettingKeys.NcclRendezvous, SettingKeys.NcclBootstrap],
    ];

    private EffectiveConfiguration(string section, IReadOnlyList<SettingEntry> entries, LaunchEnvironment environment)
    {
        Section = section;
        Entries = entries;
        Environment = environment;
    }

    /// <summary>The path of the section that was read.</summary>
    internal string Section { get; }

    internal IReadOnlyList<SettingEntry> Entries { get; }

    /// <summary>What the launchers have put there.</summary>
    internal LaunchEnvironment Environment { get; }

    /// <summary>Reads a configuration.</summary>
    /// <param name="configuration">The whole configuration, or a section that holds the settings itself.</param>
    /// <param name="serviceKey">
    /// The group's key, which tells its section in a whole configuration; <see langword="null"/>: it has none.
    /// </param>
    internal static EffectiveConfiguration Of(IConfiguration configuration, string? serviceKey = null)
    {
        LauncherConfigurationProvider[] launchers = [.. Launchers(configuration)];
        List<SettingEntry> entries = [];
        IConfigurationSection section = SectionOf(configuration, serviceKey);
        Collect(configuration, section, entries);

        // The launchers' sources write into the section of the group without a key.
        if (launchers.Length == 0 || serviceKey is not null)
        {
            IConfigurationRoot environment =
                launchers.Length == 0
                    ? new ConfigurationBuilder().AddLauncherEnvironment().Build()
                    : new ConfigurationRoot([.. launchers]);
            launchers = [.. Launchers(environment)];
            List<SettingEntry> launched = [];
            Collect(environment, environment.GetSection(DistributedGroupSettings.SectionName), launched);
            entries.AddRange(
                launched.ExceptBy(
                    entries.Select(static entry => entry.Key),
                    static entry => entry.Key,
                    StringComparer.OrdinalIgnoreCase
                )
            );
        }

        // A configuration that leaves the choice of the backend open leaves it to the environment.
        if (
            entries.Find(static entry => entry.Key.Equals(SettingKeys.Backend, StringComparison.OrdinalIgnoreCase))
                is { Launcher: null } open
            && (
                open.Value is null
                || open.Value.Equals(BackendNames.Of(BackendKind.Any), StringComparison.OrdinalIgnoreCase)
            )
            && Array.Find(launchers, static launcher => launcher is OwnConfigurationProvider) is { } own
            && (
                own.Problems.ContainsKey(SettingKeys.Backend)
                || own.TryGet(SettingKeys.Whole(SettingKeys.Backend), out _)
            )
        )
        {
            entries.Remove(open);
            if (own.TryGet(SettingKeys.Whole(SettingKeys.Backend), out string? named))
            {
                entries.Add(new SettingEntry(SettingKeys.Backend, named, own.SourceOf(SettingKeys.Backend), own));
            }
        }

        foreach (LauncherConfigurationProvider launcher in launchers)
        {
            entries.AddRange(
                launcher
                    .Problems.Where(problem =>
                        !entries.Exists(entry => entry.Key.Equals(problem.Key, StringComparison.OrdinalIgnoreCase))
                    )
                    .Select(problem => new SettingEntry(problem.Key, null, launcher.Name, launcher)
                    {
                        Problem = problem.Value,
                    })
            );
        }

        return new EffectiveConfiguration(section.Path, Settle(entries), launchers[^1].Environment);
    }

    /// <summary>The section in which a group's settings are.</summary>
    internal static IConfigurationSection SectionOf(IConfiguration configuration, string? serviceKey) =>
        configuration as IConfigurationSection ?? configuration.GetSection(SettingKeys.SectionOf(serviceKey));

    private static IEnumerable<LauncherConfigurationProvider> Launchers(IConfiguration configuration) =>
        configuration is not IConfigurationRoot root
            ? []
            : root.Providers.SelectMany(static provider =>
                provider switch
                {
                    LauncherConfigurationProvider launcher => [launcher],
                    ChainedConfigurationProvider chained => Launchers(chained.Configuration),
                    _ => [],
                }
            );

    private static void Collect(IConfiguration configuration, IConfigurationSection section, List<SettingEntry> entries)
    {
        int start = section.Path.Length + 1;
        Visit(section);

        void Visit(IConfigurationSection parent)
        {
            foreach (IConfigurationSection child in parent.GetChildren())
            {
                // Those of other groups.
                if (parent == section && child.Key.Equals(SettingKeys.Groups, StringComparison.OrdinalIgnoreCase))
                {
                    continue;
                }

                bool isLeaf = !child.GetChildren().Any();
                if (child.Value is not null || isLeaf)
                {
                    string key = child.Path[start..];
                    IConfigurationProvider? provider = Find(configuration, child.Path);
                    var launcher = provider as LauncherConfigurationProvider;
                    string source =
                        launcher?.SourceOf(key)
                        ?? (provider is null ? "configuration" : SourceNames.Of(provider, child.Path));
                    entries.Add(new SettingEntry(key, child.Value, source, launcher));
                }

                Visit(child);
            }
        }
    }

    // The provider whose value counts; null if the configuration does not tell which ones it has.
    private static IConfigurationProvider? Find(IConfiguration configuration, string path)
    {
        if (configuration is not IConfigurationRoot root)
        {
            return null;
        }

        IConfigurationProvider? provider = root.Providers.LastOrDefault(provider => provider.TryGet(path, out _));
        return provider is ChainedConfigurationProvider chained
            ? Find(chained.Configuration, path) ?? provider
            : provider;
    }

    private static List<SettingEntry> Settle(List<SettingEntry> entries)
    {
        HashSet<SettingEntry> dropped = [];
        foreach (string[] keys in _alternatives)
        {
            SettingEntry[] group =
            [
                .. entries.Where(entry => Array.Exists(keys, key => SettingKeys.IsOrIsIn(entry.Key, key))),
            ];

            // How many ranks a node has says nothing without the nodes, which can be the launcher's.
            bool isExplicit = group.Any(static entry =>
                entry is { Launcher: null, Value: not null } && !Is(entry, SettingKeys.RingTasksPerNode)
            );
            LauncherConfigurationProvider? first = isExplicit
                ? null
                : group.MaxBy(static entry => entry.Launcher?.Precedence ?? -1)?.Launcher;
            dropped.UnionWith(group.Where(entry => entry.Launcher is not null && entry.Launcher != first));
        }

        // What a launcher says of how NCCL's ranks meet is one whole.
        SettingEntry? bootstrap = entries.Find(static entry => Is(entry, SettingKeys.NcclBootstrap));
        bool isAnotherBootstrap =
            bootstrap is { Launcher: null, Value: not null }
            && !bootstrap.Value.Equals("auto", StringComparison.OrdinalIgnoreCase);
        string? backend = entries.Find(static entry => Is(entry, SettingKeys.Backend))?.Value?.ToLowerInvariant();
        bool isNcclsTimeout =
            backend is null or "any" or "nccl"
            && !dropped.Any(static entry =>
                Is(entry, SettingKeys.NcclRendezvous) || Is(entry, SettingKeys.NcclBootstrap)
            );
        dropped.UnionWith(
            entries.Where(entry =>
                entry.Launcher is not null
                && (
                    (Is(entry, SettingKeys.FormingTimeout) && !isNcclsTimeout)
                    || ((Is(entry, SettingKeys.NcclRank) || Is(entry, SettingKeys.NcclSize)) && isAnotherBootstrap)
                )
            )
        );
        return [.. entries.Where(entry => !dropped.Contains(entry))];

        static bool Is(SettingEntry entry, string key) => entry.Key.Equals(key, StringComparison.OrdinalIgnoreCase);
    }
}

/// <summary>One value of a configuration, before anybody has looked at what it says.</summary>
/// <param name="Key">The key below the section, such as <c>Ring:Rank</c>.</param>
/// <param name="Value">The value; <see langword="null"/>: the key is there without one.</param>
/// <param name="Source">Where it came from, in words.</param>
/// <param name="Launcher">
/// The provider that made it of a launcher's variables; <see langword="null"/>: somebody has written it for this
/// program.
/// </param>
internal sealed record SettingEntry(string Key, string? Value, string Source, LauncherConfigurationProvider? Launcher)
{
    /// <summary>What is wrong with the launcher's variables, so that there is no value.</summary>
    internal string? Problem { get; init; }
}
