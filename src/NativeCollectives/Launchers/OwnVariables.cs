namespace NativeCollectives;

/// <summary>This library's own variables, which choose where the program leaves the choice open.</summary>
internal static class OwnVariables
{
    /// <summary>The variable that names the backend.</summary>
    internal const string Backend = "NC_BACKEND";

    /// <summary>The variable that names how NCCL's ranks meet.</summary>
    internal const string Bootstrap = "NC_NCCL_BOOTSTRAP";

    /// <summary>The ways in which NCCL's ranks meet, by name.</summary>
    internal static readonly (string Name, NcclBootstrap Value)[] Bootstraps =
    [
        ("auto", NcclBootstrap.Auto),
        ("mlx", NcclBootstrap.Mlx),
        ("torchrun", NcclBootstrap.Torchrun),
        ("mistral", NcclBootstrap.Mistral),
        ("comm_id", NcclBootstrap.CommId),
    ];

    private static readonly (string Name, BackendKind Value)[] _backends =
    [
        .. new[] { BackendKind.Any, BackendKind.Ring, BackendKind.Jaccl, BackendKind.Nccl }.Select(static backend =>
            (BackendNames.Of(backend), backend)
        ),
    ];

    /// <summary>The backend that is named; <see langword="null"/>: none is, or the choice is left open too.</summary>
    /// <exception cref="RendezvousException">The variable is malformed.</exception>
    internal static BackendKind? ReadBackend(LaunchEnvironment environment) =>
        environment.Choice(Backend, _backends, BackendNames.Of(BackendKind.Any)) is { } backend and not BackendKind.Any
            ? backend
            : null;

    /// <summary>Whether it is named how NCCL's ranks meet, rightly or wrongly.</summary>
    internal static bool NamesBootstrap(LaunchEnvironment environment) =>
        environment.Text(Bootstrap) is not (null or "auto");

    /// <summary>How NCCL's ranks meet.</summary>
    /// <exception cref="RendezvousException">The variable is malformed.</exception>
    internal static NcclBootstrap ReadBootstrap(LaunchEnvironment environment) =>
        environment.Choice(Bootstrap, Bootstraps, NcclConfiguration.Name) ?? NcclBootstrap.Auto;
}
