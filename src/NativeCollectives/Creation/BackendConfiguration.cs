namespace NativeCollectives;

/// <summary>What is known of a backend's settings before it is asked to form a group.</summary>
/// <param name="Backend">The backend.</param>
/// <param name="Missing">What it needs and nobody gave, each by the name to give it under; empty: it is configured.</param>
/// <param name="Given">What it needs and somebody gave.</param>
internal sealed record BackendConfiguration(BackendKind Backend, IReadOnlyList<string> Missing, IReadOnlyList<string> Given)
{
    /// <summary>The own rank.</summary>
    internal int Rank { get; init; }

    /// <summary>The native settings, by name.</summary>
    internal IReadOnlyList<KeyValuePair<string, string>> Settings { get; init; } = [];

    /// <summary>Those of the settings that name the libraries which the backend needs.</summary>
    internal IReadOnlyList<KeyValuePair<string, string>> Libraries { get; init; } = [];

    /// <summary>How long forming the group may take if the program does not say; <see langword="null"/>: the usual time.</summary>
    internal TimeSpan? FormingTimeout { get; init; }

    /// <summary>The group over which the ranks agree on where they meet before this one is formed; <see langword="null"/>: they know.</summary>
    internal DistributedGroup? BootstrapGroup { get; init; }

    /// <summary>By what the ranks tell each other where they are; <see langword="null"/>: the native library connects them.</summary>
    internal JacclSideChannel? SideChannel { get; init; }

    internal bool IsConfigured => Missing.Count == 0;

    internal string Name => BackendNames.Of(Backend);

    internal static BackendConfiguration Read(BackendKind backend, DistributedGroupOptions options, LaunchEnvironment environment) => backend switch
    {
        BackendKind.Ring => RingConfiguration.Read(options.Ring, environment),
        BackendKind.Nccl => NcclConfiguration.Read(options.Nccl, environment),
        BackendKind.Jaccl => JacclConfiguration.Read(options.Jaccl, environment),
        _ => throw new ArgumentOutOfRangeException(nameof(backend), backend, "This backend has no configuration."),
    };

    /// <summary>Such as <c>ring: MLX_HOSTFILE is missing (MLX_RANK is set)</c>.</summary>
    internal string DescribeMissing()
    {
        string missing = $"{Name}: {string.Join(", ", Missing)} {(Missing.Count == 1 ? "is" : "are")} missing";
        return Given.Count == 0 ? missing : $"{missing} ({string.Join(", ", Given)} {(Given.Count == 1 ? "is" : "are")} set)";
    }
}
