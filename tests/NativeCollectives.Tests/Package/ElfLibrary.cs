using System.Buffers.Binary;
using System.Text;

namespace NativeCollectives.Tests.Package;

/// <summary>
/// Reads a 64-bit, little-endian shared library of Linux, by the ELF specification and the symbol versions of the LSB.
/// </summary>
internal sealed class ElfFile
{
    private const int DynamicSection = 6;
    private const int DynamicSymbols = 11;
    private const int VersionNeeds = 0x6ffffffe;
    private const uint StackSegment = 0x6474e551;

    private readonly byte[] _file;

    private ElfFile(byte[] file) => _file = file;

    public static SharedLibrary Read(byte[] file) => new ElfFile(file).Read();

    private SharedLibrary Read()
    {
        Assert.That(
            _file.AsSpan(0, 6).SequenceEqual("\u007fELF\u0002\u0001"u8) && Short(16) == 3,
            Is.True,
            "a shared library in 64-bit, little-endian ELF"
        );
        var dynamic = Dynamic();
        return new SharedLibrary
        {
            Kind = Short(18) switch
            {
                62 => "ELF x86-64",
                183 => "ELF AArch64",
                var other => $"ELF machine {other}",
            },
            Name = dynamic.Where(entry => entry.Tag == 14).Select(entry => entry.Text).SingleOrDefault(""),
            Needed = [.. dynamic.Where(entry => entry.Tag == 1).Select(entry => entry.Text)],
            RunPaths = [.. dynamic.Where(entry => entry.Tag is 15 or 29).Select(entry => entry.Text)],
            Exports = [.. Exports()],
            SystemVersion = GlibcVersions().DefaultIfEmpty(new Version(0, 0)).Max()!,
            ExecutableStack = ExecutableStack(),
        };
    }

    private List<(long Tag, string Text)> Dynamic()
    {
        var entries = new List<(long, string)>();
        foreach (var section in Sections(DynamicSection))
        {
            for (var at = section.Offset; at < section.Offset + section.Size && Long(at) != 0; at += 16)
            {
                entries.Add((Long(at), Long(at) is 1 or 14 or 15 or 29 ? Text(section.Strings + Long(at + 8)) : ""));
            }
        }
        return entries;
    }

    private IEnumerable<string> Exports()
    {
        foreach (var section in Sections(DynamicSymbols))
        {
            for (var at = section.Offset; at < section.Offset + section.Size; at += 24)
            {
                var isLocal = _file[at + 4] >> 4 == 0;
                var isDefined = Short(at + 6) != 0;
                if (isDefined && !isLocal)
                {
                    yield return Text(section.Strings + Int(at));
                }
            }
        }
    }

    private IEnumerable<Version> GlibcVersions()
    {
        foreach (var section in Sections(VersionNeeds))
        {
            for (long need = section.Offset, next = -1; next != 0; need += next)
            {
                for (long version = need + Int(need + 8), following = -1; following != 0; version += following)
                {
                    var name = Text(section.Strings + Int(version + 8));
                    if (name.StartsWith("GLIBC_", StringComparison.Ordinal))
                    {
                        yield return Version.Parse(name["GLIBC_".Length..]);
                    }
                    following = Int(version + 12);
                }
                next = Int(need + 12);
            }
        }
    }

    private bool ExecutableStack()
    {
        for (var segment = 0; segment < Short(56); segment++)
        {
            var header = Long(32) + segment * Short(54);
            if ((uint)Int(header) == StackSegment)
            {
                return (Int(header + 4) & 1) != 0;
            }
        }
        // A file that does not say gets one that is.
        return true;
    }

    private IEnumerable<(long Offset, long Size, long Strings)> Sections(int type)
    {
        for (var section = 0; section < Short(60); section++)
        {
            var header = Section(section);
            if (Int(header + 4) == type)
            {
                yield return (Long(header + 24), Long(header + 32), Long(Section(Int(header + 40)) + 24));
            }
        }
    }

    private long Section(int index) => Long(40) + index * Short(58);

    private int Short(long offset) => BinaryPrimitives.ReadUInt16LittleEndian(_file.AsSpan((int)offset));

    private int Int(long offset) => BinaryPrimitives.ReadInt32LittleEndian(_file.AsSpan((int)offset));

    private long Long(long offset) => BinaryPrimitives.ReadInt64LittleEndian(_file.AsSpan((int)offset));

    private string Text(long offset)
    {
        var text = _file.AsSpan((int)offset);
        return Encoding.ASCII.GetString(text[..text.IndexOf((byte)0)]);
    }
}
