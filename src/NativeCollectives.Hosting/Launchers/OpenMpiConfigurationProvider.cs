namespace NativeCollectives.Hosting;

/// <summary>Open MPI's <c>mpirun</c>.</summary>
internal sealed class OpenMpiConfigurationProvider(LauncherVariables variables)
    : LauncherConfigurationProvider(variables, "Open MPI", precedence: 3)
{
    private static readonly RankVariables _pair = RankVariables.OpenMpi;

    protected override void Map()
    {
        SetRank(_pair.Rank);
        SetNccl(_pair);
    }
}
