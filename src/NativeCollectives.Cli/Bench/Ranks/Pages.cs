using System.Runtime.InteropServices;

namespace NativeCollectives.Cli.Bench;

/// <summary>
/// Host memory outside the managed heap, aligned to pages, which grows when asked and is used again and again.
/// </summary>
internal sealed unsafe class Pages : IDisposable
{
    private const nuint Alignment = 4096;

    private nuint _size;

    public byte* Address { get; private set; }

    /// <summary>Makes it at least so large. What it held is gone if it had to grow.</summary>
    /// <exception cref="OutOfMemoryException">There is not that much.</exception>
    public byte* Reserve(long bytes)
    {
        var size = (nuint)Math.Max(1, bytes);
        if (size > _size)
        {
            Dispose();
            Address = (byte*)NativeMemory.AlignedAlloc(size, Alignment);
            NativeMemory.Clear(Address, size); // has its pages from now on
            _size = size;
        }

        return Address;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(Address);
        Address = null;
        _size = 0;
    }
}

/// <summary>The memory of a rank, which all cases use one after the other.</summary>
internal sealed class RankMemory : IDisposable
{
    /// <summary>For the input, or for input and output where they share memory.</summary>
    public Pages Input { get; } = new();

    public Pages Output { get; } = new();

    public void Dispose()
    {
        Input.Dispose();
        Output.Dispose();
    }
}
