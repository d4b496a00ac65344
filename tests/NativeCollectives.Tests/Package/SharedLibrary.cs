namespace NativeCollectives.Tests.Package;

/// <summary>
/// What the headers of a shared library say: of an ELF file (<see cref="ElfLibrary"/>) or of a Mach-O file
/// (<see cref="MachOFile"/>).
/// </summary>
internal sealed record SharedLibrary
{
    /// <summary>Format and processor, such as "ELF x86-64".</summary>
    public required string Kind { get; init; }

    /// <summary>The name by which others are linked to it.</summary>
    public required string Name { get; init; }

    /// <summary>The libraries that the loader must find.</summary>
    public required IReadOnlyList<string> Needed { get; init; }

    /// <summary>Folders in which the loader looks for them first.</summary>
    public required IReadOnlyList<string> RunPaths { get; init; }

    /// <summary>Every symbol that others can use.</summary>
    public required IReadOnlyList<string> Exports { get; init; }

    /// <summary>The lowest version that it runs on: of glibc, or of macOS.</summary>
    public required Version SystemVersion { get; init; }

    /// <summary>It asks for a stack from which code can be run.</summary>
    public bool ExecutableStack { get; init; }

    public static SharedLibrary Read(byte[] file) =>
        file.AsSpan().StartsWith("\u007fELF"u8) ? ElfLibrary.Read(file) : MachOFile.Read(file);
}
