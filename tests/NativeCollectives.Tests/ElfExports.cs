using System.Text;
using NUnit.Framework;

namespace NativeCollectives.Tests;

/// <summary>The functions in the dynamic symbol table of a 64-bit, little-endian ELF file.</summary>
internal static class ElfExports
{
    private const int DynamicSymbols = 11;
    private const int Function = 2;

    public static List<string> Functions(string path)
    {
        var file = File.ReadAllBytes(path);
        Assert.That(
            file.AsSpan(0, 6).SequenceEqual("\u007fELF\u0002\u0001"u8),
            Is.True,
            $"{path} is no 64-bit, little-endian ELF file"
        );

        var functions = new List<string>();
        var sections = Long(file, 40);
        int sectionSize = Short(file, 58);
        for (var section = 0; section < Short(file, 60); section++)
        {
            var header = sections + section * sectionSize;
            if (Int(file, header + 4) != DynamicSymbols)
            {
                continue;
            }
            var names = Long(file, sections + Int(file, header + 40) * sectionSize + 24);
            var (start, size, entry) = (Long(file, header + 24), Long(file, header + 32), Long(file, header + 56));
            for (var symbol = start; symbol < start + size; symbol += entry)
            {
                var isFunction = (file[symbol + 4] & 0xf) == Function;
                var isLocal = file[symbol + 4] >> 4 == 0;
                var isDefined = Short(file, symbol + 6) != 0;
                if (isFunction && isDefined && !isLocal)
                {
                    var name = file.AsSpan(names + Int(file, symbol));
                    functions.Add(Encoding.ASCII.GetString(name[..name.IndexOf((byte)0)]));
                }
            }
        }
        return functions;
    }

    private static int Short(byte[] file, int offset) => BitConverter.ToUInt16(file, offset);

    private static int Int(byte[] file, int offset) => BitConverter.ToInt32(file, offset);

    private static int Long(byte[] file, int offset) => checked((int)BitConverter.ToInt64(file, offset));
}
