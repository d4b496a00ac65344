using System.Buffers.Binary;
using System.Text;

namespace NativeCollectives.Tests.Package;

/// <summary>
/// Reads a 64-bit shared library of macOS: the load commands of &lt;mach-o/loader.h&gt; and the trie of exported
/// symbols.
/// </summary>
internal sealed class MachOFile
{
    private readonly byte[] _file;

    private MachOFile(byte[] file) => _file = file;

    public static SharedLibrary Read(byte[] file) => new MachOFile(file).Read();

    private SharedLibrary Read()
    {
        Assert.That(Int(0) == 0xfeedfacf && Int(12) == 6, Is.True, "a shared library in 64-bit Mach-O");
        var (name, version) = ("", new Version(0, 0));
        List<string> needed = [],
            paths = [],
            exports = [];
        var command = 32;
        for (var number = 0u; number < Int(16); number++)
        {
            // The highest bit says that a loader must understand the command.
            switch (Int(command) & 0x7fffffff)
            {
                case 0x0d:
                    name = Text(command + (int)Int(command + 8));
                    break;
                case 0x0c or 0x18 or 0x1f:
                    needed.Add(Text(command + (int)Int(command + 8)));
                    break;
                case 0x1c:
                    paths.Add(Text(command + (int)Int(command + 8)));
                    break;
                case 0x22 when Int(command + 44) > 0:
                    Exports((int)Int(command + 40), 0, "", exports);
                    break;
                case 0x33 when Int(command + 12) > 0:
                    Exports((int)Int(command + 8), 0, "", exports);
                    break;
                case 0x32:
                    Assert.That(Int(command + 8), Is.EqualTo(1), "the platform is macOS");
                    version = new Version((int)(Int(command + 12) >> 16), (int)(Int(command + 12) >> 8 & 0xff));
                    break;
            }
            command += (int)Int(command + 4);
        }
        return new SharedLibrary
        {
            Kind = Int(4) switch
            {
                0x0100000c => "Mach-O arm64",
                0x01000007 => "Mach-O x86_64",
                var other => $"Mach-O processor {other:x}",
            },
            Name = name,
            Needed = needed,
            RunPaths = paths,
            Exports = exports,
            SystemVersion = version,
            ExecutableStack = (Int(24) & 0x20000) != 0,
        };
    }

    // A node: the bytes of what it exports (none: nothing ends here), then its edges, each a string and the place of
    // the next node.
    private void Exports(int trie, int node, string prefix, List<string> found)
    {
        var at = trie + node;
        var length = Number(ref at);
        if (length > 0)
        {
            found.Add(prefix.StartsWith('_') ? prefix[1..] : prefix);
        }
        at += length;
        int edges = _file[at++];
        for (var edge = 0; edge < edges; edge++)
        {
            var label = Text(at);
            at += label.Length + 1;
            Exports(trie, Number(ref at), prefix + label, found);
        }
    }

    // ULEB128.
    private int Number(ref int at)
    {
        var value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var part = _file[at++];
            value |= (part & 0x7f) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }
    }

    private uint Int(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_file.AsSpan(offset));

    private string Text(int offset)
    {
        var text = _file.AsSpan(offset);
        return Encoding.ASCII.GetString(text[..text.IndexOf((byte)0)]);
    }
}
