namespace NativeCollectives.Hosting;

/// <summary>
/// A launcher of which rank and size are all that is taken: Open MPI's <c>mpirun</c>; PMIx, as of Open MPI 5 and of
/// <c>srun --mpi=pmix</c>; the process management interface of MPICH and its relatives, and of <c>srun --mpi=pmi2</c>.
/// </summary>
internal sealed class RankConfigurationProvider(LauncherVariables variables, KnownLauncher launcher, int precedence)
    : LauncherConfigurationProvider(variables, launcher.Name, precedence)
{
    protected override void Map()
    {
        SetRank(launcher.Rank);
        SetNccl(launcher);
    }
}
