using System.Text;
using System.Text.Json;

namespace NativeCollectives;

/// <summary>The ring's settings, from the options and, where these are silent, from the environment.</summary>
internal static class RingConfiguration
{
    private const string Name = "ring";

    internal static BackendConfiguration Read(RingOptions? options, LaunchEnvironment environment)
    {
        Validate(options);
        List<string> missing = [];
        List<string> given = [];

        int? rank = options?.Rank;
        Note(rank is not null, "RingOptions.Rank");
        if (rank is null)
        {
            rank = environment.Rank(LaunchEnvironment.RankVariable, Name);
            Note(rank is not null, LaunchEnvironment.RankVariable, ifAbsent: LaunchEnvironment.RankVariable);
        }

        KeyValuePair<string, string>? hosts = null;
        if (options?.Hosts is { } list)
        {
            hosts = new("hosts", ToJson(list));
            Note(true, "RingOptions.Hosts");
            RequireRankWithin(rank, list.Count, options.Rank is null);
        }
        else if (options?.HostFile is { } path)
        {
            hosts = new("hostfile", path);
            Note(true, "RingOptions.HostFile");
        }
        else
        {
            string? variable = environment.HostFile(Name);
            Note(variable is not null, LaunchEnvironment.HostFileVariable, ifAbsent: LaunchEnvironment.HostFileVariable);
            hosts = variable is null ? null : new("hostfile", variable);
        }

        return new BackendConfiguration(BackendKind.Ring, missing, given)
        {
            Rank = rank ?? 0,
            Settings = hosts is null ? [] : [hosts.Value],
        };

        void Note(bool isGiven, string name, string? ifAbsent = null)
        {
            if (isGiven)
            {
                given.Add(name);
            }
            else if (ifAbsent is not null)
            {
                missing.Add(ifAbsent);
            }
        }
    }

    private static void Validate(RingOptions? options)
    {
        if (options is null)
        {
            return;
        }

        if (options.Rank < 0)
        {
            throw Invalid($"RingOptions.Rank is {options.Rank}, but ranks count from 0.");
        }

        if (options.Hosts is not null && options.HostFile is not null)
        {
            throw Invalid("RingOptions has both Hosts and HostFile, but only one of them can tell where the ranks are.");
        }

        if (options.HostFile is { } path && (string.IsNullOrWhiteSpace(path) || path.Contains('\0')))
        {
            throw Invalid($"RingOptions.HostFile is \"{path.Replace("\0", "\\0", StringComparison.Ordinal)}\", which is not a path.");
        }

        if (options.Hosts is not { } hosts)
        {
            return;
        }

        if (hosts.Count == 0)
        {
            throw Invalid("RingOptions.Hosts is empty, but should have one entry per rank.");
        }

        for (int rank = 0; rank < hosts.Count; rank++)
        {
            if (hosts[rank] is not { Count: > 0 } addresses)
            {
                throw Invalid($"RingOptions.Hosts has no address for rank {rank}.");
            }

            if (addresses.Any(static address => string.IsNullOrWhiteSpace(address) || address.Contains('\0')))
            {
                throw Invalid($"RingOptions.Hosts has a blank address for rank {rank}.");
            }
        }
    }

    private static void RequireRankWithin(int? rank, int count, bool fromEnvironment)
    {
        if (rank is null || rank < count)
        {
            return;
        }

        string outOfRange = $"is {rank}, but RingOptions.Hosts lists {count} rank{(count == 1 ? "" : "s")}, from 0 to {count - 1}.";
        throw fromEnvironment
            ? new RendezvousException($"The environment variable {LaunchEnvironment.RankVariable} {outOfRange}") { Backend = Name, Rank = rank.Value }
            : Invalid($"RingOptions.Rank {outOfRange}");
    }

    // The text of a hostfile.
    private static string ToJson(IReadOnlyList<IReadOnlyList<string>> hosts)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartArray();
            foreach (IReadOnlyList<string> addresses in hosts)
            {
                json.WriteStartArray();
                foreach (string address in addresses)
                {
                    json.WriteStringValue(address);
                }

                json.WriteEndArray();
            }

            json.WriteEndArray();
        }

        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    private static ArgumentException Invalid(string message) => new(message, "options");
}
