namespace NativeCollectives;

/// <summary>
/// Which backend is meant, and why: what somebody has said for this program comes before what may be left over.
/// </summary>
/// <remarks>The library, a host and <c>collectives doctor</c> all decide by this class.</remarks>
internal sealed class BackendChoice
{
    private readonly DistributedGroupOptions _options;
    private readonly LaunchEnvironment _environment;
    private readonly BackendKind? _named;
    private readonly Candidate[] _candidates;

    /// <exception cref="ArgumentException">An option's value is impossible.</exception>
    /// <exception cref="RendezvousException"><c>NC_BACKEND</c> is malformed.</exception>
    internal BackendChoice(DistributedGroupOptions options, LaunchEnvironment environment)
    {
        _options = options;
        _environment = environment;
        _named = options.Backend == BackendKind.Any ? OwnVariables.ReadBackend(environment) : null;
        _candidates =
        [
            .. Among(Wanted)
                .Select(backend => Candidate.Of(backend, options, environment))
                .OrderByDescending(static candidate => candidate.Origin),
        ];
    }

    /// <summary>The backends whose options count.</summary>
    /// <exception cref="RendezvousException"><c>NC_BACKEND</c> is malformed.</exception>
    internal static BackendKind[] Among(DistributedGroupOptions options, LaunchEnvironment environment) =>
        Among((options.Backend == BackendKind.Any ? OwnVariables.ReadBackend(environment) : null) ?? options.Backend);

    private static BackendKind[] Among(BackendKind wanted) =>
        wanted == BackendKind.Any ? BackendNames.InOrder : [wanted];

    /// <summary>The backend; <see langword="null"/>: a group of one.</summary>
    internal BackendConfiguration? Configuration { get; private set; }

    /// <summary>What somebody should know about the choice.</summary>
    internal string? Warning { get; private set; }

    /// <summary>Why this backend, where several could be meant.</summary>
    internal string? Note { get; private set; }

    /// <summary>Whether the ring is among the backends that could be meant.</summary>
    internal bool CanBeRing => Array.Exists(_candidates, static candidate => candidate.Backend == BackendKind.Ring);

    /// <summary>What is missing of each backend that could be meant and is not configured.</summary>
    internal IEnumerable<string> Missing => MissingOf(_candidates);

    private BackendKind Wanted => _named ?? _options.Backend;

    /// <summary>Chooses.</summary>
    /// <param name="whyUnavailable">
    /// Why a backend cannot be used on this machine; <see langword="null"/> if it can.
    /// </param>
    internal void Make(Func<BackendConfiguration, string?> whyUnavailable)
    {
        List<string> unusable = [];
        foreach (Candidate candidate in _candidates)
        {
            if (candidate is { Malformed: { } malformed, Origin: > Origin.None })
            {
                throw malformed;
            }

            if (!candidate.IsConfigured)
            {
                continue;
            }

            // The ranks of a group that is bootstrapped by another one find that out together.
            BackendConfiguration configuration = candidate.Configuration!;
            if (configuration.BootstrapGroup is not null || whyUnavailable(configuration) is not { } reason)
            {
                Take(configuration, unusable);
                return;
            }

            unusable.Add($"{configuration.Name}: {reason}");
        }

        // Whoever configured a backend means several processes: that each went on alone would be the worst of outcomes.
        if (unusable.Count > 0)
        {
            throw Unavailable($"What is configured cannot be used here. {Join(unusable)}");
        }

        if (Array.Find(_candidates, static candidate => candidate.Malformed is not null)?.Malformed is { } other)
        {
            throw other;
        }

        TakeNone();
    }

