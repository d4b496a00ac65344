using System.Globalization;

namespace NativeCollectives.Cli.Processes;

/// <summary>
/// The descendants that have left their process group, as daemons do. On Linux they become children of the tool when
/// their parent ends, and are found; elsewhere they become init's.
/// </summary>
internal static class Orphans
{
    private static readonly TimeSpan _poll = TimeSpan.FromMilliseconds(5);

    /// <summary>Makes this process the parent of descendants whose own has ended.</summary>
    public static void Adopt()
    {
        if (OperatingSystem.IsLinux())
        {
            _ = Libc.ProcessControl(Libc.BecomeSubreaper, 1, 0, 0, 0);
        }
    }

    /// <summary>Sends SIGTERM to the descendants that have become children of this process.</summary>
    /// <param name="known">The children that it has started itself.</param>
    public static void Terminate(IReadOnlyCollection<int> known)
    {
        foreach (var child in Children(known))
        {
            _ = Libc.Kill(child, Signals.Terminate);
        }
    }

    /// <summary>
    /// Ends the descendants that have become children of this process: by SIGTERM, and by SIGKILL those that are still
    /// there after a while.
    /// </summary>
    /// <param name="grace">From SIGTERM to SIGKILL.</param>
    /// <param name="known">The children that it has started itself.</param>
    public static void End(TimeSpan grace, params IReadOnlyCollection<int> known)
    {
        var deadline = DateTime.UtcNow + grace;
        var lastDeadline = deadline + TimeSpan.FromSeconds(2);
        var asked = new HashSet<int>();
        while (Children(known) is { Count: > 0 } children && DateTime.UtcNow < lastDeadline)
        {
            foreach (var child in children)
            {
                if (DateTime.UtcNow >= deadline)
                {
                    _ = Libc.Kill(child, Signals.Kill);
                }
                else if (asked.Add(child))
                {
                    _ = Libc.Kill(child, Signals.Terminate);
                }

                _ = Libc.WaitPid(child, out _, Libc.WaitNoHang);
            }

            Thread.Sleep(_poll);
        }
    }

    private static List<int> Children(IReadOnlyCollection<int> known)
    {
        List<int> children = [];
        foreach (var folder in OperatingSystem.IsLinux() ? Directory.EnumerateDirectories("/proc") : [])
        {
            if (
                int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var process)
                && !known.Contains(process)
                && Parent(folder) == Environment.ProcessId
            )
            {
                children.Add(process);
            }
        }

        return children;
    }

    private static int? Parent(string folder)
    {
        try
        {
            // pid (name) state parent …, where the name may hold anything.
            var status = File.ReadAllText(Path.Combine(folder, "stat"));
            return int.Parse(status[(status.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
