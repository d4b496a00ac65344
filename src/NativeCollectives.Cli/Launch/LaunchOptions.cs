using NativeCollectives.Cli.Hosts;

namespace NativeCollectives.Cli.Launch;

/// <summary>What the command line of <c>collectives launch</c> asks for.</summary>
internal sealed record LaunchOptions
{
    public const int DefaultPort = 32323;
    public const int DefaultNcclPort = 12345;

    /// <summary>The hosts of <c>--hosts</c>; null: not given.</summary>
    public IReadOnlyList<string>? Hosts { get; init; }

    /// <summary>How many ranks each host gets.</summary>
    public int RepeatHosts { get; init; } = 1;

    public HostFile? HostFile { get; init; }

    public string? Backend { get; init; }

    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>The variables of <c>--env-file</c>.</summary>
    public IReadOnlyList<string> SecretEnvironment { get; init; } = [];

    public int ConnectionsPerIp { get; init; } = 1;

    /// <summary>Null: free ports if all ranks are local, otherwise those from <see cref="DefaultPort"/>.</summary>
    public int? StartingPort { get; init; }

    /// <summary>Null: a free port if all ranks are local, otherwise <see cref="DefaultNcclPort"/>.</summary>
    public int? NcclPort { get; init; }

    public string? Folder { get; init; }

    public string? Python { get; init; }

    public bool IsVerbose { get; init; }

    /// <summary>Whether nothing is started.</summary>
    public bool IsDryRun { get; init; }

    /// <summary>How long the job may take; null: for ever.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>From SIGTERM to SIGKILL.</summary>
    public TimeSpan GracePeriod { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>From the first failure of a rank to SIGTERM for the others.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How often the job is started again after a failure.</summary>
    public int Restarts { get; init; }

    public InputTarget Input { get; init; } = InputTarget.RankZero;

    /// <summary>Whether lines begin with the rank; null: on a terminal.</summary>
    public bool? IsPrefixed { get; init; }

    public ColorMode Color { get; init; }

    /// <summary>The program and its arguments; empty: each host of the hostfile has its own.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];
}
