using System.Runtime.InteropServices;

namespace NativeCollectives.Bench;

/// <summary>Host memory outside the managed heap. A rank's process ends with its job; nothing is ever freed.</summary>
internal static unsafe class Pages
{
    private const nuint Alignment = 4096;

    public static void* Allocate(long bytes)
    {
        var size = (nuint)Math.Max(1, bytes);
        var memory = NativeMemory.AlignedAlloc(size, Alignment);
        NativeMemory.Clear(memory, size); // has its pages from now on
        return memory;
    }
}
