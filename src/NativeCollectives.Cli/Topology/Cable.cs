namespace NativeCollectives.Cli.Topology;

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
