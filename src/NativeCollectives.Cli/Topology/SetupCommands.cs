namespace NativeCollectives.Cli.Topology;

/// <summary>
/// The commands that give a host's Thunderbolt ports their addresses. They last until the host starts again.
/// </summary>
internal static class SetupCommands
{
    /// <summary>
    /// Takes the ports out of the Thunderbolt Bridge, if there is one; then, for each cable, sets the address of this
    /// end and the way to the other.
    /// </summary>
    /// <param name="host">The index of the host.</param>
    /// <param name="mac">The host.</param>
    /// <param name="connectivity">All cables.</param>
    /// <param name="addresses">Their addresses.</param>
    /// <returns>Commands for a shell, in order; none if the host has no cable.</returns>
    public static IReadOnlyList<string> For(int host, Mac mac, Connectivity connectivity, AddressPlan addresses)
    {
        var cables = connectivity
            .Cables.Where(cable => cable.A.Host == host || cable.B.Host == host)
            .Select(cable => cable.From(host))
            .ToList();
        if (cables.Count == 0)
        {
            return [];
        }

        return
        [
            .. mac.Interfaces.ThunderboltBridge is { } bridge
                ? [$"sudo ifconfig {bridge} down"]
                : Array.Empty<string>(),
            .. cables.SelectMany(cable =>
                new[]
                {
                    $"sudo ifconfig {cable.A.Interface} inet {addresses[cable.A]} netmask {AddressPlan.NetMask}",
                    $"sudo route change {addresses[cable.B]} -interface {cable.A.Interface}",
                }
            ),
        ];
    }

    /// <summary>
    /// Whether the ports are usable all the same if a command fails: an interface that is down already, a route that
    /// the address has brought along.
    /// </summary>
    public static bool MayFail(string command) => !command.Contains(" inet ", StringComparison.Ordinal);
}
