namespace NativeCollectives.Cli.Doctor.Probing;

/// <summary>What a listening probe on another host says first: where it listens, or why it does not.</summary>
internal sealed record ProbeListening(int? Port, string? Token, string? Error);
