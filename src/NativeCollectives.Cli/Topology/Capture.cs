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
