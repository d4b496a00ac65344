using System.Runtime.InteropServices;

namespace NativeCollectives.Worker;

/// <summary>A library that this process may have loaded by now, and that asking would load.</summary>
internal static class LoadedLibrary
{
    /// <summary>Whether the library that a variable names is loaded, and has this function.</summary>
    public static bool Has(string variable, string function) =>
        OperatingSystem.IsLinux()
        && Environment.GetEnvironmentVariable(variable) is { Length: > 0 } path
        && File.Exists(path)
        && new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName is var target
        && File.ReadLines("/proc/self/maps").Any(line => line.EndsWith(target ?? path, StringComparison.Ordinal))
        && NativeLibrary.TryGetExport(NativeLibrary.Load(path), function, out _);
}
