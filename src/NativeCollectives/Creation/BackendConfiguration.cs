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

    internal bool IsConfigured => Missing.Count == 0;

    internal string Name => BackendNames.Of(Backend);

    internal static BackendConfiguration Read(BackendKind backend, DistributedGroupOptions options, LaunchEnvironment environment) => backend switch
    {
        BackendKind.Ring => RingConfiguration.Read(options.Ring, environment),
        BackendKind.Nccl => NcclConfiguration.Read(options.Nccl, environment),
        // Not built yet: its variables tell only whether somebody means it.
        BackendKind.Jaccl => ReadPresence(backend, environment, ["JACCL_IBV_DEVICES", "MLX_IBV_DEVICES"], ["JACCL_COORDINATOR", "MLX_JACCL_COORDINATOR"]),
        _ => throw new ArgumentOutOfRangeException(nameof(backend), backend, "This backend has no configuration."),
    };

    /// <summary>Such as <c>ring: MLX_HOSTFILE is missing (MLX_RANK is set)</c>.</summary>
    internal string DescribeMissing()
    {
        string missing = $"{Name}: {string.Join(", ", Missing)} {(Missing.Count == 1 ? "is" : "are")} missing";
        return Given.Count == 0 ? missing : $"{missing} ({string.Join(", ", Given)} {(Given.Count == 1 ? "is" : "are")} set)";
    }

    // Each entry is a setting, under the names that it may have; the last is the usual one.
    private static BackendConfiguration ReadPresence(BackendKind backend, LaunchEnvironment environment, params ReadOnlySpan<string[]> settings)
    {
        List<string> missing = [];
        List<string> given = [];
        foreach (string[] names in settings)
        {
            string? present = Array.Find(names, environment.IsPresent);
            (present is null ? missing : given).Add(present ?? names[^1]);
        }

        return new BackendConfiguration(backend, missing, given);
    }
}
