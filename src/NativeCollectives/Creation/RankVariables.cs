namespace NativeCollectives;

/// <summary>The two variables in which a launcher tells a process its rank and the number of ranks.</summary>
internal readonly record struct RankVariables(string Rank, string Size)
{
    internal static readonly RankVariables Mlx = new(LaunchEnvironment.RankVariable, "MLX_WORLD_SIZE");

    internal static readonly RankVariables Torchrun = new("RANK", "WORLD_SIZE");
    internal static readonly RankVariables Slurm = new("SLURM_PROCID", "SLURM_NTASKS");
    internal static readonly RankVariables OpenMpi = new("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE");
    internal static readonly RankVariables Pmi = new("PMI_RANK", "PMI_SIZE");

    /// <summary>PMIx tells the rank, and no size.</summary>
    internal const string PmixRank = "PMIX_RANK";

    /// <summary>Those of every launcher, in the order in which they are looked for.</summary>
    internal static readonly RankVariables[] OfAnyLauncher = [Torchrun, Mlx, Slurm, OpenMpi, Pmi];

    /// <summary>The variables that tell the rank on the own host, in the order in which they are looked for.</summary>
    internal static readonly string[] LocalRanks = ["LOCAL_RANK", "SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK"];

    /// <summary>
    /// The first pair that has what is needed; if none has, the first of which something is there, or else the first.
    /// </summary>
    internal static RankVariables Choose(
        RankVariables[] candidates,
        LaunchEnvironment environment,
        bool needsRank,
        bool needsSize
    )
    {
        foreach (RankVariables pair in candidates)
        {
            if ((!needsRank || environment.IsPresent(pair.Rank)) && (!needsSize || environment.IsPresent(pair.Size)))
            {
                return pair;
            }
        }

        int begun = Array.FindIndex(
            candidates,
            pair => environment.IsPresent(pair.Rank) || environment.IsPresent(pair.Size)
        );
        return candidates[Math.Max(begun, 0)];
    }
}
