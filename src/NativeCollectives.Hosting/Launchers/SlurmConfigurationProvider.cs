namespace NativeCollectives.Hosting;

/// <summary>Slurm's <c>srun</c>: the rank, and, for a ring whose <c>BasePort</c> is configured, the nodes.</summary>
internal sealed class SlurmConfigurationProvider(LauncherVariables variables)
    : LauncherConfigurationProvider(variables, KnownLauncher.Slurm.Name, precedence: 4)
{
    protected override void Map()
    {
        SetRank(KnownLauncher.Slurm.Rank);
        SetNccl(KnownLauncher.Slurm);

        if (SlurmVariables.Nodes(Environment) is var (nodes, tasks))
        {
            Set(SettingKeys.RingNodes, Variables[nodes], nodes);
            Set(SettingKeys.RingTasksPerNode, Variables[tasks], tasks);
        }
    }
}
