namespace NativeCollectives.Hosting;

/// <summary>torchrun, or a script that sets its variables.</summary>
internal sealed class TorchrunConfigurationProvider(LauncherVariables variables)
    : LauncherConfigurationProvider(variables, KnownLauncher.Torchrun.Name, precedence: 5)
{
    protected override void Map()
    {
        // RANK alone can be anybody's.
        if (KnownLauncher.Torchrun.TellsSize(Environment))
        {
            SetRank(KnownLauncher.Torchrun.Rank);
        }

        SetNccl(KnownLauncher.Torchrun, NcclBootstrap.Torchrun);
    }
}
