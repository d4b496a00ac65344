using System.Text.Json.Serialization;
using NativeCollectives.Cli.Doctor.Links;
using NativeCollectives.Cli.Doctor.Machine;

namespace NativeCollectives.Cli.Doctor.Cluster;

/// <summary>What was found out about the hosts and links of a hostfile.</summary>
/// <param name="Path">The file.</param>
/// <param name="Kind">What kind of hostfile it is.</param>
/// <param name="Backend">The backend for which it was judged.</param>
/// <param name="Hosts">The hosts, each once; none for a device matrix, which names none.</param>
/// <param name="Ranks">The ranks, in their order.</param>
/// <param name="Links">The links that were tested.</param>
/// <param name="Findings">What is wrong.</param>
internal sealed record ClusterReport(
    string Path,
    ClusterKind Kind,
    string Backend,
    IReadOnlyList<HostReport> Hosts,
    IReadOnlyList<RankReport> Ranks,
    IReadOnlyList<LinkReport> Links,
    IReadOnlyList<Finding> Findings
);

/// <summary>A host.</summary>
/// <param name="Name">As the file names it.</param>
/// <param name="Local">Whether it is this machine.</param>
/// <param name="Error">Why the tool cannot be run there; <see langword="null"/>: it can.</param>
/// <param name="Machine">What is known of it; <see langword="null"/>: the tool cannot be run there.</param>
internal sealed record HostReport(string Name, bool Local, string? Error, MachineReport? Machine);

/// <summary>A rank.</summary>
/// <param name="Rank">Its number.</param>
/// <param name="Host">Its host, as the file names it; empty in a device matrix.</param>
/// <param name="Addresses">Where other ranks reach it.</param>
internal sealed record RankReport(int Rank, string Host, IReadOnlyList<string> Addresses)
{
    /// <summary>
    /// What is known of the host; <see langword="null"/>: nothing, as there is none or the tool cannot be run there.
    /// </summary>
    [JsonIgnore]
    public MachineReport? Machine { get; init; }
}
