namespace NativeCollectives.Cli.Topology;

/// <summary>
/// What <c>networksetup -listallhardwareports</c> says of a Mac: which network interface belongs to which port.
/// </summary>
internal sealed class HardwarePorts
{
    /// <summary>The command that gives the text.</summary>
    public const string Command = "networksetup -listallhardwareports";

    private const string PortLine = "Hardware Port:";
    private const string DeviceLine = "Device:";

    private readonly Dictionary<string, string> _interfaces = [];

    private HardwarePorts() { }

    /// <summary>
    /// The interface that bridges the Thunderbolt ports, which keeps them from having addresses of their own; null if
    /// there is none.
    /// </summary>
    public string? ThunderboltBridge => _interfaces.GetValueOrDefault("Thunderbolt Bridge");

    /// <summary>Reads what the command printed; lines that it does not know are ignored.</summary>
    public static HardwarePorts Parse(string text)
    {
        var ports = new HardwarePorts();
        string? port = null;
        foreach (var line in text.Split('\n', StringSplitOptions.TrimEntries))
        {
            if (line.StartsWith(PortLine, StringComparison.Ordinal))
            {
                port = line[PortLine.Length..].Trim();
            }
            else if (line.StartsWith(DeviceLine, StringComparison.Ordinal) && port is not null)
            {
                ports._interfaces.TryAdd(port, line[DeviceLine.Length..].Trim());
                port = null;
            }
        }

        return ports;
    }

    /// <summary>The interface of a Thunderbolt port, such as en2; null if none is listed.</summary>
    /// <param name="receptacle">The port's number.</param>
    public string? Thunderbolt(string receptacle) => _interfaces.GetValueOrDefault($"Thunderbolt {receptacle}");
}
