using NativeCollectives.Cli.Doctor.Machine;

namespace NativeCollectives.Cli.Doctor.Probing;

/// <summary>A host on which probes can be run: this one, or one that ssh reaches.</summary>
internal interface IProbeHost
{
    /// <summary>Looks at the host itself.</summary>
    /// <exception cref="ProbeException">The tool cannot be run there.</exception>
    Task<MachineReport> InspectAsync(CancellationToken cancellationToken);

    /// <summary>Starts a probe that listens.</summary>
    /// <param name="address">Name or address at which it is to listen.</param>
    /// <param name="port">The port; 0: a free one.</param>
    /// <param name="cancellationToken">Ends the wait for it.</param>
    /// <exception cref="ProbeException">It does not listen.</exception>
    Task<IListeningProbe> ListenAsync(string address, int port, CancellationToken cancellationToken);

    /// <summary>Probes a link from this host.</summary>
    Task<ProbeResult> CallAsync(ProbeTarget target, CancellationToken cancellationToken);
}

/// <summary>A probe that listens until it is disposed.</summary>
internal interface IListeningProbe : IAsyncDisposable
{
    ProbeTarget Target { get; }
}

/// <summary>A listening probe, as the source needs to know it.</summary>
/// <param name="Host">Name or address, as the hostfile has it: the source resolves it.</param>
/// <param name="Port">Where it listens.</param>
/// <param name="Token">What the caller has to show, 32 hexadecimal digits: strangers are turned away.</param>
internal sealed record ProbeTarget(string Host, int Port, string Token);
