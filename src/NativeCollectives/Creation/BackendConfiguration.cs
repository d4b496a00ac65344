namespace NativeCollectives;

/// <summary>What is known of a backend's settings before it is asked to form a group.</summary>
/// <param name="Backend">The backend.</param>
/// <param name="Missing">
/// What it needs and nobody gave, each by the name to give it under; empty: it is configured.
/// </param>
/// <param name="Given">What it needs and somebody gave.</param>
internal sealed record BackendConfiguration(
    BackendKind Backend,
    IReadOnlyList<string> Missing,
    IReadOnlyList<SettingName> Given
)
{
    /// <summary>Who told where the ranks meet.</summary>
    internal Origin Origin { get; init; }

    /// <summary>
    /// Whether somebody has begun to configure it: something is given besides a rank that a launcher tells every
    /// program, so that a group of one is hardly meant.
    /// </summary>
    internal bool IsBegun { get; init; }

    /// <summary>The own rank.</summary>
    internal int Rank { get; init; }

    /// <summary>The number of ranks; <see langword="null"/>: it is not known yet.</summary>
    internal int? KnownSize { get; init; }

    /// <summary>The variable that told it; <see langword="null"/>: the program did.</summary>
    internal string? SizeVariable { get; init; }

    /// <summary>The native settings, by name.</summary>
    internal IReadOnlyList<KeyValuePair<string, string>> Settings { get; init; } = [];

    /// <summary>Those of the settings that name the libraries which the backend needs.</summary>
    internal IReadOnlyList<KeyValuePair<string, string>> Libraries { get; init; } = [];

    /// <summary>
    /// How long forming the group may take if the program does not say; <see langword="null"/>: the usual time.
    /// </summary>
    internal TimeSpan? FormingTimeout { get; init; }

    /// <summary>
    /// The group over which the ranks agree on where they meet before this one is formed; <see langword="null"/>: they
    /// know.
    /// </summary>
    internal DistributedGroup? BootstrapGroup { get; init; }

    /// <summary>
    /// By what the ranks tell each other where they are; <see langword="null"/>: the native library connects them.
    /// </summary>
    internal JacclSideChannel? SideChannel { get; init; }

    internal bool IsConfigured => Missing.Count == 0;

    internal string Name => BackendNames.Of(Backend);

    /// <summary>
    /// Who tells where a backend's ranks would meet. Nothing is read, so that this is known of malformed settings too.
    /// </summary>
    internal static Origin OriginOf(
        BackendKind backend,
        DistributedGroupOptions options,
        LaunchEnvironment environment
    ) =>
        backend switch
        {
            BackendKind.Ring => RingConfiguration.OriginOf(options.Ring, options.Launched, environment),
            BackendKind.Nccl => NcclConfiguration.OriginOf(options.Nccl, environment),
            BackendKind.Jaccl => JacclConfiguration.OriginOf(options.Jaccl, environment),
            _ => throw new ArgumentOutOfRangeException(nameof(backend), backend, "This backend has no configuration."),
        };

    internal static BackendConfiguration Read(
        BackendKind backend,
        DistributedGroupOptions options,
        LaunchEnvironment environment
    )
    {
        BackendConfiguration read = backend switch
        {
            BackendKind.Ring => RingConfiguration.Read(options.Ring, environment, options.NameOf),
            BackendKind.Nccl => NcclConfiguration.Read(options.Nccl, environment, options.NameOf),
            BackendKind.Jaccl => JacclConfiguration.Read(options.Jaccl, environment, options.NameOf),
            _ => throw new ArgumentOutOfRangeException(nameof(backend), backend, "This backend has no configuration."),
        };
        return read with
        {
            Settings = [.. read.Settings, .. Directory(options)],
            Libraries = [.. read.Libraries, .. Directory(options)],
        };
    }

    /// <summary>The native setting that says where backends lie, if the options do.</summary>
    internal static KeyValuePair<string, string>[] Directory(DistributedGroupOptions options) =>
        options.BackendDirectory is { } directory ? [new("backend_directory", directory)] : [];

    /// <summary>What is wrong with a backend's options.</summary>
    internal static IEnumerable<OptionProblem> Problems(BackendKind backend, DistributedGroupOptions options) =>
        backend switch
        {
            BackendKind.Ring => RingConfiguration.Problems(options.Ring),
            BackendKind.Nccl => NcclConfiguration.Problems(options.Nccl),
            BackendKind.Jaccl => JacclConfiguration.Problems(options.Jaccl),
            _ => throw new ArgumentOutOfRangeException(nameof(backend), backend, "This backend has no configuration."),
        };

    /// <summary>Such as <c>ring (MLX_RANK, MLX_HOSTFILE)</c>.</summary>
    /// <param name="nameOf">How settings are called.</param>
    internal string DescribeGiven(Func<SettingName, string> nameOf) =>
        Given.Count == 0 ? Name : $"{Name} ({string.Join(", ", Given.Select(nameOf))})";

    /// <summary>Such as <c>ring: MLX_HOSTFILE is missing (MLX_RANK is set)</c>.</summary>
    /// <param name="nameOf">How settings are called.</param>
    internal string DescribeMissing(Func<SettingName, string> nameOf)
    {
        string missing = $"{Name}: {string.Join(", ", Missing)} {(Missing.Count == 1 ? "is" : "are")} missing";
        return Given.Count == 0
            ? missing
            : $"{missing} ({string.Join(", ", Given.Select(nameOf))} {(Given.Count == 1 ? "is" : "are")} set)";
    }
}
