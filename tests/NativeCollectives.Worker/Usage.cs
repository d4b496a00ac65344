using System.Diagnostics;
using System.Globalization;

namespace NativeCollectives.Worker;

/// <summary>What this process holds and has used.</summary>
internal static class Usage
{
    public static void Measure(Dictionary<string, string> data)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        using var process = Process.GetCurrentProcess();
        data["descriptors"] = Text(Directory.GetFileSystemEntries("/proc/self/fd").Length);
        data["threads"] = Text(Directory.GetDirectories("/proc/self/task").Length);
        data["processor"] = Text((long)process.TotalProcessorTime.TotalMicroseconds);
        data["resident"] = Text(process.WorkingSet64);
        data["managed"] = Text(GC.GetTotalMemory(forceFullCollection: true));
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
