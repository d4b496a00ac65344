using System.Diagnostics;

namespace NativeCollectives.Tests.Harness;

/// <summary>
/// Every process that the tests have started and that has not been seen to end. Each is killed by its own id.
/// </summary>
internal static class ChildProcesses
{
    private static readonly HashSet<Process> _running = [];

    static ChildProcesses() => AppDomain.CurrentDomain.ProcessExit += (_, _) => KillAll();

    public static Process Start(ProcessStartInfo info)
    {
        lock (_running)
        {
            var process = Process.Start(info) ?? throw new InvalidOperationException($"{info.FileName} did not start");
            _running.Add(process);
            return process;
        }
    }

    /// <summary>Kills one, waits for its end and forgets it.</summary>
    public static void End(Process process)
    {
        lock (_running)
        {
            if (!_running.Remove(process))
            {
                return;
            }
        }
        process.Kill();
        process.WaitForExit();
        process.Dispose();
    }

    /// <summary>Kills the whole list.</summary>
    public static void KillAll()
    {
        Process[] left;
        lock (_running)
        {
            left = [.. _running];
        }
        foreach (var process in left)
        {
            End(process);
        }
    }
}
