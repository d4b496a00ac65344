using System.Runtime.InteropServices;

namespace NativeCollectives.Cli.Processes;

/// <summary>
/// An array of texts as C programs take it: pointers to UTF-8 that ends with NUL, and a null pointer after the last.
/// </summary>
internal sealed unsafe class NativeStrings : IDisposable
{
    private readonly int _count;

    public NativeStrings(IReadOnlyCollection<string> texts)
    {
        _count = texts.Count;
        Pointer = (byte**)NativeMemory.AllocZeroed((nuint)(texts.Count + 1), (nuint)sizeof(byte*));
        var next = Pointer;
        foreach (var text in texts)
        {
            *next++ = (byte*)Marshal.StringToCoTaskMemUTF8(text);
        }
    }

    public byte** Pointer { get; }

    public void Dispose()
    {
        for (var index = 0; index < _count; index++)
        {
            Marshal.FreeCoTaskMem((nint)Pointer[index]);
        }

        NativeMemory.Free(Pointer);
    }
}
