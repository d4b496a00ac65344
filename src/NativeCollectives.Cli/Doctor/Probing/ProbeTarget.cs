namespace NativeCollectives.Cli.Doctor.Probing;

/// <summary>A listening probe, as the source needs to know it.</summary>
/// <param name="Host">Name or address, as the hostfile has it: the source resolves it.</param>
/// <param name="Port">Where it listens.</param>
/// <param name="Token">What the caller has to show, 32 hexadecimal digits: strangers are turned away.</param>
internal sealed record ProbeTarget(string Host, int Port, string Token);
