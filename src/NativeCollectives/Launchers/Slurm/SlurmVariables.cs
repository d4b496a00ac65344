namespace NativeCollectives;

/// <summary>The variables of Slurm, beside those of the place: see <see cref="KnownLauncher.Slurm"/>.</summary>
internal static class SlurmVariables
{
    /// <summary>The number of ranks of a step, which may have fewer than its job.</summary>
    internal const string StepSize = "SLURM_STEP_NUM_TASKS";

    private const string StepNodes = "SLURM_STEP_NODELIST";

    // A step of a job, that is srun, has one of these.
    private static readonly string[] _step = ["SLURM_STEP_ID", "SLURM_STEPID", StepSize, StepNodes];
    private static readonly string[] _job = ["SLURM_JOB_ID", "SLURM_JOBID"];

    /// <summary>Whether this process is sbatch's script, which runs once, with the numbers of the whole job.</summary>
    internal static bool IsBatchStep(LaunchEnvironment environment) =>
        Array.Exists(_job, environment.IsPresent)
        && !Array.Exists(_step, environment.IsPresent)
        && environment.Text(KnownLauncher.Slurm.Rank) == "0";

    /// <summary>
    /// The variables with the nodes of the ranks, as <see cref="NodeList"/> reads it, and with the number of ranks on
    /// each, as <see cref="TaskCounts"/> does; <see langword="null"/>: these do not tell where a rank is.
    /// </summary>
    internal static (string Nodes, string Tasks)? Nodes(LaunchEnvironment environment)
    {
        // Only in blocks are ranks numbered node by node.
        if (
            environment.Text("SLURM_DISTRIBUTION") is { } distribution
            && !distribution.Split(':', ',')[0].Equals("block", StringComparison.OrdinalIgnoreCase)
        )
        {
            return null;
        }

        // A step may have fewer nodes than its job.
        return environment.IsPresent(StepNodes) ? (StepNodes, "SLURM_STEP_TASKS_PER_NODE")
            : environment.IsPresent("SLURM_JOB_NODELIST") ? ("SLURM_JOB_NODELIST", "SLURM_TASKS_PER_NODE")
            : null;
    }
}
