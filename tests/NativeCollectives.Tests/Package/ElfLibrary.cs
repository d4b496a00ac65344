using System.Runtime.InteropServices;
using LibObjectFile.Elf;

namespace NativeCollectives.Tests.Package;

/// <summary>Reads a 64-bit, little-endian shared library of Linux, by LibObjectFile.</summary>
internal static class ElfLibrary
{
    private const string Glibc = "GLIBC_";
    private const uint StackSegment = 0x6474e551;

    public static SharedLibrary Read(byte[] file)
    {
        var elf = ElfFile.Read(new MemoryStream(file));
        Assert.That(
            (elf.FileClass, elf.Encoding, elf.FileType),
            Is.EqualTo((ElfFileClass.Is64, ElfEncoding.Lsb, ElfFileType.Dynamic)),
            "a shared library in 64-bit, little-endian ELF"
        );
        var dynamic = elf.Sections.OfType<ElfDynamicLinkingTable>().Single();
        return new SharedLibrary
        {
            Kind = elf.Arch.Value switch
            {
                ElfArch.X86_64 => "ELF x86-64",
                ElfArch.AARCH64 => "ELF AArch64",
                var other => $"ELF machine {other}",
            },
            Name = Texts(ElfDynamicTag.SoName).SingleOrDefault(""),
            Needed = [.. Texts(ElfDynamicTag.Needed)],
            RunPaths = [.. Texts(ElfDynamicTag.RPath, ElfDynamicTag.RunPath)],
            Exports =
            [
                .. elf
                    .Sections.OfType<ElfSymbolTable>()
                    .Where(table => table.Type == ElfSectionType.DynamicLinkerSymbolTable)
                    .SelectMany(table => table.Entries)
                    .Where(symbol => symbol.Bind != ElfSymbolBind.Local && !symbol.SectionLink.IsEmpty)
                    .Select(symbol => symbol.Name.Value),
            ],
            SystemVersion = GlibcVersions(elf).DefaultIfEmpty(new Version(0, 0)).Max()!,
            // A file that does not say gets a stack that is executable.
            ExecutableStack = elf
                .Segments.Where(segment => segment.Type.Value == StackSegment)
                .Select(segment => (segment.Flags.Value & ElfNative.PF_X) != 0)
                .FirstOrDefault(true),
        };

        IEnumerable<string> Texts(params ElfDynamicTag[] tags) =>
            dynamic
                .Entries.Where(entry => tags.Contains(entry.TagType))
                .Select(entry => dynamic.TryGetString(entry, out var text) ? text : "");
    }

    // LibObjectFile knows the layout of the versions that are needed, but does not read them: a list of libraries, each
    // with a list of versions.
    private static IEnumerable<Version> GlibcVersions(ElfFile elf)
    {
        foreach (
            var section in elf
                .Sections.OfType<ElfStreamSection>()
                .Where(section => (uint)section.Type == ElfNative.SHT_GNU_verneed)
        )
        {
            var names = (ElfStringTable)section.Link.Section!;
            var content = new byte[section.Size];
            section.Stream.Position = 0;
            section.Stream.ReadExactly(content);
            for (int at = 0, next = -1; next != 0; at += next)
            {
                var need = MemoryMarshal.Read<ElfNative.Elf64_Verneed>(content.AsSpan(at));
                for (int version = at + (int)need.vn_aux.Value, following = -1; following != 0; version += following)
                {
                    var one = MemoryMarshal.Read<ElfNative.Elf64_Vernaux>(content.AsSpan(version));
                    if (
                        names.TryGetString(one.vna_name.Value, out var name)
                        && name.StartsWith(Glibc, StringComparison.Ordinal)
                    )
                    {
                        yield return Version.Parse(name[Glibc.Length..]);
                    }

                    following = (int)one.vna_next.Value;
                }

                next = (int)need.vn_next.Value;
            }
        }
    }
}
