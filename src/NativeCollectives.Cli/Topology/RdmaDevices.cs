namespace NativeCollectives.Cli.Topology;

/// <summary>
/// What <c>ibv_devices</c> says of a Mac. The device of a Thunderbolt port is called rdma_ and the port's network
/// interface.
/// </summary>
internal static class RdmaDevices
{
    /// <summary>The command that gives the text; where RDMA is unknown, nothing.</summary>
    public const string Command = "ibv_devices";

    private const string Prefix = "rdma_";

    /// <summary>The name of a network interface's device.</summary>
    public static string Of(string networkInterface) => Prefix + networkInterface;

    /// <summary>The names of the devices. Each has a line, which its name begins; a heading is ignored.</summary>
    public static IReadOnlySet<string> Parse(string text) =>
        text.Split('\n')
            .Select(line => line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words.Length > 0 && words[0].StartsWith(Prefix, StringComparison.Ordinal))
            .Select(words => words[0])
            .ToHashSet();
}
