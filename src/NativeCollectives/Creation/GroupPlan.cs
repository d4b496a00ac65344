namespace NativeCollectives;

/// <summary>Which group is to be formed: the options and the environment, decided. Nothing has been opened or connected yet.</summary>
internal sealed class GroupPlan
{
    private GroupPlan(DistributedGroupOptions options, BackendConfiguration? configuration)
    {
        Configuration = configuration;
        FormingTimeout = options.HasFormingTimeout ? options.FormingTimeout : configuration?.FormingTimeout ?? options.FormingTimeout;
        OperationTimeout = options.OperationTimeout;
        Log = options.Log;
        Observer = options.Observer;
        WarnsOnStandardError = options.Log is null || !options.IsLogHeard;
    }

    /// <summary>The backend and its settings; <see langword="null"/>: a group of one.</summary>
    internal BackendConfiguration? Configuration { get; }

    internal TimeSpan FormingTimeout { get; }

    internal TimeSpan OperationTimeout { get; }

    internal Action<CollectiveLogLevel, string>? Log { get; }

    internal CollectiveObserver? Observer { get; }

    /// <summary>What every message on the standard error stream begins with; <see langword="null"/>: none is written there.</summary>
    internal string? ErrorPrefix { get; private init; }

    /// <summary>Whether the standard error stream gets the warning: nobody else would.</summary>
    internal bool WarnsOnStandardError { get; }

    /// <summary>What somebody should know about the decision.</summary>
    internal string? Warning { get; private init; }

    /// <summary>Why this backend, where several could be meant.</summary>
    internal string? Note { get; private init; }

    /// <summary>What is missing of each backend that could have been chosen and is not configured.</summary>
    internal IReadOnlyList<string> Missing { get; private init; } = [];

    /// <summary>Decides.</summary>
    /// <param name="options">What the program wants.</param>
    /// <param name="environment">What the process was told.</param>
    /// <param name="whyUnavailable">
    /// Why a backend cannot be used on this machine; <see langword="null"/> if it can. It is not asked where the ranks find that out together.
    /// </param>
    internal static GroupPlan Make(DistributedGroupOptions options, LaunchEnvironment environment, Func<BackendConfiguration, string?> whyUnavailable)
    {
        Validate(options);
        if (options.Launched is { } launched)
        {
            options = launched.RemoveFrom(options);
        }

        if (options.Backend == BackendKind.None)
        {
            return new GroupPlan(options, null);
        }

        BackendKind? named = options.Backend == BackendKind.Any ? BackendVariable.Read(environment) : null;
        BackendKind wanted = named ?? options.Backend;
        Candidate[] candidates =
        [
            .. (wanted == BackendKind.Any ? BackendNames.InOrder : [wanted])
                .Select(backend => Candidate.Of(backend, options, environment))
                .OrderByDescending(static candidate => candidate.Origin),
        ];
        List<Candidate> passed = [];
        List<string> unusable = [];
        foreach (Candidate candidate in candidates)
        {
            if (candidate.Malformed is not null && candidate.Origin > Origin.None)
            {
                throw candidate.Malformed;
            }

            if (candidate.Configuration is { IsConfigured: true } configuration)
            {
                if (configuration.BootstrapGroup is null && whyUnavailable(configuration) is { } reason)
                {
                    unusable.Add($"{configuration.Name}: {reason}");
                }
                else
                {
                    return Take(configuration);
                }
            }

            passed.Add(candidate);
        }

        // Whoever configured a backend means a group of several processes: that each of them went on alone would be the worst of outcomes.
        if (unusable.Count > 0)
        {
            throw Unavailable($"What is configured cannot be used here. {Join(unusable)}");
        }

        if (Array.Find(candidates, static candidate => candidate.Malformed is not null) is { } malformed)
        {
            throw malformed.Malformed!;
        }

        return TakeNone();

        GroupPlan Take(BackendConfiguration configuration)
        {
            // Variables that can be left over do not take the place of something better in silence.
            Candidate[] better = [.. passed.Where(other => other.Origin > configuration.Origin && other.Configuration is { IsConfigured: false, IsBegun: true })];
            List<string> warnings = [];
            if (unusable.Count > 0)
            {
                warnings.Add($"{configuration.Name} is used; what comes before it is configured too, but cannot be used here. {Join(unusable)}");
            }

            if (better.Length > 0)
            {
                warnings.Add($"{configuration.DescribeGiven()} is used, because what comes before it is not completely configured. {DescribeMissing(better)}.");
            }

            bool isDoubtful = configuration.Origin == Origin.Shared && warnings.Count > 0;
            if (configuration is { KnownSize: 1, SizeVariable: { } variable } && Launcher.Find(environment) is { } launcher)
            {
                isDoubtful = true;
                warnings.Add(
                    $"The group has this process as its only rank, because the environment variable {variable} is 1, "
                    + $"but {launcher.Name} seems to have started several processes ({launcher.Sign}). {WhatToSet(launcher)}");
            }

            if (isDoubtful && options.Strict)
            {
                throw Unavailable(Join(warnings));
            }

            Candidate[] others = [.. candidates.Where(other =>
                other.Backend != configuration.Backend && other.Origin is not Origin.None && other.Origin < configuration.Origin
                && other.Configuration is not { IsConfigured: false })];
            return new GroupPlan(options, configuration)
            {
                ErrorPrefix = configuration.Backend == BackendKind.Ring && environment.IsRingVerbose ? "[ring] " : null,
                Warning = warnings.Count == 0 ? null : Join(warnings),
                Note = others.Length == 0
                    ? null
                    : $"{configuration.DescribeGiven()} is used; {string.Join(" and ", others.Select(static other => other.Describe()))} could be meant too, "
                        + "but only by variables that count less.",
                Missing = [.. MissingOf(candidates)],
            };
        }

        GroupPlan TakeNone()
        {
            string missing = DescribeMissing(candidates);
            Launcher? launcher = Launcher.Find(environment);
            string? reason =
                launcher is not null ? $"although {launcher.Name} seems to have started several processes ({launcher.Sign}), because no backend is completely configured"
                : named is not null ? $"although {BackendVariable.Name} is {BackendNames.Of(named.Value)}, because that is not completely configured"
                : Array.Exists(candidates, static candidate => candidate.Configuration is { IsBegun: true })
                    ? "because no backend is completely configured"
                : environment.IsPresent(MistralLaunch.RingFileVariable) && candidates.Any(static candidate => candidate.Backend == BackendKind.Ring)
                    ? $"although {MistralLaunch.RingFileVariable} is set, which only NativeCollectives.Hosting reads"
                : null;
            string hint = launcher is null ? "" : $" {WhatToSet(launcher)}";
            string byVariable = named is null ? "" : $" {BackendVariable.Name} is {BackendNames.Of(named.Value)}.";
            if (options.Strict)
            {
                throw Unavailable($"No backend is configured.{byVariable} {missing}.{hint}");
            }

            // An explicit configuration of another backend than the named one is a contradiction, not the wish for a group of one.
            if (named is not null && Array.Find(BackendNames.InOrder, other => IsProgramsOwn(other)) is var configured and not BackendKind.Any)
            {
                throw Unavailable(
                    $"{BackendVariable.Name} is {BackendNames.Of(named.Value)}, but the program configures {BackendNames.Of(configured)}. {missing}.");
            }

            return new GroupPlan(options, null)
            {
                ErrorPrefix = environment.IsRingVerbose && candidates.Any(static candidate => candidate.Backend == BackendKind.Ring) ? "[ring] " : null,
                Warning = reason is null ? null : $"The group has this process as its only rank, {reason}. {missing}.{hint}",
                Missing = [.. MissingOf(candidates)],
            };
        }

        bool IsProgramsOwn(BackendKind other) =>
            other != named && BackendConfiguration.OriginOf(other, options, environment) == Origin.Program
            && Candidate.Of(other, options, environment).Configuration is { IsConfigured: true };

        BackendUnavailableException Unavailable(string message) => new(message) { Backend = BackendNames.Of(wanted) };

        string WhatToSet(Launcher launcher)
        {
            string rank = launcher.RankVariable is null ? "" : $" ({launcher.RankVariable} tells the rank)";
            string[] ways =
            [
                .. candidates.Select(static candidate => candidate.Backend).Order().Select(static backend => backend switch
                {
                    BackendKind.Ring => $"{LaunchEnvironment.HostFileVariable} or RingOptions.Hosts for a ring",
                    BackendKind.Nccl => "MASTER_ADDR and MASTER_PORT for nccl",
                    _ => "MLX_IBV_DEVICES and MLX_JACCL_COORDINATOR for jaccl",
                }),
            ];
            return $"Set where the ranks meet{rank}: {string.Join(", ", ways)}; or BackendKind.None, if each process is to be alone.";
        }
    }

