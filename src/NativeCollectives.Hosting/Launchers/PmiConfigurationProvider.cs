namespace NativeCollectives.Hosting;

/// <summary>The process management interface of MPICH and its relatives, and of <c>srun --mpi=pmi2</c>.</summary>
internal sealed class PmiConfigurationProvider(LauncherVariables variables)
    : LauncherConfigurationProvider(variables, "PMI", precedence: 1)
{
    private static readonly RankVariables _pair = RankVariables.Pmi;

    protected override void Map()
    {
        SetRank(_pair.Rank);
        SetNccl(_pair);
    }
}
