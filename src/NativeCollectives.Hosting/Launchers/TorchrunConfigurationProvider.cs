namespace NativeCollectives.Hosting;

/// <summary>torchrun, or a script that sets its variables.</summary>
internal sealed class TorchrunConfigurationProvider(LauncherVariables variables)
    : LauncherConfigurationProvider(variables, "torchrun", precedence: 5)
{
    private static readonly RankVariables _pair = RankVariables.Torchrun;

    protected override void Map()
    {
        // RANK alone can be anybody's.
        if (Environment.IsPresent(_pair.Size))
        {
            SetRank(_pair.Rank);
        }

        SetNccl(_pair, NcclBootstrap.Torchrun);
    }
}
