using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace NativeCollectives.Hosting;

/// <summary>
/// How the group of a host is to be formed: the options class of the configuration section <see cref="SectionName"/>.
/// </summary>
/// <remarks>
/// The keys are the properties' names, such as <c>NativeCollectives:Ring:Rank</c>; <c>docs/hosting.md</c> lists them
/// all. A value that is malformed or contradicts another one, and a key that is none, is an error which names the key,
/// the value, what was expected and where the value came from.
/// </remarks>
public sealed class DistributedGroupSettings
{
    /// <summary>The name of the configuration section: <c>NativeCollectives</c>.</summary>
    public const string SectionName = "NativeCollectives";

    /// <inheritdoc cref="DistributedGroupOptions.Backend"/>
    public BackendKind Backend { get; set; } = BackendKind.Any;

    /// <inheritdoc cref="DistributedGroupOptions.Strict"/>
    public bool Strict { get; set; }

    /// <summary>
    /// How long forming the group may take; <see langword="null"/>: as
    /// <see cref="DistributedGroupOptions.FormingTimeout"/> says, 60 seconds.
    /// </summary>
    public TimeSpan? FormingTimeout { get; set; }

    /// <summary>
    /// How long an operation may take; <see langword="null"/>: as
    /// <see cref="DistributedGroupOptions.OperationTimeout"/> says, 300 seconds.
    /// </summary>
    public TimeSpan? OperationTimeout { get; set; }

    /// <summary>
    /// Whether the host stops when a failure ends the group, and its process then ends with exit code 1;
    /// <see langword="true"/> by default.
    /// </summary>
    /// <remarks>
    /// A group that has failed stays so. A process that went on without it would look well to whoever supervises it,
    /// such as <c>collectives launch --restart</c>, Slurm or Kubernetes. Set it to <see langword="false"/> if the
    /// program deals with the failure itself, by <see cref="DistributedGroup.Faulted"/> or the health check.
    /// <para>
    /// The exit code is <see cref="System.Environment.ExitCode"/>, unless the program has set another one than 0. A
    /// <c>Main</c> that returns a number returns that one. A failure after the host has begun to stop changes nothing.
    /// </para>
    /// </remarks>
    public bool StopHostOnFault { get; set; } = true;

    /// <summary>The ring's settings.</summary>
    public RingOptions Ring { get; set; } = new();

    /// <summary>NCCL's settings.</summary>
    public NcclOptions Nccl { get; set; } = new();

    /// <summary>JACCL's settings.</summary>
    public JacclOptions Jaccl { get; set; } = new();

    /// <summary>What was wrong with the configuration that the settings were read from.</summary>
    internal IReadOnlyList<SettingProblem> Problems { get; private set; } = [];

    /// <summary>The path of the section that the settings were read from.</summary>
    internal string Section { get; private set; } = SectionName;

    /// <summary>The key of the group among the services of a host, which is its name too.</summary>
    internal string? ServiceKey { get; set; }

    /// <summary>Where values came from, by key below the section.</summary>
    internal IReadOnlyDictionary<string, string> Sources { get; private set; } = new Dictionary<string, string>();

    /// <summary>The launchers' variables: that of the process, unless the configuration was given others.</summary>
    internal LaunchEnvironment Environment { get; private set; } = LaunchEnvironment.OfProcess;

    /// <summary>Which of the values came from launchers.</summary>
    internal LaunchedOptions? Launched { get; private set; }

    /// <summary>Reads the settings from a configuration, as <c>AddDistributedGroup</c> does.</summary>
    /// <param name="configuration">
    /// The whole configuration, whose section <see cref="SectionName"/> is read; or a section that holds the settings
    /// itself.
    /// </param>
    /// <param name="serviceKey">
    /// The key of the group whose section is read, as <c>AddKeyedDistributedGroup</c> does; <see langword="null"/>: the
    /// group without a key.
    /// </param>
    /// <returns>The settings.</returns>
    /// <exception cref="OptionsValidationException">
    /// Something is wrong; there is one message for each fault.
    /// </exception>
    /// <remarks>
    /// What launchers have put into the environment counts too: see
    /// <see cref="LauncherConfigurationExtensions.AddLauncherEnvironment"/>.
    /// </remarks>
    public static DistributedGroupSettings From(IConfiguration configuration, string? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var settings = new DistributedGroupSettings { ServiceKey = serviceKey };
        settings.Read(EffectiveConfiguration.Of(configuration, serviceKey));
        ValidateOptionsResult result = new DistributedGroupSettingsValidator().Validate(null, settings);
        return result.Succeeded
            ? settings
            : throw new OptionsValidationException(settings.Section, typeof(DistributedGroupSettings), result.Failures);
    }

