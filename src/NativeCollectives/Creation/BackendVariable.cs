namespace NativeCollectives;

/// <summary>The environment variable that names the backend where the program leaves the choice open.</summary>
internal static class BackendVariable
{
    internal const string Name = "NC_BACKEND";

    /// <summary>What the variable may be.</summary>
    private const string Expected = "any, ring, jaccl or nccl";

    /// <summary>The backend it names; <see langword="null"/>: it is absent, or leaves the choice open too.</summary>
    /// <exception cref="RendezvousException">It is malformed.</exception>
    internal static BackendKind? Read(LaunchEnvironment environment) =>
        environment.Text(Name) switch
        {
            null or "any" => null,
            "ring" => BackendKind.Ring,
            "jaccl" => BackendKind.Jaccl,
            "nccl" => BackendKind.Nccl,
            { } other => throw LaunchEnvironment.Malformed(Name, other, Expected, BackendNames.Of(BackendKind.Any)),
        };
}
