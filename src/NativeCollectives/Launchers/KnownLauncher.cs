namespace NativeCollectives;

/// <summary>A launcher, and the environment variables in which it tells a process its place among the ranks.</summary>
/// <param name="Name">The launcher's name.</param>
/// <param name="Rank">The variable of the own rank.</param>
/// <param name="Size">The variable of the number of ranks; <see langword="null"/>: it tells none.</param>
/// <param name="LocalRank">
/// The variable of the rank on the own host; <see langword="null"/>: none that counts.
/// </param>
internal sealed record KnownLauncher(string Name, string Rank, string? Size, string? LocalRank = null)
{
    internal static readonly KnownLauncher Torchrun = new("torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK");
    internal static readonly KnownLauncher Mlx = new("MLX", "MLX_RANK", "MLX_WORLD_SIZE");
    internal static readonly KnownLauncher Slurm = new("Slurm", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID");
    internal static readonly KnownLauncher OpenMpi = new(
        "Open MPI",
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_SIZE",
        "OMPI_COMM_WORLD_LOCAL_RANK"
    );
    internal static readonly KnownLauncher Pmix = new("PMIx", "PMIX_RANK", null);
    internal static readonly KnownLauncher Pmi = new("PMI", "PMI_RANK", "PMI_SIZE");

    /// <summary>All launchers, in the order in which they are looked for.</summary>
    internal static readonly KnownLauncher[] All = [Torchrun, Mlx, Slurm, OpenMpi, Pmix, Pmi];

    /// <summary>Those that tell the number of ranks too.</summary>
    internal static readonly KnownLauncher[] WithSize = Array.FindAll(
        All,
        static launcher => launcher.Size is not null
    );

    /// <summary>The variables that tell the rank on the own host, in the order in which they are looked for.</summary>
    internal static readonly string[] LocalRanks =
    [
        .. All.Select(static launcher => launcher.LocalRank).OfType<string>(),
    ];

    /// <summary>The names of all its variables.</summary>
    internal IEnumerable<string> Variables => new[] { Rank, Size, LocalRank }.OfType<string>();

    /// <summary>
    /// The first launcher that tells what is needed; if none does, the first that tells something, or else the first.
    /// </summary>
    /// <param name="candidates">The launchers; each tells the number of ranks.</param>
    /// <param name="environment">What the process was told.</param>
    /// <param name="needsRank">Whether the rank is needed.</param>
    /// <param name="needsSize">Whether the number of ranks is needed.</param>
    internal static KnownLauncher Choose(
        KnownLauncher[] candidates,
        LaunchEnvironment environment,
        bool needsRank,
        bool needsSize
    )
    {
        foreach (KnownLauncher launcher in candidates)
        {
            if ((!needsRank || launcher.TellsRank(environment)) && (!needsSize || launcher.TellsSize(environment)))
            {
                return launcher;
            }
        }

        int begun = Array.FindIndex(
            candidates,
            launcher => launcher.TellsRank(environment) || launcher.TellsSize(environment)
        );
        return candidates[Math.Max(begun, 0)];
    }

    internal bool TellsRank(LaunchEnvironment environment) => environment.IsPresent(Rank);

    internal bool TellsSize(LaunchEnvironment environment) => Size is not null && environment.IsPresent(Size);
}
