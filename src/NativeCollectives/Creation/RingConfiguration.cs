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
            hosts = new("hosts", JsonText.Write(json => json.WriteArray(list)));
            Note(true, "RingOptions.Hosts");
            string? variable = options.Rank is null ? LaunchEnvironment.RankVariable : null;
            OptionCheck.RequireRankWithin(rank, variable, nameof(RingOptions), nameof(RingOptions.Hosts), list.Count, Name);
        }
        else if (options?.HostFile is { } path)
        {
            hosts = new("hostfile", path);
            Note(true, "RingOptions.HostFile");
        }
        else
        {
            string? variable = environment.JsonFile(LaunchEnvironment.HostFileVariable, Name);
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

        OptionCheck.Require(options.Rank is null or >= 0, $"RingOptions.Rank is {options.Rank}, but ranks count from 0.");
        OptionCheck.Require(
            options.Hosts is null || options.HostFile is null,
            "RingOptions has both Hosts and HostFile, but only one of them can tell where the ranks are.");
        OptionCheck.RequirePath(options.HostFile, "RingOptions.HostFile");
        if (options.Hosts is not { } hosts)
        {
            return;
        }

        OptionCheck.Require(hosts.Count > 0, "RingOptions.Hosts is empty, but should have one entry per rank.");
        for (int rank = 0; rank < hosts.Count; rank++)
        {
            OptionCheck.Require(hosts[rank] is { Count: > 0 }, $"RingOptions.Hosts has no address for rank {rank}.");
            OptionCheck.Require(!hosts[rank].Any(OptionCheck.IsBlank), $"RingOptions.Hosts has a blank address for rank {rank}.");
        }
    }
}
