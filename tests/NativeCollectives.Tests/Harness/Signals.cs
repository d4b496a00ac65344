using System.Runtime.InteropServices;

namespace NativeCollectives.Tests.Harness;

/// <summary>Stops a process and lets it go on, or asks it to end.</summary>
internal static partial class Signals
{
    private static readonly int _stop = OperatingSystem.IsMacOS() ? 17 : 19;
    private static readonly int _continue = OperatingSystem.IsMacOS() ? 19 : 18;

    public static void Stop(int process) => Send(process, _stop);

    public static void Continue(int process) => Send(process, _continue);

    /// <summary>What Ctrl-C sends.</summary>
    public static void Interrupt(int process) => Send(process, 2);

    private static void Send(int process, int signal)
    {
        if (Kill(process, signal) != 0)
        {
            throw new InvalidOperationException(
                $"signal {signal} to process {process}: error {Marshal.GetLastPInvokeError()}"
            );
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
