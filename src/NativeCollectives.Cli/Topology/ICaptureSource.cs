namespace NativeCollectives.Cli.Topology;

/// <summary>What a host's commands printed, as text; all that a plan is made of.</summary>
/// <param name="Host">The host, as ssh knows it.</param>
internal sealed record Capture(string Host)
{
    /// <summary>Of <see cref="ThunderboltReport.Command"/>.</summary>
    public string SystemProfiler { get; init; } = "";

    /// <summary>Of <see cref="HardwarePorts.Command"/>.</summary>
    public string NetworkSetup { get; init; } = "";

    /// <summary>Of <see cref="RdmaDevices.Command"/>; empty where there is no such command.</summary>
    public string IbvDevices { get; init; } = "";

    /// <summary>Of <see cref="LanAddress.Command"/>; empty where there is no address.</summary>
    public string IpConfig { get; init; } = "";
}

/// <summary>Where the text of the hosts' commands comes from.</summary>
internal interface ICaptureSource
{
    /// <summary>Why a host cannot be asked; null if it can.</summary>
    Task<string?> UnreachableAsync(string host, CancellationToken cancellationToken);

    /// <summary>What a host's commands print.</summary>
    /// <param name="host">The host.</param>
    /// <param name="thunderbolt">
    /// Whether all is wanted; else only the address in the network that all hosts share.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ToolException">A command that must succeed fails, or its text is not there.</exception>
    Task<Capture> CaptureAsync(string host, bool thunderbolt, CancellationToken cancellationToken);
}
