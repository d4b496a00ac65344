namespace NativeCollectives.Cli.Topology;

/// <summary>
/// IPv4 addresses for the ends of the cables: a network of four addresses for each, 192.168.X.4k to 192.168.X.4k+3,
/// whose second and third are the ends'; after 64 cables X goes up. Those X are left out in which a host has an address
/// already.
/// </summary>
internal sealed class AddressPlan
{
    public const string NetMask = "255.255.255.252";

    private const string Prefix = "192.168.";
    private const int NetworksPerOctet = 64;

    private readonly Dictionary<CableEnd, string> _addresses = [];

    private AddressPlan() { }

    /// <param name="cables">The cables; the order gives the numbers.</param>
    /// <param name="inUse">Addresses of the hosts in other networks.</param>
    /// <exception cref="ToolException">There are more cables than networks.</exception>
    public static AddressPlan Of(IReadOnlyList<Cable> cables, IEnumerable<string> inUse)
    {
        var octets = Enumerable
            .Range(0, 256)
            .Where(octet => !inUse.Any(address => address.StartsWith($"{Prefix}{octet}.", StringComparison.Ordinal)))
            .ToList();
        if (cables.Count > octets.Count * NetworksPerOctet)
        {
            throw new ToolException($"{cables.Count} cables need more networks than {Prefix}0.0/16 has");
        }

        var plan = new AddressPlan();
        for (var index = 0; index < cables.Count; index++)
        {
            var octet = octets[index / NetworksPerOctet];
            var first = 4 * (index % NetworksPerOctet);
            plan._addresses.Add(cables[index].A, $"{Prefix}{octet}.{first + 1}");
            plan._addresses.Add(cables[index].B, $"{Prefix}{octet}.{first + 2}");
        }

        return plan;
    }

    public string this[CableEnd end] => _addresses[end];
}