    /// <summary>The options by which <see cref="DistributedGroup"/> forms the group.</summary>
    /// <returns>New options.</returns>
    public DistributedGroupOptions ToGroupOptions()
    {
        var options = new DistributedGroupOptions
        {
            Name = ServiceKey,
            Backend = Backend,
            Strict = Strict,
            Ring = Ring,
            Nccl = Nccl,
            Jaccl = Jaccl,
        };
        options.Launched = Launched;
        options.Naming = NameOf;
        if (FormingTimeout is { } formingTimeout)
        {
            options.FormingTimeout = formingTimeout;
        }

        if (OperationTimeout is { } operationTimeout)
        {
            options.OperationTimeout = operationTimeout;
        }

        return options;
    }

    /// <summary>What a setting is called: by its key, if the configuration has it, otherwise as in code.</summary>
    internal string NameOf(SettingName setting) =>
        Sources.ContainsKey(setting.Property) ? SettingKeys.Whole(Section, setting.Key) : setting.ToString();

    /// <summary>Takes over what a configuration says.</summary>
    internal void Read(EffectiveConfiguration configuration)
    {
        var reader = new SettingsReader(configuration);
        Backend = reader.Choice(SettingKeys.Backend, _backends) ?? Backend;
        Strict = reader.Flag(SettingKeys.Strict) ?? Strict;
        FormingTimeout = reader.Duration(SettingKeys.FormingTimeout) ?? FormingTimeout;
        OperationTimeout = reader.Duration(SettingKeys.OperationTimeout) ?? OperationTimeout;
        StopHostOnFault = reader.Flag(SettingKeys.StopHostOnFault) ?? StopHostOnFault;
        Read(reader, Ring);
        Read(reader, Nccl);
        Read(reader, Jaccl);
        reader.RefuseOtherKeys();
        Section = configuration.Section;
        Problems = reader.Problems;
        Sources = reader.Sources;
        Environment = configuration.Environment;
        Launched = ReadLaunched(reader);
    }

    private LaunchedOptions ReadLaunched(SettingsReader reader)
    {
        var launched = new LaunchedOptions(Environment)
        {
            Backend = reader.IsLaunchers(SettingKeys.Backend) ? Backend : BackendKind.Any,
            FormingTimeout = reader.IsLaunchers(SettingKeys.FormingTimeout) ? FormingTimeout : null,
        };
        launched.Ring.Rank = reader.IsLaunchers(SettingKeys.RingRank) ? Ring.Rank : null;
        launched.Ring.HostFile = reader.IsLaunchers(SettingKeys.RingHostFile) ? Ring.HostFile : null;
        launched.Ring.Hosts = reader.HasLaunchers(SettingKeys.RingHosts) ? Ring.Hosts : null;
        launched.Nccl.Rank = reader.IsLaunchers(SettingKeys.NcclRank) ? Nccl.Rank : null;
        launched.Nccl.Size = reader.IsLaunchers(SettingKeys.NcclSize) ? Nccl.Size : null;
        launched.Nccl.Rendezvous = reader.IsLaunchers(SettingKeys.NcclRendezvous) ? Nccl.Rendezvous : null;
        launched.Nccl.Bootstrap = reader.IsLaunchers(SettingKeys.NcclBootstrap) ? Nccl.Bootstrap : NcclBootstrap.Auto;
        launched.Jaccl.Rank = reader.IsLaunchers(SettingKeys.JacclRank) ? Jaccl.Rank : null;
        launched.Jaccl.DeviceFile = reader.IsLaunchers(SettingKeys.JacclDeviceFile) ? Jaccl.DeviceFile : null;
        launched.Jaccl.Coordinator = reader.IsLaunchers(SettingKeys.JacclCoordinator) ? Jaccl.Coordinator : null;
        launched.Jaccl.PreferRing = reader.IsLaunchers(SettingKeys.JacclPreferRing) ? Jaccl.PreferRing : null;
        return launched;
    }

