namespace NativeCollectives.Hosting;

/// <summary>Open MPI's <c>mpirun</c>.</summary>
internal sealed class OpenMpiConfigurationProvider(LauncherVariables variables)
    : LauncherConfigurationProvider(variables, KnownLauncher.OpenMpi.Name, precedence: 3)
{
    protected override void Map()
    {
        SetRank(KnownLauncher.OpenMpi.Rank);
        SetNccl(KnownLauncher.OpenMpi);
    }
}
