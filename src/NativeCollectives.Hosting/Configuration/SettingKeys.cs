namespace NativeCollectives.Hosting;

/// <summary>The keys below the section.</summary>
internal static class SettingKeys
{
    internal const string Backend = "Backend";
    internal const string Strict = "Strict";
    internal const string FormingTimeout = "FormingTimeout";
    internal const string OperationTimeout = "OperationTimeout";
    internal const string StopHostOnFault = "StopHostOnFault";

    /// <summary>The section that has one section for each group of a host that has a key.</summary>
    internal const string Groups = "Groups";

    internal const string RingRank = "Ring:Rank";
    internal const string RingHosts = "Ring:Hosts";
    internal const string RingHostFile = "Ring:HostFile";
    internal const string RingBasePort = "Ring:BasePort";
    internal const string RingNodes = "Ring:Nodes";
    internal const string RingTasksPerNode = "Ring:TasksPerNode";

    internal const string Nccl = "Nccl";
    internal const string NcclRank = "Nccl:Rank";
    internal const string NcclSize = "Nccl:Size";
    internal const string NcclDevice = "Nccl:Device";
    internal const string NcclRendezvous = "Nccl:Rendezvous";
    internal const string NcclBootstrap = "Nccl:Bootstrap";
    internal const string NcclStagingBytes = "Nccl:StagingBytes";
    internal const string NcclLibrary = "Nccl:Library";
    internal const string NcclCudaLibrary = "Nccl:CudaLibrary";

    internal const string JacclRank = "Jaccl:Rank";
    internal const string JacclDevices = "Jaccl:Devices";
    internal const string JacclDeviceFile = "Jaccl:DeviceFile";
    internal const string JacclCoordinator = "Jaccl:Coordinator";
    internal const string JacclPreferRing = "Jaccl:PreferRing";
    internal const string JacclFrames = "Jaccl:Frames";
    internal const string JacclQueuePairs = "Jaccl:QueuePairs";
    internal const string JacclGidIndex = "Jaccl:GidIndex";
    internal const string JacclMlxRingAllGather = "Jaccl:MlxRingAllGather";
    internal const string JacclLibrary = "Jaccl:Library";

    /// <summary>Whether a key is another one, or an element of the list that the other one is.</summary>
    internal static bool IsOrIsIn(string key, string list) =>
        key.StartsWith(list, StringComparison.OrdinalIgnoreCase)
        && (key.Length == list.Length || key[list.Length] == ':');

    /// <summary>The whole key.</summary>
    internal static string Whole(string key) => Whole(DistributedGroupSettings.SectionName, key);

    /// <summary>The whole key, in a section of another name.</summary>
    internal static string Whole(string section, string key) => $"{section}:{key}";

    /// <summary>The path of a group's section.</summary>
    /// <param name="serviceKey">The group's key; <see langword="null"/>: it has none.</param>
    internal static string SectionOf(string? serviceKey) =>
        serviceKey is null ? DistributedGroupSettings.SectionName : Whole($"{Groups}:{serviceKey}");
}
