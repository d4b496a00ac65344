namespace NativeCollectives.Hosting;

/// <summary>MLX's launcher: ring, JACCL and NCCL.</summary>
internal sealed class MlxConfigurationProvider(LauncherVariables variables)
    : LauncherConfigurationProvider(variables, KnownLauncher.Mlx.Name, precedence: 8)
{
    protected override void Map()
    {
        Set(SettingKeys.RingRank, Variables[KnownLauncher.Mlx.Rank], KnownLauncher.Mlx.Rank);
        Set(SettingKeys.RingHostFile, Variables[MlxVariables.HostFile], MlxVariables.HostFile);
        SetFirst(SettingKeys.JacclRank, MlxVariables.JacclRanks);
        SetFirst(SettingKeys.JacclDeviceFile, MlxVariables.DeviceFiles);
        SetFirst(SettingKeys.JacclCoordinator, MlxVariables.Coordinators);
        if (Array.Find(MlxVariables.PreferRings, Environment.IsPresent) is { } present)
        {
            // Its presence counts, whatever its value.
            Set(SettingKeys.JacclPreferRing, "true", present);
        }

        SetNccl(KnownLauncher.Mlx, NcclBootstrap.Mlx);
    }

    private void SetFirst(string key, string[] names)
    {
        if (Array.Find(names, Environment.IsPresent) is { } present)
        {
            Set(key, Variables[present], present);
        }
    }
}
