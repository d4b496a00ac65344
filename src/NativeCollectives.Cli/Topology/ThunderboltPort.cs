namespace NativeCollectives.Cli.Topology;

/// <summary>One Thunderbolt port of a Mac.</summary>
/// <param name="Uuid">The port's own id, by which the machine at the other end of a cable reports it.</param>
/// <param name="Receptacle">Its number, as in "Thunderbolt 1".</param>
/// <param name="Peers">
/// The ids that it reports from the other end, nearest first: of another machine's port, or of any other device.
/// </param>
internal sealed record ThunderboltPort(string Uuid, string Receptacle, IReadOnlyList<string> Peers);
