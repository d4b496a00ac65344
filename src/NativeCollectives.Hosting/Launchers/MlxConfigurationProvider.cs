namespace NativeCollectives.Hosting;

/// <summary>MLX's launcher: ring, JACCL and NCCL.</summary>
internal sealed class MlxConfigurationProvider(LauncherVariables variables)
    : LauncherConfigurationProvider(variables, "MLX", precedence: 8)
{
    // Of each pair the first that is present counts, as in MLX.
    private static readonly string[] _jacclRank = ["JACCL_RANK", LaunchEnvironment.RankVariable];
    private static readonly string[] _deviceFile = ["JACCL_IBV_DEVICES", "MLX_IBV_DEVICES"];
    private static readonly string[] _coordinator = ["JACCL_COORDINATOR", "MLX_JACCL_COORDINATOR"];
    private static readonly string[] _preferRing = ["JACCL_RING", "MLX_JACCL_RING"];

    protected override void Map()
    {
        Set(SettingKeys.RingRank, Variables[LaunchEnvironment.RankVariable], LaunchEnvironment.RankVariable);
        Set(
            SettingKeys.RingHostFile,
            Variables[LaunchEnvironment.HostFileVariable],
            LaunchEnvironment.HostFileVariable
        );
        SetFirst(SettingKeys.JacclRank, _jacclRank);
        SetFirst(SettingKeys.JacclDeviceFile, _deviceFile);
        SetFirst(SettingKeys.JacclCoordinator, _coordinator);
        if (Array.Find(_preferRing, Environment.IsPresent) is { } present)
        {
            // Its presence counts, whatever its value.
            Set(SettingKeys.JacclPreferRing, "true", present);
        }

        SetNccl(RankVariables.Mlx, NcclBootstrap.Mlx);
    }

    private void SetFirst(string key, string[] names)
    {
        if (Array.Find(names, Environment.IsPresent) is { } present)
        {
            Set(key, Variables[present], present);
        }
    }
}
