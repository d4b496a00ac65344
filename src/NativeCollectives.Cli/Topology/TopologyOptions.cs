namespace NativeCollectives.Cli.Topology;

/// <summary>What the command line asks for.</summary>
internal sealed record TopologyOptions
{
    public string? Hosts { get; init; }
    public string? HostFile { get; init; }

    /// <summary>The folder with captured text instead of the hosts.</summary>
    public string? From { get; init; }

    /// <summary>The folder to which what the hosts print is written.</summary>
    public string? Save { get; init; }

    public bool IgnoreUnreachable { get; init; }

    /// <summary>Whether the hosts talk over Ethernet instead of Thunderbolt.</summary>
    public bool OverEthernet { get; init; }

    public string? Backend { get; init; }
    public IReadOnlyList<string> Envs { get; init; } = [];
    public string? Output { get; init; }
    public bool AutoSetup { get; init; }
    public bool Dot { get; init; }
    public bool Verbose { get; init; }
}
