using System.Collections.Concurrent;

namespace NativeCollectives.Worker;

/// <summary>Environment variables that are set for one case, as managed code sees them.</summary>
internal static class CaseVariables
{
    private static readonly ConcurrentDictionary<string, string?> _before = new();

    /// <summary>Sets one; <see langword="null"/> takes it away.</summary>
    public static void Set(string name, string? value)
    {
        _before.TryAdd(name, Environment.GetEnvironmentVariable(name));
        Environment.SetEnvironmentVariable(name, value);
    }

    /// <summary>All are again as they were before the case.</summary>
    public static void Restore()
    {
        foreach (var (name, value) in _before)
        {
            Environment.SetEnvironmentVariable(name, value);
        }
        _before.Clear();
    }
}
