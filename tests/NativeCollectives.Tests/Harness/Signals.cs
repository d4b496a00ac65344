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

    /// <summary>
    /// Gives the signals of Ctrl-C and Ctrl-\ their default meaning back if this process ignores them.
    /// </summary>
    public static unsafe void HeedInterrupts()
    {
        // A struct sigaction begins with the handler, everywhere. SIG_DFL is 0, SIG_IGN 1.
        nint* action = stackalloc nint[64];
        foreach (var signal in new[] { 1, 2, 3 })
        {
            if (Action(signal, null, action) == 0 && *action == 1)
            {
                _ = SetHandler(signal, 0);
            }
        }
    }

    private static void Send(int process, int signal)
    {
        if (Kill(process, signal) != 0)
        {
            throw new InvalidOperationException(
                $"signal {signal} to process {process}: error {Marshal.GetLastPInvokeError()}"
            );
        }
    }

    /// <summary>kill(2); signal 0 only asks whether there is such a process.</summary>
    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "sigaction")]
    private static unsafe partial int Action(int signal, void* action, void* before);

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetHandler(int signal, nint handler);
}
