namespace NativeCollectives.Cli.Topology;

/// <summary>What is known of a Mac.</summary>
/// <param name="Name">The host, as ssh knows it.</param>
internal sealed record Mac(string Name)
{
    public IReadOnlyList<ThunderboltPort> Ports { get; init; } = [];
    public required HardwarePorts Interfaces { get; init; }

    /// <summary>The names of its RDMA devices.</summary>
    public required IReadOnlySet<string> Rdma { get; init; }

    /// <summary>Its address in the network that all hosts share, if it has one.</summary>
    public string? Address { get; init; }

    /// <exception cref="ToolException">
    /// The host printed something that cannot be read, or has no Thunderbolt port.
    /// </exception>
    public static Mac Of(Capture capture)
    {
        IReadOnlyList<ThunderboltPort> ports = ThunderboltReport.Parse(capture.Host, capture.SystemProfiler);
        return ports.Count == 0
            ? throw new ToolException($"host {capture.Host} has no Thunderbolt port", ExitCodes.Unhealthy)
            : new Mac(capture.Host)
            {
                Ports = ports,
                Interfaces = HardwarePorts.Parse(capture.NetworkSetup),
                Rdma = RdmaDevices.Parse(capture.IbvDevices),
                Address = LanAddress.Parse(capture.Host, capture.IpConfig),
            };
    }
}
