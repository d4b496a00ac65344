using System.Globalization;

namespace NativeCollectives.Hosting;

/// <summary>
/// Reads values strictly. What is malformed is noted as a problem and counts as absent, so that all faults are found at
/// once.
/// </summary>
internal sealed class SettingsReader
{
    private readonly Dictionary<string, SettingEntry> _entries;
    private readonly List<string> _known = [];
    private readonly List<SettingProblem> _problems = [];
    private readonly Dictionary<string, string> _sources = new(StringComparer.OrdinalIgnoreCase);

    private readonly string _section;

    /// <param name="configuration">The values.</param>
    internal SettingsReader(EffectiveConfiguration configuration)
    {
        _entries = configuration.Entries.ToDictionary(static entry => entry.Key, StringComparer.OrdinalIgnoreCase);
        _section = configuration.Section;
    }

    /// <summary>One sentence for each fault, with the source of the value.</summary>
    internal IReadOnlyList<SettingProblem> Problems => _problems;

    /// <summary>Where the values came from, by key as this class is asked for it.</summary>
    internal IReadOnlyDictionary<string, string> Sources => _sources;

    /// <summary>The whole key.</summary>
    internal string Whole(string key) => SettingKeys.Whole(_section, key);

    internal int? Rank(string key) => Number(key, 0, "a rank: a decimal number from 0, of digits only");

    internal int? Number(string key, int least, string expected, int greatest = int.MaxValue) =>
        Parse<int?>(
            key,
            expected,
            text =>
                int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                && number >= least
                && number <= greatest
                    ? number
                    : null
        );

    internal bool? Flag(string key) =>
        Parse<bool?>(key, "true or false", static text => bool.TryParse(text, out bool flag) ? flag : null);

