using System.Globalization;

namespace NativeCollectives;

/// <summary>
/// A launcher that has started several processes, as its variables say. Most tell a process its rank, but nothing of
/// where the ranks meet.
/// </summary>
/// <param name="Name">The launcher's name.</param>
/// <param name="RankVariable">The variable that tells the rank; <see langword="null"/>: it is absent.</param>
/// <param name="Sign">The variable that tells that there are several, and its value.</param>
internal sealed record ProcessLauncher(string Name, string? RankVariable, string Sign)
{
    // A step of a job, that is srun, has one of these.
    private static readonly string[] _stepVariables =
    [
        "SLURM_STEP_ID",
        "SLURM_STEPID",
        "SLURM_STEP_NUM_TASKS",
        "SLURM_STEP_NODELIST",
    ];
    private static readonly string[] _jobVariables = ["SLURM_JOB_ID", "SLURM_JOBID"];

    /// <summary>
    /// The first launcher that says that this process is one of several; <see langword="null"/>: none does.
    /// </summary>
    internal static ProcessLauncher? Find(LaunchEnvironment environment)
    {
        RankVariables slurm = environment.IsPresent("SLURM_STEP_NUM_TASKS")
            ? RankVariables.Slurm with
            {
                Size = "SLURM_STEP_NUM_TASKS",
            }
            : RankVariables.Slurm;
        return Of("torchrun", RankVariables.Torchrun, needsRank: false)
            ?? Of("MLX", RankVariables.Mlx, needsRank: false)
            ?? (IsBatchStep(environment) ? null : Of("Slurm", slurm, needsRank: true))
            ?? Of("Open MPI", RankVariables.OpenMpi, needsRank: false)
            ?? Of("PMIx", new(RankVariables.PmixRank, ""), needsRank: true)
            ?? Of("PMI", RankVariables.Pmi, needsRank: false);

        ProcessLauncher? Of(string name, RankVariables pair, bool needsRank)
        {
            string? rank = environment.IsPresent(pair.Rank) ? pair.Rank : null;
            if (rank is null && needsRank)
            {
                return null;
            }

            if (pair.Size.Length > 0 && environment.IsPresent(pair.Size))
            {
                return IsOver(1, environment.Text(pair.Size)) ? new(name, rank, Shown(pair.Size)) : null;
            }

            // Whoever is not the first is not alone. RANK without a size can be anybody's.
            return
                rank is not null
                && pair != RankVariables.Torchrun
                && pair != RankVariables.Mlx
                && IsOver(0, environment.Text(rank))
                ? new(name, rank, Shown(rank))
                : null;
        }

        string Shown(string variable) => $"{variable} is {OptionCheck.Quoted(environment.Text(variable)!)}";
    }

    /// <summary>
    /// The variable in which a launcher tells this process its rank, for backends that need no more of it than that;
    /// <see langword="null"/>: none does.
    /// </summary>
    internal static string? FindRank(LaunchEnvironment environment) =>
        environment.IsPresent(RankVariables.Torchrun.Rank) && environment.IsPresent(RankVariables.Torchrun.Size)
            ? RankVariables.Torchrun.Rank
            : Array.Find(
                [RankVariables.Slurm.Rank, RankVariables.OpenMpi.Rank, RankVariables.PmixRank, RankVariables.Pmi.Rank],
                environment.IsPresent
            );

    /// <summary>
    /// Such as <c>Open MPI seems to have started several processes (OMPI_COMM_WORLD_SIZE is "2")</c>.
    /// </summary>
    internal string Describe() => $"{Name} seems to have started several processes ({Sign})";

    // What is no number says nothing of how many there are, and is told where it is read.
    private static bool IsOver(long limit, string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number > limit;

    // sbatch runs its script once, with the numbers of the whole job.
    private static bool IsBatchStep(LaunchEnvironment environment) =>
        Array.Exists(_jobVariables, environment.IsPresent)
        && !Array.Exists(_stepVariables, environment.IsPresent)
        && environment.Text(RankVariables.Slurm.Rank) == "0";
}
