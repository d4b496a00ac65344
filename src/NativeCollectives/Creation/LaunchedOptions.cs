namespace NativeCollectives;

/// <summary>
/// The values of some options that a launcher's variables gave, not the program: NativeCollectives.Hosting makes
/// settings of those variables. When it is decided which group to form, the variables themselves count, so that a host
/// and <see cref="DistributedGroup.Create()"/> decide alike.
/// </summary>
/// <param name="environment">Where the variables are.</param>
internal sealed class LaunchedOptions(LaunchEnvironment environment)
{
    internal LaunchEnvironment Environment => environment;

    internal BackendKind Backend { get; set; } = BackendKind.Any;

    internal TimeSpan? FormingTimeout { get; set; }

    /// <summary>
    /// The ring's. Its <see cref="RingOptions.Hosts"/> are those of mistral.rs's file, which only
    /// NativeCollectives.Hosting reads.
    /// </summary>
    internal RingOptions Ring { get; } = new();

    internal NcclOptions Nccl { get; } = new();

    internal JacclOptions Jaccl { get; } = new();

    /// <summary>The options without these values. Whatever code has set since is kept.</summary>
    internal DistributedGroupOptions RemoveFrom(DistributedGroupOptions options)
    {
        DistributedGroupOptions rest = options.Copy();
        rest.Backend = Without(options.Backend, Backend, BackendKind.Any);
        if (FormingTimeout is not null && options.FormingTimeout == FormingTimeout)
        {
            rest.ResetFormingTimeout();
        }

        if (options.Ring is { } ring)
        {
            rest.Ring = ring.Copy();
            rest.Ring.Rank = Without(ring.Rank, Ring.Rank);
            rest.Ring.HostFile = Without(ring.HostFile, Ring.HostFile);
        }

        if (options.Jaccl is { } jaccl)
        {
            rest.Jaccl = jaccl.Copy();
            rest.Jaccl.Rank = Without(jaccl.Rank, Jaccl.Rank);
            rest.Jaccl.DeviceFile = Without(jaccl.DeviceFile, Jaccl.DeviceFile);
            rest.Jaccl.Coordinator = Without(jaccl.Coordinator, Jaccl.Coordinator);
            rest.Jaccl.PreferRing = Without(jaccl.PreferRing, Jaccl.PreferRing);
        }

        rest.Nccl = Without(options.Nccl);
        return rest;
    }

    // What a launcher says of how NCCL's ranks meet is one whole. Where the program says how, rank and size are those
    // that were chosen for it.
    private NcclOptions? Without(NcclOptions? options)
    {
        if (options is null)
        {
            return null;
        }

        NcclOptions rest = options.Copy();
        rest.Rendezvous = Without(options.Rendezvous, Nccl.Rendezvous);
        rest.Bootstrap = Without(options.Bootstrap, Nccl.Bootstrap, NcclBootstrap.Auto);
        if (CodeLaunch.HasAddress(rest) || rest.Bootstrap != NcclBootstrap.Auto)
        {
            return options;
        }

        rest.Rank = Without(options.Rank, Nccl.Rank);
        rest.Size = Without(options.Size, Nccl.Size);
        return rest;
    }

    // Code that sets the same text has said so itself.
    private static string? Without(string? value, string? launched) => ReferenceEquals(value, launched) ? null : value;

    private static T? Without<T>(T? value, T? launched, T? otherwise = default) =>
        EqualityComparer<T?>.Default.Equals(value, launched) ? otherwise : value;
}
