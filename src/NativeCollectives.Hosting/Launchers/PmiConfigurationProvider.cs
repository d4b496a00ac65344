namespace NativeCollectives.Hosting;

/// <summary>The process management interface of MPICH and its relatives, and of <c>srun --mpi=pmi2</c>.</summary>
internal sealed class PmiConfigurationProvider(LauncherVariables variables)
    : LauncherConfigurationProvider(variables, KnownLauncher.Pmi.Name, precedence: 1)
{
    protected override void Map()
    {
        SetRank(KnownLauncher.Pmi.Rank);
        SetNccl(KnownLauncher.Pmi);
    }
}
