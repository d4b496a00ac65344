using System.Collections.Concurrent;
using System.Globalization;

namespace NativeCollectives.Worker;

/// <summary>Creates the group that a command describes.</summary>
internal static class GroupCreation
{
    public static DistributedGroup Create(
        Command command,
        IReadOnlyDictionary<string, DistributedGroup> groups,
        Dictionary<string, string> data
    )
    {
        SetVariables(command);
        var log = new ConcurrentQueue<string>();
        var backend = Enum.Parse<BackendKind>(command.Backend);
        var options = new DistributedGroupOptions
        {
            Backend = backend,
            Strict = true,
            OperationTimeout = TimeSpan.FromSeconds(command.OperationSeconds),
            Log = (level, message) => log.Enqueue($"{level}: {message}"),
            Ring =
                command.FromEnvironment || command.HostFile is null && command.Hosts is null
                    ? null
                    : new RingOptions
                    {
                        Rank = command.Rank,
                        HostFile = command.HostFile,
                        Hosts = command.Hosts,
                    },
            Nccl = Read(command.Nccl, groups),
            Jaccl = Read(command.Jaccl),
        };
        // 0: whatever the environment says.
        if (command.FormingSeconds > 0)
        {
            options.FormingTimeout = TimeSpan.FromSeconds(command.FormingSeconds);
        }
        try
        {
            if (command.CancelAfterMilliseconds == 0)
            {
                return DistributedGroup.Create(options);
            }
            using var cancellation = new CancellationTokenSource(command.CancelAfterMilliseconds);
            return DistributedGroup.CreateAsync(options, cancellation.Token).GetAwaiter().GetResult();
        }
        finally
        {
            data["log"] = string.Join('\n', log);
        }
    }

    public static NcclOptions? Read(NcclSettings? settings, IReadOnlyDictionary<string, DistributedGroup> groups) =>
        settings is null
            ? null
            : new NcclOptions
            {
                Rank = settings.Rank,
                Size = settings.Size,
                Device = settings.Device,
                UniqueId = settings.Id is null ? null : NcclUniqueId.Parse(settings.Id),
                Rendezvous = settings.Rendezvous,
                BootstrapGroup = settings.BootstrapGroup is null ? null : groups[settings.BootstrapGroup],
                Bootstrap = settings.Bootstrap is null
                    ? NcclBootstrap.Auto
                    : Enum.Parse<NcclBootstrap>(settings.Bootstrap),
                StagingBytes = settings.StagingBytes,
                Library = settings.Library,
                CudaLibrary = settings.CudaLibrary,
            };

    public static JacclOptions? Read(JacclSettings? settings) =>
        settings is null
            ? null
            : new JacclOptions
            {
                Rank = settings.Rank,
                Devices = settings.Devices,
                DeviceFile = settings.DeviceFile,
                Coordinator = settings.Coordinator,
                PreferRing = settings.PreferRing,
                Frames = settings.Frames is null ? null : Enum.Parse<JacclFrames>(settings.Frames),
                QueuePairs = settings.QueuePairs is null ? null : Enum.Parse<JacclQueuePairs>(settings.QueuePairs),
                GidIndex = settings.GidIndex,
                MlxRingAllGather = settings.MlxRingAllGather,
                Library = settings.Library,
                SideChannel = settings.SideChannelFolder is null
                    ? null
                    : new FolderChannel(settings.SideChannelFolder, settings.SideChannelFault).Gather,
            };

    private static void SetVariables(Command command)
    {
        if (command.FromEnvironment)
        {
            CaseVariables.Set("MLX_RANK", command.Rank.ToString(CultureInfo.InvariantCulture));
            CaseVariables.Set("MLX_HOSTFILE", command.HostFile);
        }
        foreach (var (name, value) in command.Variables ?? [])
        {
            CaseVariables.Set(name, value.Length > 0 ? value : null);
        }
    }
}
