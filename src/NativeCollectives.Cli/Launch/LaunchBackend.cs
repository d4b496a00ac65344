namespace NativeCollectives.Cli.Launch;

/// <summary>The backends for which ranks can be told where the others are, by the names of mlx.launch.</summary>
internal static class LaunchBackend
{
    public const string Ring = "ring";
    public const string Jaccl = "jaccl";
    public const string JacclRing = "jaccl-ring";
    public const string Nccl = "nccl";

    public static readonly IReadOnlyList<string> All = [Ring, Jaccl, JacclRing, Nccl];

    /// <summary>The backend that the command line names, or else the hostfile; or else the one that this machine suggests.</summary>
    public static string Choose(string? option, string? hostFile) =>
        option ?? hostFile ?? (DistributedGroup.IsAvailable(BackendKind.Nccl) ? Nccl : Ring);
}
