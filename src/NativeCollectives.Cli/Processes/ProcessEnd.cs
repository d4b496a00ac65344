namespace NativeCollectives.Cli.Processes;

/// <summary>How a process has ended.</summary>
/// <param name="ExitCode">As a shell says it: 128 plus the signal's number if it was killed by one.</param>
/// <param name="Signal">The signal that killed it; null if it exited.</param>
internal readonly record struct ProcessEnd(int ExitCode, int? Signal)
{
    /// <summary>From what waitpid(2) gives.</summary>
    public static ProcessEnd FromStatus(int status) =>
        (status & 0x7f) is not 0 and var signal
            ? new ProcessEnd(ExitCodes.Signalled + signal, signal)
            : new ProcessEnd((status >> 8) & 0xff, null);

    /// <summary>From a shell's exit code, in which a signal is a number above 128.</summary>
    public static ProcessEnd FromShell(int code) =>
        new(code, code is > ExitCodes.Signalled and <= ExitCodes.Signalled + 64 ? code - ExitCodes.Signalled : null);

    public override string ToString() =>
        Signal is { } signal ? $"was killed by {Signals.Name(signal)}" : $"exited with code {ExitCode}";
}
