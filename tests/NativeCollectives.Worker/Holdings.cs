using System.Diagnostics;
using System.Globalization;

namespace NativeCollectives.Worker;

/// <summary>
/// What this process held before its first case. After a case it may hold no more of it: no descriptor, no thread of the
/// library's, and no object of a double.
/// </summary>
internal sealed class Holdings
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);
    private static readonly string[] _ofGroups = ["allocations", "pinned", "streams", "events", "communicators"];

    private readonly Dictionary<string, int> _before = Now();

    /// <summary>What there is more than before, in words; empty if there is nothing.</summary>
    public string Left()
    {
        // What had to be left to its own end, or to the finaliser, has some time for it.
        var clock = Stopwatch.StartNew();
        for (; ; )
        {
            var left = string.Join(
                ", ",
                Now()
                    .Where(entry => entry.Value > _before.GetValueOrDefault(entry.Key))
                    .Select(entry => $"{entry.Value - _before.GetValueOrDefault(entry.Key)} {entry.Key}")
            );
            if (left.Length == 0 || clock.Elapsed > _patience)
            {
                return left;
            }
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Thread.Sleep(5); // the pause of a question that is asked again
        }
    }

    private static Dictionary<string, int> Now()
    {
        if (!OperatingSystem.IsLinux())
        {
            // Nobody tells.
            return [];
        }
        var holdings = new List<string>();
        // The console's streams are duplicated when they are first used: each pipe counts once.
        foreach (
            var target in Directory
                .GetFiles("/proc/self/fd")
                .Select(descriptor => new FileInfo(descriptor).LinkTarget)
                .OfType<string>()
                .Where(target => !IsTheRuntimes(target))
                .GroupBy(target => target)
                .SelectMany(same => same.Key.StartsWith("pipe:", StringComparison.Ordinal) ? same.Take(1) : same)
        )
        {
            // A socket's name has its number behind it.
            holdings.Add($"descriptor of {target.Split(":[")[0]}");
        }
        foreach (var thread in Directory.GetDirectories("/proc/self/task"))
        {
            // So the library names every thread of its own. Those of the runtime and of the doubles stay.
            if (NameOf(thread) is { } name && name.StartsWith("nc ", StringComparison.Ordinal))
            {
                holdings.Add($"thread {name}");
            }
        }
        var counts = holdings.CountBy(holding => holding).ToDictionary();
        var data = new Dictionary<string, string>();
        if (Doubles.AreLoaded)
        {
            Doubles.CountLive(data);
            foreach (var kind in _ofGroups)
            {
                counts[$"{kind} of NCCL's double"] = int.Parse(data[kind], CultureInfo.InvariantCulture);
            }
        }
        if (SoftVerbs.AreLoaded)
        {
            SoftVerbs.Describe(data);
            counts["objects of the verbs"] = int.Parse(data["live"], CultureInfo.InvariantCulture);
            if (data["violations"].Length > 0)
            {
                counts[$"broken rules of the verbs: {data["violations"]}"] = 1;
            }
        }
        return counts;
    }

    // It opens assemblies and their symbols when it needs them, and a source of random numbers.
    private static bool IsTheRuntimes(string target) =>
        target.EndsWith(".dll", StringComparison.Ordinal)
        || target.EndsWith(".pdb", StringComparison.Ordinal)
        || target == "/dev/urandom";

    private static string? NameOf(string thread)
    {
        try
        {
            return File.ReadAllText(Path.Combine(thread, "comm")).Trim();
        }
        catch (IOException)
        {
            // It has ended meanwhile.
            return null;
        }
    }
}
