using System.Net;
using System.Net.NetworkInformation;
using NativeCollectives.Cli.Doctor.Probing;

namespace NativeCollectives.Cli.Doctor.Cluster;

/// <summary>Knows which hosts of a hostfile are the machine that this runs on.</summary>
internal sealed class ThisMachine
{
    private readonly HashSet<IPAddress> _addresses =
    [
        .. NetworkInterface
            .GetAllNetworkInterfaces()
            .SelectMany(static network => network.GetIPProperties().UnicastAddresses)
            .Select(static address => WithoutScope(address.Address)),
    ];

    /// <summary>Whether a name or address is one of this machine; the address that means any is. A name that does not
    /// resolve is not.</summary>
    public async Task<bool> IsAsync(string host, TimeSpan timeout, CancellationToken cancellationToken)
    {
        try
        {
            IPAddress address = WithoutScope(await Resolver.ResolveAsync(host, timeout, cancellationToken));
            bool isAny = address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
            return isAny || IPAddress.IsLoopback(address) || _addresses.Contains(address);
        }
        catch (ProbeException)
        {
            return false;
        }
    }

    private static IPAddress WithoutScope(IPAddress address) =>
        address.IsIPv6LinkLocal ? new IPAddress(address.GetAddressBytes()) : address;
}
