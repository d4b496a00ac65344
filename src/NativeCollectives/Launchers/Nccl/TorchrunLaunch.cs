namespace NativeCollectives;

/// <summary>torchrun, or a script that sets its variables.</summary>
internal sealed class TorchrunLaunch : NcclLaunch
{
    internal const string Host = "MASTER_ADDR";
    internal const string Port = "MASTER_PORT";
    private const string AgentStore = "TORCHELASTIC_USE_AGENT_STORE";

    /// <summary>All variables that tell where the ranks meet.</summary>
    internal static readonly string[] Variables = [Host, Port, AgentStore];

    internal TorchrunLaunch(NcclOptions options, LaunchEnvironment environment)
        : base(options, environment)
    {
        Need(Host);
        Need(Port);
        NeedPlace(KnownLauncher.WithSize);
    }

    internal override bool IsMeant => Environment.IsPresent(Host) || Environment.IsPresent(Port);

    internal override KeyValuePair<string, string>? ReadAddress()
    {
        string host = Environment.Host(Host, NcclConfiguration.Name)!;
        int port = Environment.Port(Port, NcclConfiguration.Name)!.Value;

        // The agent, not rank 0, listens on the port then.
        bool isTaken = string.Equals(Environment.Text(AgentStore), "True", StringComparison.OrdinalIgnoreCase);
        return isTaken && port == HostAndPort.MaxPort
            ? throw Malformed(
                Port,
                Environment.Text(Port)!,
                "at most 65534, because torchrun's agent listens on it and the ranks meet at the next port"
            )
            : Rendezvous(host, isTaken ? port + 1 : port);
    }
}
