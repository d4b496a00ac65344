namespace NativeCollectives;

/// <summary>The ring's settings, from the options and, where these are silent, from the environment.</summary>
internal static class RingConfiguration
{
    private const string Name = "ring";

    private static readonly SettingName _rank = SettingName.OfRing(nameof(RingOptions.Rank));
    private static readonly SettingName _hosts = SettingName.OfRing(nameof(RingOptions.Hosts));
    private static readonly SettingName _hostFile = SettingName.OfRing(nameof(RingOptions.HostFile));

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

    internal static BackendConfiguration Read(
        RingOptions? options,
        LaunchEnvironment environment,
        Func<SettingName, string>? nameOf = null
    )
    {
        OptionCheck.RequireNone(Problems(options), nameOf);
        List<string> missing = [];
        List<SettingName> given = [];
        bool hasHosts =
            options is { Hosts: not null } or { HostFile: not null } || environment.IsPresent(MlxVariables.HostFile);

        int? rank = options?.Rank;
        string? variable = rank is null ? environment.FindRank([KnownLauncher.Mlx.Rank], hasHosts) : null;
        if (rank is not null)
        {
            given.Add(_rank);
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
            given.Add(_hosts);
            if (
                variable is not null
                && OptionCheck.RankWithin(rank, variable, _hosts, list.Count).FirstOrDefault() is { } outOfRange
            )
            {
                throw outOfRange.ToException(nameOf ?? OptionCheck.InCode, Name, rank!.Value);
            }
        }
        else if (options?.HostFile is { } path)
        {
            hosts = new("hostfile", path);
            given.Add(_hostFile);
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

    /// <summary>What is wrong with the options.</summary>
    internal static IEnumerable<OptionProblem> Problems(RingOptions? options)
    {
        if (options is null)
        {
            return [];
        }

        return
        [
            .. OptionCheck.AtLeast(0, options.Rank, _rank, $"ranks count from 0"),
            .. options is { Hosts: not null, HostFile: not null }
                ? [OptionProblem.Exclusive([_hosts, _hostFile], "where the ranks are")]
                : Array.Empty<OptionProblem>(),
            .. OptionCheck.Path(options.HostFile, _hostFile),
            .. options.Hosts is { } hosts ? Problems(hosts) : [],
            .. OptionCheck.RankWithin(options.Rank, _rank, _hosts, options.Hosts?.Count ?? 0),
        ];
    }

    private static IEnumerable<OptionProblem> Problems(IReadOnlyList<IReadOnlyList<string>> hosts)
    {
        if (hosts.Count == 0)
        {
            yield return new(_hosts, "empty", $"should have one entry per rank");
        }

        for (int rank = 0; rank < hosts.Count; rank++)
        {
            if (hosts[rank] is not { Count: > 0 } addresses)
            {
                yield return new(_hosts.At(rank), "empty", $"should have an address for rank {rank}");
                continue;
            }

            for (int index = 0; index < addresses.Count; index++)
            {
                if (OptionCheck.IsBlank(addresses[index]))
                {
                    yield return new(
                        _hosts.At(rank).At(index),
                        $"\"{OptionCheck.Visible(addresses[index])}\"",
                        $"should be an address for rank {rank}"
                    );
                }
            }
        }
    }
}