    private static string DescribeMissing(IEnumerable<Candidate> candidates) => string.Join("; ", MissingOf(candidates));

    private static IEnumerable<string> MissingOf(IEnumerable<Candidate> candidates) =>
        candidates.Select(static candidate => candidate.Configuration)
            .OfType<BackendConfiguration>()
            .Where(static configuration => !configuration.IsConfigured)
            .Select(static configuration => configuration.DescribeMissing());

    private static string Join(List<string> sentences) => string.Join(" ", sentences);

    // A backend that could be meant. Malformed variables are an error only if it would be chosen, so that what is left over does not disturb what is configured.
    private sealed record Candidate(BackendKind Backend, Origin Origin, BackendConfiguration? Configuration, RendezvousException? Malformed)
    {
        internal static Candidate Of(BackendKind backend, DistributedGroupOptions options, LaunchEnvironment environment)
        {
            Origin origin = BackendConfiguration.OriginOf(backend, options, environment);
            try
            {
                return new(backend, origin, BackendConfiguration.Read(backend, options, environment) with { Origin = origin }, null);
            }
            catch (RendezvousException malformed)
            {
                return new(backend, origin, null, malformed);
            }
        }

        internal string Describe() => Configuration?.DescribeGiven() ?? $"{BackendNames.Of(Backend)} (malformed)";
    }

    private static void Validate(DistributedGroupOptions options)
    {
        if (!Enum.IsDefined(options.Backend))
        {
            throw new ArgumentException($"DistributedGroupOptions.Backend is {(int)options.Backend}, which is not a backend.", nameof(options));
        }

        RequireTimeout(options.FormingTimeout, nameof(options.FormingTimeout));
        RequireTimeout(options.OperationTimeout, nameof(options.OperationTimeout));
    }

    private static void RequireTimeout(TimeSpan value, string name)
    {
        if (!Timeouts.IsValid(value))
        {
            throw new ArgumentException($"{nameof(DistributedGroupOptions)}.{name} is {value}, but {Timeouts.Requirement}.", "options");
        }
    }
}
