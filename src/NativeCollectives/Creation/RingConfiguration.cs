namespace NativeCollectives;

/// <summary>The ring's settings, from the options and, where these are silent, from the environment.</summary>
internal static class RingConfiguration
{
    private const string Name = "ring";

    internal static Origin OriginOf(RingOptions? options, LaunchedOptions? launched, LaunchEnvironment environment)
    {
        if (options?.Hosts is { } hosts)
        {
            return ReferenceEquals(hosts, launched?.Ring.Hosts) ? Origin.Own : Origin.Program;
        }

        if (options?.HostFile is not null)
        {
            return Origin.Program;
        }

        // A hostfile with the rank of another launcher is no more than that launcher's own variables.
        bool hasRank = options?.Rank is not null || environment.IsPresent(KnownLauncher.Mlx.Rank);
        return !environment.IsPresent(MlxVariables.HostFile) ? Origin.None
            : hasRank ? Origin.Own
            : Origin.Shared;
    }

    internal static BackendConfiguration Read(RingOptions? options, LaunchEnvironment environment)
    {
        Validate(options);
        List<string> missing = [];
        List<string> given = [];
        bool hasHosts =
            options is { Hosts: not null } or { HostFile: not null } || environment.IsPresent(MlxVariables.HostFile);

        int? rank = options?.Rank;
        string? variable = rank is null ? environment.FindRank([KnownLauncher.Mlx.Rank], hasHosts) : null;
        if (rank is not null)
        {
            given.Add("RingOptions.Rank");
        }
        else if (variable is not null)
        {
            given.Add(variable);
            rank = environment.Rank(variable, Name);
        }
        else
        {
            missing.Add(KnownLauncher.Mlx.Rank);
        }

        KeyValuePair<string, string>? hosts = null;
        if (options?.Hosts is { } list)
        {
            hosts = new("hosts", JsonText.Write(json => json.WriteArray(list)));
            given.Add("RingOptions.Hosts");
            OptionCheck.RequireRankWithin(
                rank,
                variable,
                nameof(RingOptions),
                nameof(RingOptions.Hosts),
                list.Count,
                Name
            );
        }
        else if (options?.HostFile is { } path)
        {
            hosts = new("hostfile", path);
            given.Add("RingOptions.HostFile");
        }
        else if (environment.JsonFile(MlxVariables.HostFile, Name) is { } file)
        {
            hosts = new("hostfile", file);
            given.Add(MlxVariables.HostFile);
        }
        else
        {
            missing.Add(MlxVariables.HostFile);
        }

        return new BackendConfiguration(BackendKind.Ring, missing, given)
        {
            IsBegun = hasHosts || options?.Rank is not null || environment.IsRankOfSeveral(KnownLauncher.Mlx.Rank),
            Rank = rank ?? 0,
            Settings = hosts is null ? [] : [hosts.Value],
        };
    }

    private static void Validate(RingOptions? options)
    {
        if (options is null)
        {
            return;
        }

        OptionCheck.Require(
            options.Rank is null or >= 0,
            $"RingOptions.Rank is {options.Rank}, but ranks count from 0."
        );
        OptionCheck.Require(
            options.Hosts is null || options.HostFile is null,
            "RingOptions has both Hosts and HostFile, but only one of them can tell where the ranks are."
        );
        OptionCheck.RequirePath(options.HostFile, "RingOptions.HostFile");
        if (options.Hosts is not { } hosts)
        {
            return;
        }

        OptionCheck.Require(hosts.Count > 0, "RingOptions.Hosts is empty, but should have one entry per rank.");
        for (int rank = 0; rank < hosts.Count; rank++)
        {
            OptionCheck.Require(hosts[rank] is { Count: > 0 }, $"RingOptions.Hosts has no address for rank {rank}.");
            OptionCheck.Require(
                !hosts[rank].Any(OptionCheck.IsBlank),
                $"RingOptions.Hosts has a blank address for rank {rank}."
            );
        }
    }
}
