using System.Net;
using System.Net.Sockets;

namespace NativeCollectives.Cli.Topology;

/// <summary>
/// The address of a Mac in the network that all of them share: that of Ethernet or Wi-Fi, en0 or else en1.
/// </summary>
internal static class LanAddress
{
    /// <summary>The command that prints it.</summary>
    public const string Command = "ipconfig getifaddr en0 || ipconfig getifaddr en1";

    /// <summary>The address, or null if there is none.</summary>
    /// <param name="host">The host's name, for the errors.</param>
    /// <param name="text">What the command printed there.</param>
    /// <exception cref="ToolException">It is something else than an IPv4 address.</exception>
    public static string? Parse(string host, string text)
    {
        var address = text.Trim();
        if (address.Length == 0)
        {
            return null;
        }

        return
            IPAddress.TryParse(address, out IPAddress? parsed)
            && parsed.AddressFamily == AddressFamily.InterNetwork
            && parsed.ToString() == address
            ? address
            : throw new ToolException(
                $"host {host}: ipconfig getifaddr printed \"{address}\"; expected an IPv4 address"
            );
    }

    /// <summary>The error for a host that needs one and has none.</summary>
    public static ToolException Missing(string host) =>
        new(
            $"host {host} has no IPv4 address on en0 or en1; join it to the network that the hosts share",
            ExitCodes.Unhealthy
        );
}
