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
    }

    /// <summary>The backend and its settings; <see langword="null"/>: a group of one.</summary>
    internal BackendConfiguration? Configuration { get; }

    internal TimeSpan FormingTimeout { get; }

    internal TimeSpan OperationTimeout { get; }

    internal Action<CollectiveLogLevel, string>? Log { get; }

    internal CollectiveObserver? Observer { get; }

    /// <summary>What every message on the standard error stream begins with; <see langword="null"/>: none is written there.</summary>
    internal string? ErrorPrefix { get; private init; }

    /// <summary>What there is to say about the decision.</summary>
    internal string? Warning { get; private init; }

    /// <summary>Decides.</summary>
    /// <param name="options">What the program wants.</param>
    /// <param name="environment">What the process was told.</param>
    /// <param name="whyUnavailable">
    /// Why a backend cannot be used on this machine; <see langword="null"/> if it can. It is not asked where the ranks find that out together.
    /// </param>
    internal static GroupPlan Make(DistributedGroupOptions options, LaunchEnvironment environment, Func<BackendConfiguration, string?> whyUnavailable)
    {
        Validate(options);
        if (options.Backend == BackendKind.None)
        {
            return new GroupPlan(options, null);
        }

        BackendKind[] candidates = options.Backend == BackendKind.Any ? BackendNames.InOrder : [options.Backend];
        List<BackendConfiguration> unconfigured = [];
        List<string> unusable = [];
        foreach (BackendKind candidate in candidates)
        {
            BackendConfiguration configuration = BackendConfiguration.Read(candidate, options, environment);
            if (!configuration.IsConfigured)
            {
                unconfigured.Add(configuration);
            }
            else if (configuration.BootstrapGroup is null && whyUnavailable(configuration) is { } reason)
            {
                unusable.Add($"{configuration.Name}: {reason}");
            }
            else
            {
                return new GroupPlan(options, configuration)
                {
                    ErrorPrefix = candidate == BackendKind.Ring && environment.IsRingVerbose ? "[ring] " : null,
                    Warning = unusable.Count == 0
                        ? null
                        : $"{configuration.Name} is used; what comes before it is configured too, but cannot be used here. {Join(unusable)}",
                };
            }
        }

        // Whoever configured a backend means a group of several processes: that each of them went on alone would be the worst of outcomes.
        if (unusable.Count > 0)
        {
            throw new BackendUnavailableException($"What is configured cannot be used here. {Join(unusable)}") { Backend = BackendNames.Of(options.Backend) };
        }

        string missing = string.Join("; ", unconfigured.Select(static configuration => configuration.DescribeMissing()));
        if (options.Strict)
        {
            throw new BackendUnavailableException($"No backend is configured. {missing}.") { Backend = BackendNames.Of(options.Backend) };
        }

        return new GroupPlan(options, null)
        {
            ErrorPrefix = unconfigured.Any(static configuration => configuration.Backend == BackendKind.Ring) && environment.IsRingVerbose ? "[ring] " : null,
            Warning = unconfigured.Any(static configuration => configuration.Given.Count > 0)
                ? $"The group has this process as its only rank, because no backend is completely configured. {missing}."
                : null,
        };
    }

    private static string Join(List<string> sentences) => string.Join(" ", sentences);

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
