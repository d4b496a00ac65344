namespace NativeCollectives;

/// <summary>The settings of the ring backend. What is <see langword="null"/> is taken from the environment.</summary>
public sealed class RingOptions
{
    /// <summary>The own rank, from 0; <see langword="null"/>: the environment variable <c>MLX_RANK</c>.</summary>
    public int? Rank { get; set; }

    /// <summary>
    /// One entry per rank, in rank order: the addresses that the rank listens on, as <c>host:port</c> or, with an IPv6
    /// literal, <c>[host]:port</c>. Every rank lists equally many, one for each connection between neighbours. A list
    /// of one rank makes a group of one. Port 0 stands for an address that is not known; only a rank that is neither
    /// this one nor its neighbour may have it.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<string>>? Hosts { get; set; }

    /// <summary>
    /// The path of a JSON file that holds such a list, as MLX writes it: <c>[["10.0.0.1:5000"],["10.0.0.2:5000"]]</c>.
    /// Not together with <see cref="Hosts"/>. If both are <see langword="null"/>, the environment variable
    /// <c>MLX_HOSTFILE</c> holds the path.
    /// </summary>
    public string? HostFile { get; set; }

    /// <summary>New options with the same values.</summary>
    internal RingOptions Copy() => (RingOptions)MemberwiseClone();
}
