using System.Net;
using System.Net.Sockets;

namespace NativeCollectives.Cli.Doctor.Probing;

/// <summary>Finds a host's address as the ring does: of a name that has both kinds, the IPv4 address.</summary>
internal static class Resolver
{
    /// <exception cref="ProbeException">The name does not resolve, or not in time.</exception>
    public static async Task<IPAddress> ResolveAsync(string host, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (IPAddress.TryParse(host, out IPAddress? literal))
        {
            return literal;
        }

        try
        {
            // The system's resolver cannot be interrupted; it is left behind.
            IPAddress[] found = await Dns.GetHostAddressesAsync(host, cancellationToken)
                .WaitAsync(timeout, cancellationToken);
            return Array.Find(found, static address => address.AddressFamily == AddressFamily.InterNetwork)
                ?? found.FirstOrDefault()
                ?? throw new ProbeException(ProbeStep.Resolve, $"the name {host} has no address");
        }
        catch (TimeoutException failure)
        {
            throw new ProbeException(
                ProbeStep.Resolve,
                $"the name {host} was not resolved within {Duration.Rounded(timeout)}",
                failure
            );
        }
        catch (Exception failure) when (failure is SocketException or ArgumentException)
        {
            throw new ProbeException(
                ProbeStep.Resolve,
                $"the name {host} does not resolve ({failure.Message})",
                failure
            );
        }
    }
}
