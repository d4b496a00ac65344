namespace NativeCollectives;

/// <summary>
/// Which group is to be formed: the options and the environment, decided. Nothing has been opened or connected yet.
/// </summary>
internal sealed class GroupPlan
{
    private GroupPlan(DistributedGroupOptions options, BackendConfiguration? configuration)
    {
        Configuration = configuration;
        FormingTimeout = options.HasFormingTimeout
            ? options.FormingTimeout
            : configuration?.FormingTimeout ?? options.FormingTimeout;
        OperationTimeout = options.OperationTimeout;
        Log = options.Log;
        Observer = options.Observer;
        Name = options.Name;
        WarnsOnStandardError = options.Log is null || !options.IsLogHeard;
    }

    /// <summary>The backend and its settings; <see langword="null"/>: a group of one.</summary>
    internal BackendConfiguration? Configuration { get; }

    internal TimeSpan FormingTimeout { get; }

    internal TimeSpan OperationTimeout { get; }

    internal Action<CollectiveLogLevel, string>? Log { get; }

    internal CollectiveObserver? Observer { get; }

    /// <summary>The name of the group.</summary>
    internal string? Name { get; }

    /// <summary>
    /// What every message on the standard error stream begins with; <see langword="null"/>: none is written there.
    /// </summary>
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
    /// Why a backend cannot be used on this machine; <see langword="null"/> if it can. It is not asked where the ranks
    /// find that out together.
    /// </param>
    internal static GroupPlan Make(
        DistributedGroupOptions options,
        LaunchEnvironment environment,
        Func<BackendConfiguration, string?> whyUnavailable
    )
    {
        OptionCheck.RequireNone(ProblemsOf(options), options.NameOf);
        if (options.Launched is { } launched)
        {
            options = launched.RemoveFrom(options);
        }

        if (options.Backend == BackendKind.None)
        {
            return new GroupPlan(options, null);
        }

        var choice = new BackendChoice(options, environment);
        choice.Make(whyUnavailable);
        bool isRing = choice.Configuration is { } chosen ? chosen.Backend == BackendKind.Ring : choice.CanBeRing;
        return new GroupPlan(options, choice.Configuration)
        {
            ErrorPrefix = isRing && environment.IsRingVerbose ? "[ring] " : null,
            Warning = choice.Warning,
            Note = choice.Note,
            Missing = [.. choice.Missing],
        };
    }

    /// <summary>
    /// What is wrong with the options, of those that count. Nothing is read but the variable that names the backend.
    /// </summary>
    /// <exception cref="RendezvousException">That variable is malformed.</exception>
    internal static IReadOnlyList<OptionProblem> Problems(
        DistributedGroupOptions options,
        LaunchEnvironment environment
    )
    {
        OptionProblem[] own = [.. ProblemsOf(options)];
        if (own.Length > 0)
        {
            return own;
        }

        options = options.Launched?.RemoveFrom(options) ?? options;
        return options.Backend == BackendKind.None
            ? []
            :
            [
                .. BackendChoice
                    .Among(options, environment)
                    .SelectMany(backend => BackendConfiguration.Problems(backend, options)),
            ];
    }

    private static IEnumerable<OptionProblem> ProblemsOf(DistributedGroupOptions options)
    {
        if (!Enum.IsDefined(options.Backend))
        {
            yield return new(
                SettingName.OfGroup(nameof(options.Backend)),
                OptionCheck.Text((int)options.Backend),
                $"should be a backend"
            );
        }

        if (
            options.BackendDirectory is { } directory
            && (string.IsNullOrWhiteSpace(directory) || directory.Contains('\0'))
        )
        {
            yield return new(
                SettingName.OfGroup(nameof(options.BackendDirectory)),
                $"\"{directory}\"",
                $"should be the path of a folder, neither blank nor with a NUL"
            );
        }

        (TimeSpan Value, string Name)[] timeouts =
        [
            (options.FormingTimeout, nameof(options.FormingTimeout)),
            (options.OperationTimeout, nameof(options.OperationTimeout)),
        ];
        foreach ((TimeSpan value, string name) in timeouts)
        {
            if (!Timeouts.IsValid(value))
            {
                yield return new(SettingName.OfGroup(name), value.ToString(), $"{Timeouts.Requirement}");
            }
        }
    }
}
