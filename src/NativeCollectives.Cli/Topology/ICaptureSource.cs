namespace NativeCollectives.Cli.Topology;

/// <summary>Where the text of the hosts' commands comes from.</summary>
internal interface ICaptureSource
{
    /// <summary>Why a host cannot be asked; null if it can.</summary>
    Task<string?> UnreachableAsync(string host, CancellationToken cancellationToken);

    /// <summary>What a host's commands print.</summary>
    /// <param name="host">The host.</param>
    /// <param name="thunderbolt">
    /// Whether all is wanted; else only the address in the network that all hosts share.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ToolException">A command that must succeed fails, or its text is not there.</exception>
    Task<Capture> CaptureAsync(string host, bool thunderbolt, CancellationToken cancellationToken);
}