    private void Take(BackendConfiguration configuration, List<string> unusable)
    {
        List<string> warnings = [];
        if (unusable.Count > 0)
        {
            warnings.Add(
                $"{configuration.Name} is used; what comes before it is configured too, but cannot be used here. "
                    + Join(unusable)
            );
        }

        Candidate[] halves =
        [
            .. _candidates.Where(candidate => candidate.IsHalf && candidate.Origin > configuration.Origin),
        ];
        if (halves.Length > 0)
        {
            warnings.Add(
                $"{configuration.DescribeGiven(_options.NameOf)} is used, because what comes before it is not completely configured. "
                    + $"{string.Join("; ", MissingOf(halves))}."
            );
        }

        // Variables that can be left over do not take the place of something better.
        bool isDoubtful = configuration.Origin == Origin.Shared && warnings.Count > 0;
        if (
            configuration is { KnownSize: 1, SizeVariable: { } variable }
            && ProcessLauncher.Find(_environment) is { } launcher
        )
        {
            isDoubtful = true;
            warnings.Add(
                $"The group has this process as its only rank, because the environment variable {variable} is 1, but "
                    + $"{launcher.Describe()}. {WhatToSet(launcher)}"
            );
        }

        if (isDoubtful && _options.Strict)
        {
            throw Unavailable(Join(warnings));
        }

        Configuration = configuration;
        Warning = warnings.Count == 0 ? null : Join(warnings);
        Candidate[] weaker =
        [
            .. _candidates.Where(candidate =>
                candidate.Origin > Origin.None
                && candidate.Origin < configuration.Origin
                && (candidate.IsConfigured || candidate.Malformed is not null)
            ),
        ];
        string others = string.Join(" and ", weaker.Select(candidate => candidate.Describe(_options.NameOf)));
        Note =
            weaker.Length == 0
                ? null
                : $"{configuration.DescribeGiven(_options.NameOf)} is used; {others} could be meant too, but only by variables that "
                    + "count less.";
    }

    private void TakeNone()
    {
        string missing = string.Join("; ", Missing);
        string byVariable = _named is null ? "" : $" {OwnVariables.Backend} is {BackendNames.Of(Wanted)}.";
        ProcessLauncher? launcher = ProcessLauncher.Find(_environment);
        string hint = launcher is null ? "" : $" {WhatToSet(launcher)}";
        if (_options.Strict)
        {
            string byLauncher = launcher is null ? "" : $" {launcher.Describe()}.";
            throw Unavailable($"No backend is configured.{byVariable}{byLauncher} {missing}.{hint}");
        }

        // One backend is named, another configured: that is a contradiction, and no wish for a group of one.
        if (Configured() is { } configured)
        {
            throw Unavailable(
                $"{OwnVariables.Backend} is {BackendNames.Of(Wanted)}, but the program configures "
                    + $"{BackendNames.Of(configured)}. {missing}."
            );
        }

        if (WhyNone(launcher) is { } reason)
        {
            Warning = $"The group has this process as its only rank, {reason}. {missing}.{hint}";
        }
    }

    // The backend that the program configures although the variable names another one.
    private BackendKind? Configured()
    {
        if (_named is null)
        {
            return null;
        }

        Candidate? other = BackendNames
            .InOrder.Where(backend => backend != _named)
            .Select(backend => Candidate.Of(backend, _options, _environment))
            .FirstOrDefault(static candidate => candidate is { IsConfigured: true, Origin: Origin.Program });
        return other?.Backend;
    }

    // What makes a group of one doubtful; null: nothing does.
    private string? WhyNone(ProcessLauncher? launcher)
    {
        const string Incomplete = "no backend is completely configured";
        if (launcher is not null)
        {
            return $"although {launcher.Describe()}, because {Incomplete}";
        }

        if (_named is { } named)
        {
            return $"although {OwnVariables.Backend} is {BackendNames.Of(named)}, because {Incomplete}";
        }

        if (Array.Exists(_candidates, static candidate => candidate.IsHalf))
        {
            return $"because {Incomplete}";
        }

        return CanBeRing && _environment.IsPresent(MistralRingFile.Variable) && _options.Launched is null
            ? $"although {MistralRingFile.Variable} is set, which only NativeCollectives.Hosting reads"
            : null;
    }

    private string WhatToSet(ProcessLauncher launcher)
    {
        string rank = launcher.RankVariable is null ? "" : $" ({launcher.RankVariable} tells the rank)";
        IEnumerable<string> ways = _candidates.Select(static candidate =>
            candidate.Backend switch
            {
                BackendKind.Ring => $"{MlxVariables.HostFile} or RingOptions.Hosts for a ring",
                BackendKind.Nccl => $"{TorchrunLaunch.Host} and {TorchrunLaunch.Port} for nccl",
                _ => $"{MlxVariables.DeviceFile} and {MlxVariables.Coordinator} for jaccl",
            }
        );
        return $"Set where the ranks meet{rank}: {string.Join(", ", ways)}; "
            + "or BackendKind.None, if each process is to be alone.";
    }

    private IEnumerable<string> MissingOf(IEnumerable<Candidate> candidates) =>
        candidates
            .Where(static candidate => candidate.Configuration is { IsConfigured: false })
            .Select(candidate => candidate.Configuration!.DescribeMissing(_options.NameOf));

    private BackendUnavailableException Unavailable(string message) =>
        new(message) { Backend = BackendNames.Of(Wanted) };

    private static string Join(List<string> sentences) => string.Join(" ", sentences);
}
