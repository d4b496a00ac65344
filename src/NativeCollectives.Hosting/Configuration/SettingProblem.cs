namespace NativeCollectives.Hosting;

/// <summary>Something that is wrong with a configuration.</summary>
/// <param name="Text">What it is, in a sentence.</param>
/// <param name="LauncherKey">
/// The key, if a launcher's variable is to blame, which does not matter where code says otherwise.
/// </param>
internal sealed record SettingProblem(string Text, string? LauncherKey = null)
{
    /// <summary>Whether settings do without the value that could not be read.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="chosen">The backend that they choose.</param>
    internal bool IsOverruledBy(DistributedGroupSettings settings, BackendKind? chosen) =>
        LauncherKey is { } key && (!IsMeant(chosen ?? settings.Backend, key) || IsGiven(settings, key));

    private static bool IsMeant(BackendKind backend, string key) =>
        backend == BackendKind.Any
        || key.StartsWith(BackendNames.Of(backend) + ":", StringComparison.OrdinalIgnoreCase);

    private static bool IsGiven(DistributedGroupSettings settings, string key) =>
        key switch
        {
            SettingKeys.RingRank => settings.Ring.Rank is not null,
            SettingKeys.RingHostFile
            or SettingKeys.RingHosts
            or SettingKeys.RingNodes
            or SettingKeys.RingTasksPerNode => settings.Ring.Hosts is not null || settings.Ring.HostFile is not null,
            SettingKeys.NcclRank => settings.Nccl.Rank is not null,
            SettingKeys.NcclSize => settings.Nccl.Size is not null,
            SettingKeys.JacclRank => settings.Jaccl.Rank is not null,
            SettingKeys.JacclDeviceFile => settings.Jaccl.Devices is not null || settings.Jaccl.DeviceFile is not null,
            SettingKeys.JacclCoordinator => settings.Jaccl.Coordinator is not null
                || settings.Jaccl.SideChannel is not null,
            _ => false,
        };
}
