namespace NativeCollectives;

/// <summary>
/// How a <see cref="DistributedGroup"/> is to be formed. What is given here wins over the environment.
/// </summary>
/// <remarks>The options are read when a group is created; a later change does not touch the group.</remarks>
public sealed class DistributedGroupOptions
{
    private TimeSpan? _formingTimeout;

    /// <summary>
    /// A name for the group, by which metrics, traces and logs tell it from other groups of the process;
    /// <see langword="null"/> (the default): it has none. The groups split from it have the same. Ranks need not agree
    /// on it.
    /// </summary>
    public string? Name { get; set; }

    /// <summary>
    /// What moves the bytes; <see cref="BackendKind.Any"/> by default, with which the environment variable
    /// <c>NC_BACKEND</c> can name it: <c>ring</c>, <c>jaccl</c> or <c>nccl</c>.
    /// </summary>
    public BackendKind Backend { get; set; } = BackendKind.Any;

    /// <summary>
    /// What happens when nothing is configured. <see langword="false"/> (the default): the group has this process as
    /// its only rank. <see langword="true"/>: a <see cref="BackendUnavailableException"/> that lists what is missing.
    /// It is thrown too where a launcher such as <c>mpirun</c> or <c>srun</c> has started several processes, but the
    /// variables that are left would make a group of one of each.
    /// </summary>
    /// <remarks>
    /// The meaning is that of MLX's <c>init(strict=…)</c>. A backend that is configured, but cannot be used or cannot
    /// form its group, is an exception in either case, and no outcome is remembered: the next creation starts afresh.
    /// </remarks>
    public bool Strict { get; set; }

    /// <summary>
    /// The ring's settings; what is <see langword="null"/> is taken from <c>MLX_RANK</c> and <c>MLX_HOSTFILE</c>.
    /// </summary>
    public RingOptions? Ring { get; set; }

    /// <summary>
    /// NCCL's settings; what is <see langword="null"/> is taken from the environment: see <see cref="NcclBootstrap"/>.
    /// </summary>
    public NcclOptions? Nccl { get; set; }

    /// <summary>
    /// JACCL's settings; what is <see langword="null"/> is taken from <c>JACCL_RANK</c>, <c>JACCL_IBV_DEVICES</c>,
    /// <c>JACCL_COORDINATOR</c> and <c>JACCL_RING</c>, or else from <c>MLX_RANK</c>, <c>MLX_IBV_DEVICES</c>,
    /// <c>MLX_JACCL_COORDINATOR</c> and <c>MLX_JACCL_RING</c>.
    /// </summary>
    public JacclOptions? Jaccl { get; set; }

    /// <summary>
    /// The folder that holds the native libraries of the backends; <see langword="null"/> (the default): that of the
    /// native core library.
    /// </summary>
    public string? BackendDirectory { get; set; }

    /// <summary>
    /// How long forming the group may take, 60 seconds by default: positive and at most <see cref="int.MaxValue"/>
    /// milliseconds.
    /// </summary>
    /// <remarks>
    /// If it is not set, and NCCL's ranks meet as MLX's do, <c>MLX_NCCL_TIMEOUT</c> can tell it, in milliseconds.
    /// </remarks>
    public TimeSpan FormingTimeout
    {
        get => _formingTimeout ?? TimeSpan.FromSeconds(60);
        set => _formingTimeout = value;
    }

    /// <summary>
    /// How long an operation may take that is given no timeout of its own, 300 seconds by default: positive and at most
    /// <see cref="int.MaxValue"/> milliseconds.
    /// </summary>
    public TimeSpan OperationTimeout { get; set; } = TimeSpan.FromSeconds(300);

    /// <summary>
    /// Receives progress messages of the group and of the groups split from it: formation, retries, faults.
    /// <see langword="null"/> (the default): nobody does, and warnings that concern the configuration, such as that of
    /// half a configuration, go to the standard error stream.
    /// </summary>
    /// <remarks>
    /// It is called from any thread, from several at once, and must neither block nor use the group. What it throws is
    /// dropped. Independently of it, the ring writes the same messages to the standard error stream if the environment
    /// variable <c>MLX_RING_VERBOSE</c> is present.
    /// </remarks>
    public Action<CollectiveLogLevel, string>? Log { get; set; }

    /// <summary>
    /// Is told what the group and the groups split from it do; <see langword="null"/> (the default): nobody is.
    /// Metrics and traces need none: see <see cref="CollectiveTelemetry"/>.
    /// </summary>
    public CollectiveObserver? Observer { get; set; }

    /// <summary>Whether the program has set <see cref="FormingTimeout"/>.</summary>
    internal bool HasFormingTimeout => _formingTimeout is not null;

    /// <summary>
    /// Which of these values are a launcher's; <see langword="null"/>: the program has set all of them.
    /// </summary>
    internal LaunchedOptions? Launched { get; set; }

    /// <summary>
    /// Whether somebody hears what <see cref="Log"/> is told. If nobody does, warnings go to the standard error stream.
    /// </summary>
    internal bool IsLogHeard { get; set; } = true;

    /// <summary>
    /// How messages call the settings; <see langword="null"/>: as in code. A host calls them by its configuration's
    /// keys.
    /// </summary>
    internal Func<SettingName, string>? Naming { get; set; }

    /// <summary>How messages call a setting.</summary>
    internal string NameOf(SettingName setting) => Naming?.Invoke(setting) ?? setting.ToString();

    /// <summary>
    /// A copy that later changes do not touch. Lists are not copied: they can be the program's own code.
    /// </summary>
    internal DistributedGroupOptions Copy()
    {
        var copy = (DistributedGroupOptions)MemberwiseClone();
        copy.Ring = Ring?.Copy();
        copy.Nccl = Nccl?.Copy();
        copy.Jaccl = Jaccl?.Copy();
        return copy;
    }

    /// <summary>Takes back that <see cref="FormingTimeout"/> was set.</summary>
    internal void ResetFormingTimeout() => _formingTimeout = null;
}