    private static readonly (string, BackendKind)[] _backends =
    [
        .. Enum.GetValues<BackendKind>()
            .OrderBy(static backend => backend == BackendKind.None)
            .Select(static backend => (BackendNames.Of(backend), backend)),
    ];

    private static readonly (string, NcclBootstrap)[] _bootstraps =
    [
        .. OwnVariables.Bootstraps,
        ("commid", NcclBootstrap.CommId),
    ];

    private static readonly (string, JacclFrames)[] _frames =
    [
        ("large", JacclFrames.Large),
        ("small", JacclFrames.Small),
    ];

    private static readonly (string, JacclQueuePairs)[] _queuePairs =
    [
        ("uc", JacclQueuePairs.UnreliableConnection),
        ("rc", JacclQueuePairs.ReliableConnection),
        ("unreliableconnection", JacclQueuePairs.UnreliableConnection),
        ("reliableconnection", JacclQueuePairs.ReliableConnection),
    ];

    private static void Read(SettingsReader reader, RingOptions ring)
    {
        ring.Rank = reader.Rank(SettingKeys.RingRank) ?? ring.Rank;
        ring.HostFile = reader.Path(SettingKeys.RingHostFile) ?? ring.HostFile;
        ring.Hosts = reader.Hosts(SettingKeys.RingHosts) ?? RingNodes.Read(reader) ?? ring.Hosts;
    }

    private static void Read(SettingsReader reader, NcclOptions nccl)
    {
        nccl.Rank = reader.Rank(SettingKeys.NcclRank) ?? nccl.Rank;
        nccl.Size =
            reader.Number(SettingKeys.NcclSize, 1, "a number of ranks: a decimal number from 1, of digits only")
            ?? nccl.Size;
        nccl.Device =
            reader.Number(SettingKeys.NcclDevice, 0, "the ordinal of a device: a decimal number from 0, of digits only")
            ?? nccl.Device;
        nccl.Rendezvous = reader.Address(SettingKeys.NcclRendezvous) ?? nccl.Rendezvous;
        nccl.Bootstrap = reader.Choice(SettingKeys.NcclBootstrap, _bootstraps) ?? nccl.Bootstrap;
        nccl.StagingBytes =
            reader.Number(SettingKeys.NcclStagingBytes, 0, "a size in bytes: a decimal number from 0, of digits only")
            ?? nccl.StagingBytes;
        nccl.Library = reader.Path(SettingKeys.NcclLibrary) ?? nccl.Library;
        nccl.CudaLibrary = reader.Path(SettingKeys.NcclCudaLibrary) ?? nccl.CudaLibrary;
    }

    private static void Read(SettingsReader reader, JacclOptions jaccl)
    {
        jaccl.Rank = reader.Rank(SettingKeys.JacclRank) ?? jaccl.Rank;
        jaccl.Devices = reader.Devices(SettingKeys.JacclDevices) ?? jaccl.Devices;
        jaccl.DeviceFile = reader.Path(SettingKeys.JacclDeviceFile) ?? jaccl.DeviceFile;
        jaccl.Coordinator = reader.Address(SettingKeys.JacclCoordinator) ?? jaccl.Coordinator;
        jaccl.PreferRing = reader.Flag(SettingKeys.JacclPreferRing) ?? jaccl.PreferRing;
        jaccl.Frames = reader.Choice(SettingKeys.JacclFrames, _frames) ?? jaccl.Frames;
        jaccl.QueuePairs = reader.Choice(SettingKeys.JacclQueuePairs, _queuePairs) ?? jaccl.QueuePairs;
        const string GidIndex = "the index of a GID: a decimal number from 0 to 255, of digits only";
        jaccl.GidIndex = reader.Number(SettingKeys.JacclGidIndex, 0, GidIndex, 255) ?? jaccl.GidIndex;
        jaccl.MlxRingAllGather = reader.Flag(SettingKeys.JacclMlxRingAllGather) ?? jaccl.MlxRingAllGather;
        jaccl.Library = reader.Path(SettingKeys.JacclLibrary) ?? jaccl.Library;
    }
}
