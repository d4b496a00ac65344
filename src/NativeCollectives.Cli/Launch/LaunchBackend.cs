namespace NativeCollectives.Cli.Launch;

/// <summary>The backends for which ranks can be told where the others are, by the names of mlx.launch.</summary>
internal static class LaunchBackend
{
    public const string Ring = "ring";
    public const string Jaccl = "jaccl";
    public const string JacclRing = "jaccl-ring";
    public const string Nccl = "nccl";

    public static readonly IReadOnlyList<string> All = [Ring, Jaccl, JacclRing, Nccl];

    /// <summary>A hostfile's backend.</summary>
    /// <exception cref="ToolException">It is none of these.</exception>
    public static string OfHostFile(string name)
    {
        if (All.Contains(name))
        {
            return name;
        }

        var meant =
            name == "mpi" ? "which only mlx.launch has, and mpirun of its own"
            : Similar.To(name.ToLowerInvariant(), All) is { } similar ? $"which is perhaps {similar}"
            : "which there is not";
        throw ToolException.Usage(
            $"the hostfile's backend is \"{Shown.Text(name)}\", {meant}; expected one of {string.Join(", ", All)}"
        );
    }

    /// <summary>
    /// The backend that the command line names, or else the hostfile; or else the one that this machine suggests.
    /// </summary>
    public static string Choose(string? option, string? hostFile) =>
        option
        ?? (hostFile is null ? null : OfHostFile(hostFile))
        ?? (DistributedGroup.IsAvailable(BackendKind.Nccl) ? Nccl : Ring);
}
