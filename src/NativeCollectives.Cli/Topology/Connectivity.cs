namespace NativeCollectives.Cli.Topology;

/// <summary>Which hosts are joined, and by which cables.</summary>
internal sealed class Connectivity
{
    private readonly List<Cable>[,] _between;

    /// <param name="hosts">The names of the hosts.</param>
    /// <param name="cables">The cables between them.</param>
    public Connectivity(IReadOnlyList<string> hosts, IReadOnlyList<Cable> cables)
    {
        Hosts = hosts;
        Cables = cables;
        _between = new List<Cable>[hosts.Count, hosts.Count];
        for (var a = 0; a < hosts.Count; a++)
        {
            for (var b = 0; b < hosts.Count; b++)
            {
                _between[a, b] = [];
            }
        }

        foreach (Cable cable in cables)
        {
            _between[cable.A.Host, cable.B.Host].Add(cable);
            _between[cable.B.Host, cable.A.Host].Add(cable.From(cable.B.Host));
        }
    }

    public IReadOnlyList<string> Hosts { get; }

    /// <summary>Every cable once, in the order of the hosts and their ports.</summary>
    public IReadOnlyList<Cable> Cables { get; }

    public int Size => Hosts.Count;

    /// <summary>
    /// Finds the cables by the ids that the ports report of each other; it is enough that one end reports the other.
    /// What is not a port of these hosts (docks, disks, other machines) is no cable, nor is one between two ports of
    /// the same host.
    /// </summary>
    /// <exception cref="ToolException">
    /// Two names are one machine, or a port that has a cable has no network interface.
    /// </exception>
    public static Connectivity Of(IReadOnlyList<Mac> macs)
    {
        var owners = new Dictionary<string, (int Host, ThunderboltPort Port)>();
        for (var host = 0; host < macs.Count; host++)
        {
            foreach (ThunderboltPort port in macs[host].Ports)
            {
                if (!owners.TryAdd(port.Uuid, (host, port)) && owners[port.Uuid].Host != host)
                {
                    var other = macs[owners[port.Uuid].Host].Name;
                    throw ToolException.Usage(
                        $"hosts {other} and {macs[host].Name} report the same Thunderbolt port {port.Uuid}: they are "
                            + "one machine"
                    );
                }
            }
        }

        var cables = new List<Cable>();
        var inUse = new HashSet<string>();
        foreach (var (host, port) in macs.SelectMany((mac, host) => mac.Ports.Select(port => (host, port))))
        {
            // Behind a hub there may be several machines; a network interface has one address, so the nearest counts.
            var peer = port.Peers.FirstOrDefault(uuid => owners.TryGetValue(uuid, out var owner) && owner.Host != host);
            if (peer is not null && !inUse.Contains(port.Uuid) && inUse.Add(peer))
            {
                inUse.Add(port.Uuid);
                cables.Add(new Cable(End(host, port), End(owners[peer].Host, owners[peer].Port)));
            }
        }

        return new Connectivity([.. macs.Select(mac => mac.Name)], cables);

        CableEnd End(int host, ThunderboltPort port) =>
            new(
                host,
                macs[host].Interfaces.Thunderbolt(port.Receptacle)
                    ?? throw new ToolException(
                        $"host {macs[host].Name}: networksetup lists no \"Thunderbolt {port.Receptacle}\", a port that "
                            + "has a cable",
                        ExitCodes.Unhealthy
                    )
            );
    }

    /// <summary>
    /// The cables between two hosts, with the ends at the first as <see cref="Cable.A"/>; in the same order from either
    /// side.
    /// </summary>
    public IReadOnlyList<Cable> Between(int a, int b) => _between[a, b];
}

/// <summary>A cable between two hosts.</summary>
internal sealed record Cable(CableEnd A, CableEnd B)
{
    /// <summary>The same cable, with the end at this host as <see cref="A"/>.</summary>
    public Cable From(int host) => A.Host == host ? this : new Cable(B, A);
}

/// <summary>One end of a cable.</summary>
/// <param name="Host">The index of the host.</param>
/// <param name="Interface">The network interface of the port there, such as en2.</param>
internal sealed record CableEnd(int Host, string Interface);
