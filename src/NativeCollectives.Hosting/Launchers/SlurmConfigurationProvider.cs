namespace NativeCollectives.Hosting;

/// <summary>Slurm's <c>srun</c>: the rank, and, for a ring whose <c>BasePort</c> is configured, the nodes.</summary>
internal sealed class SlurmConfigurationProvider(LauncherVariables variables)
    : LauncherConfigurationProvider(variables, "Slurm", precedence: 4)
{
    private static readonly RankVariables _pair = RankVariables.Slurm;

    protected override void Map()
    {
        SetRank(_pair.Rank);
        SetNccl(_pair);

        // Only in blocks are ranks numbered node by node, as a list of nodes and of numbers tells them.
        if (
            Variables["SLURM_DISTRIBUTION"] is { } distribution
            && !distribution.Split(':', ',')[0].Equals("block", StringComparison.OrdinalIgnoreCase)
        )
        {
            return;
        }

        // A step may have fewer nodes than its job.
        string scope = Environment.IsPresent("SLURM_STEP_NODELIST") ? "SLURM_STEP_" : "SLURM_JOB_";
        string tasks = scope == "SLURM_STEP_" ? "SLURM_STEP_TASKS_PER_NODE" : "SLURM_TASKS_PER_NODE";
        Set(SettingKeys.RingNodes, Variables[scope + "NODELIST"], scope + "NODELIST");
        if (Environment.IsPresent(scope + "NODELIST"))
        {
            Set(SettingKeys.RingTasksPerNode, Variables[tasks], tasks);
        }
    }
}
