using System.Runtime.InteropServices;

namespace NativeCollectives.Cli;

/// <summary>The files of the native libraries that this process has loaded.</summary>
internal static unsafe partial class LoadedLibraries
{
    /// <summary>
    /// The file of a library that a backend has loaded: the one that an option or a variable names, or the first whose
    /// name begins so; <see langword="null"/>: none, or the system does not tell.
    /// </summary>
    public static string? Of(string? option, string variable, string beginning) =>
        option
        ?? (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } named ? named : null)
        ?? PathOf(beginning);

    /// <summary>The file whose name begins so; <see langword="null"/>: none, or the system does not tell.</summary>
    public static string? PathOf(string beginning) =>
        All().FirstOrDefault(path => Path.GetFileName(path).StartsWith(beginning, StringComparison.Ordinal));

    private static IEnumerable<string> All()
    {
        if (OperatingSystem.IsMacOS())
        {
            return Enumerable
                .Range(0, (int)DyldImageCount())
                .Select(static index => Marshal.PtrToStringUTF8((nint)DyldGetImageName((uint)index)))
                .OfType<string>();
        }

        // address range, rights, offset, device, inode, path
        return OperatingSystem.IsLinux()
            ? File.ReadLines("/proc/self/maps")
                .Select(static line => line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries))
                .Where(static parts => parts.Length == 6)
                .Select(static parts => parts[5])
            : [];
    }

    [LibraryImport("libSystem.dylib", EntryPoint = "_dyld_image_count")]
    private static partial uint DyldImageCount();

    [LibraryImport("libSystem.dylib", EntryPoint = "_dyld_get_image_name")]
    private static partial byte* DyldGetImageName(uint index);
}
