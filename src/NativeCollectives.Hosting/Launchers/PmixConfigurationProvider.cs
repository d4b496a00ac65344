namespace NativeCollectives.Hosting;

/// <summary>
/// PMIx, as of Open MPI 5 and of <c>srun --mpi=pmix</c>: it tells the rank in the environment, and no size.
/// </summary>
internal sealed class PmixConfigurationProvider(LauncherVariables variables)
    : LauncherConfigurationProvider(variables, KnownLauncher.Pmix.Name, precedence: 2)
{
    protected override void Map() => SetRank(KnownLauncher.Pmix.Rank);
}
