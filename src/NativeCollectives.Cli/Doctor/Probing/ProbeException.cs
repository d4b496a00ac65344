namespace NativeCollectives.Cli.Doctor.Probing;

/// <summary>A probe did not get past a step; the message is a sentence without a full stop.</summary>
internal sealed class ProbeException(ProbeStep step, string message, Exception? cause = null)
    : Exception(message, cause)
{
    public ProbeStep Step { get; } = step;
}