    /// <summary>A time limit. A bare number is none: it would mean days to .NET, and seconds to most readers.</summary>
    internal TimeSpan? Duration(string key) =>
        Parse<TimeSpan?>(
            key,
            $"a time limit such as 00:01:30, hours, minutes and seconds; {Timeouts.Requirement}",
            static text =>
                text.Contains(':', StringComparison.Ordinal)
                && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan duration)
                && Timeouts.IsValid(duration)
                    ? duration
                    : null
        );

    internal string? Path(string key) => Parse(key, "a path", static text => OptionCheck.IsBlank(text) ? null : text);

    internal string? Address(string key) =>
        Parse(
            key,
            "host:port, or [host]:port with an IPv6 address",
            static text => HostAndPort.Parse(text) is null ? null : text
        );

    /// <summary>
    /// One of some names, in whatever case. Of several names for one choice the first is the one to tell.
    /// </summary>
    internal T? Choice<T>(string key, (string Name, T Value)[] choices)
        where T : struct
    {
        string[] names = [.. choices.DistinctBy(static choice => choice.Value).Select(static choice => choice.Name)];
        return Parse<T?>(
            key,
            $"{string.Join(", ", names[..^1])} or {names[^1]}",
            text =>
                Array.FindIndex(choices, choice => choice.Name.Equals(text, StringComparison.OrdinalIgnoreCase))
                    is >= 0
                        and var index
                    ? choices[index].Value
                    : null
        );
    }

    /// <summary>A value that some function understands.</summary>
    /// <param name="key">The key.</param>
    /// <param name="expected">What the function understands, in words.</param>
    /// <param name="parse">Returns <see langword="null"/> if it does not.</param>
    internal T? Parse<T>(string key, string expected, Func<string, T?> parse)
    {
        if (Take(key) is not { } entry)
        {
            return default;
        }

        T? value = parse(entry.Value!);
        if (value is null)
        {
            Refuse(entry, key, expected);
        }

        return value;
    }

    /// <summary>
    /// The addresses of each rank, with port 0 for ranks that this one never calls: a list of lists; where a rank has
    /// one address, a text will do in place of its list, and in place of all a text with commas.
    /// </summary>
    internal IReadOnlyList<IReadOnlyList<string>>? Hosts(string key)
    {
        const string Expected = "host:port, or [host]:port with an IPv6 address";
        if (Take(key) is { } whole)
        {
            string[] addresses = whole.Value!.Split(',', StringSplitOptions.TrimEntries);
            if (Array.TrueForAll(addresses, static address => HostAndPort.Parse(address, leastPort: 0) is not null))
            {
                return [.. addresses.Select(static address => (IReadOnlyList<string>)[address])];
            }

            Refuse(whole, key, $"a list, or addresses with commas between them, each {Expected}");
            return null;
        }

        return List(key, depth: 2) is { } ranks ? [.. ranks.Select((rank, index) => Strings(rank, key, index))] : null;

        IReadOnlyList<string> Strings(ListItem rank, string list, int index)
        {
            IReadOnlyList<ListItem> items = rank.Items ?? [rank];
            if (items.Count == 0)
            {
                AddProblem($"{Whole(list)}:{index} is empty, but should have an address of rank {index}.");
            }

            foreach (ListItem item in items)
            {
                if (item.Entry is { Problem: null } entry && HostAndPort.Parse(entry.Value ?? "", leastPort: 0) is null)
                {
                    Refuse(entry, entry.Key, Expected);
                }
            }

            return [.. items.Select(static item => item.Entry?.Value ?? "")];
        }
    }

    /// <summary>
    /// The device matrix: a list of lists whose entries are lists, or a text for one device; absent or empty for none.
    /// </summary>
    internal IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>>? Devices(string key)
    {
        if (Take(key) is { } whole)
        {
            Refuse(whole, key, "a list with one row per rank");
            return null;
        }

        return List(key, depth: 3) is { } rows ? [.. rows.Select(row => Row(row, key))] : null;

        IReadOnlyList<IReadOnlyList<string>> Row(ListItem row, string list)
        {
            if (row.Items is null)
            {
                Refuse(row.Entry!, row.Entry!.Key, "a list with one entry per rank");
                return [];
            }

            return
            [
                .. row.Items.Select(static cell =>
                    (IReadOnlyList<string>)(
                        cell.Items is { } names ? [.. names.Select(static name => name.Entry?.Value ?? "")]
                        : string.IsNullOrEmpty(cell.Entry?.Value) ? []
                        : [cell.Entry.Value]
                    )
                ),
            ];
        }
    }

    /// <summary>Whether a key has a value.</summary>
    internal bool Has(string key) => _sources.ContainsKey(key);

    /// <summary>Whether a key has a value that no launcher gave.</summary>
    internal bool HasExplicit(string key) =>
        _entries.TryGetValue(key, out SettingEntry? entry) && entry is { Value: not null, Launcher: null };

    /// <summary>
    /// Whether a key has a value that a launcher gave by variables which the library knows itself: not those of
    /// mistral.rs's ring.
    /// </summary>
    internal bool IsLaunchers(string key) =>
        _entries.TryGetValue(key, out SettingEntry? entry)
        && entry is { Value: not null, Launcher: not null }
        && (entry.Launcher is not MistralConfigurationProvider || SettingKeys.IsOrIsIn(key, SettingKeys.Nccl));

    /// <summary>Whether a list has elements, and all of them came from launchers.</summary>
    internal bool HasLaunchers(string key)
    {
        SettingEntry[] own = [.. _entries.Values.Where(entry => SettingKeys.IsOrIsIn(entry.Key, key))];
        return own.Length > 0 && Array.TrueForAll(own, static entry => entry.Launcher is not null);
    }

    internal void AddProblem(string problem) => _problems.Add(new SettingProblem(problem));

    /// <summary>Notes every key that nobody has asked for.</summary>
    internal void RefuseOtherKeys()
    {
        foreach (SettingEntry entry in _entries.Values)
        {
            bool isSection = entry.Value is null && _known.Exists(known => SettingKeys.IsOrIsIn(known, entry.Key));
            if (isSection || _known.Exists(known => entry.Key.Equals(known, StringComparison.OrdinalIgnoreCase)))
            {
                continue;
            }

            // The deepest part of the key that is still a section of ours.
            int end = entry.Key.LastIndexOf(':');
            while (
                end >= 0
                && !_known.Exists(known => known.StartsWith(entry.Key[..(end + 1)], StringComparison.OrdinalIgnoreCase))
            )
            {
                end = entry.Key.LastIndexOf(':', end - 1);
            }

            string section = entry.Key[..(end + 1)];
            string[] siblings =
            [
                .. _known
                    .Where(known => known.StartsWith(section, StringComparison.OrdinalIgnoreCase))
                    .Select(known => known[section.Length..].Split(':')[0])
                    .Distinct(StringComparer.OrdinalIgnoreCase)
                    .Where(static name => !char.IsAsciiDigit(name[0])),
            ];
            string known = siblings.Length == 0 ? "" : $"; known there are {string.Join(", ", siblings)}";
            AddProblem($"{Whole(entry.Key)} is not a setting{known}. It comes from: {entry.Source}.");
        }
    }

    // The entry of a key that has a value; notes the problem of one that has none because of it.
    private SettingEntry? Take(string key)
    {
        _known.Add(key);
        if (!_entries.TryGetValue(key, out SettingEntry? entry))
        {
            return null;
        }

        if (entry.Problem is not null)
        {
            _problems.Add(new SettingProblem(entry.Problem, key));
            return null;
        }

        if (entry.Value is null)
        {
            return null;
        }

        _sources[key] = entry.Source;
        return entry;
    }

    private void Refuse(SettingEntry entry, string key, string expected) =>
        _problems.Add(
            new SettingProblem(
                $"{Whole(key)} is {OptionCheck.Quoted(entry.Value ?? "")}, but should be {expected}. "
                    + $"It comes from: {entry.Source}.",
                entry.Launcher is null ? null : key
            )
        );

    // The elements of a list, with those of the lists in it down to a depth; null if there are none.
    private IReadOnlyList<ListItem>? List(string key, int depth)
    {
        SettingEntry[] own =
        [
            .. _entries.Values.Where(entry => entry.Key.Length > key.Length && SettingKeys.IsOrIsIn(entry.Key, key)),
        ];
        if (own.Length == 0)
        {
            return null;
        }

        _known.AddRange(own.Select(static entry => entry.Key));
        string[] sources = [.. own.Select(static entry => entry.Source).Distinct()];
        _sources[key] = string.Join(" and ", sources);
        if (own.Any(static entry => entry.Launcher is null) && sources.Select(WithoutVariable).Distinct().Count() > 1)
        {
            AddProblem(
                $"{Whole(key)} is a list that comes in parts from {_sources[key]}, but a list should come "
                    + "from one source."
            );
            return null;
        }

        return Items(key, own, depth);
    }

    private List<ListItem>? Items(string key, IReadOnlyList<SettingEntry> own, int depth)
    {
        ILookup<string, SettingEntry> byIndex = own.Where(entry => entry.Key.Length > key.Length)
            .ToLookup(entry => entry.Key[(key.Length + 1)..].Split(':')[0], StringComparer.Ordinal);
        List<ListItem> items = [];
        for (int index = 0; index < byIndex.Count; index++)
        {
            string name = index.ToString(CultureInfo.InvariantCulture);
            if (!byIndex.Contains(name))
            {
                string[] others = [.. byIndex.Select(static group => group.Key)];
                AddProblem(
                    $"{Whole(key)} has {string.Join(", ", others.Order(StringComparer.Ordinal))}, "
                        + "but the elements of a list should count from 0 without gaps."
                        + $" It comes from: {byIndex.First().First().Source}."
                );
                return null;
            }

            string itemKey = $"{key}:{name}";
            SettingEntry[] within = [.. byIndex[name]];
            if (within is [{ } entry] && entry.Key.Length == itemKey.Length)
            {
                items.Add(new ListItem(entry, null));
            }
            else if (depth == 1)
            {
                AddProblem($"{Whole(itemKey)} should be a text. It comes from: {within[0].Source}.");
                return null;
            }
            else if (Items(itemKey, within, depth - 1) is { } nested)
            {
                items.Add(new ListItem(null, nested));
            }
            else
            {
                return null;
            }
        }

        return items;
    }

    // The elements of a list in the environment come from one variable each.
    private static string WithoutVariable(string source) =>
        source.StartsWith(SourceNames.EnvironmentVariable, StringComparison.Ordinal)
            ? SourceNames.EnvironmentVariable
            : source;

    // A text, or a list.
    private sealed record ListItem(SettingEntry? Entry, IReadOnlyList<ListItem>? Items);
}
