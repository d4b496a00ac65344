namespace NativeCollectives.Surface;

/// <summary>A kind of buffers, and how a method on them is written.</summary>
/// <param name="Input">The type of what is read.</param>
/// <param name="Output">The type of what is written.</param>
/// <param name="Length">The expression for a buffer's length.</param>
internal sealed record Kind(string Input, string Output, string Length)
{
    internal static readonly Kind Spans = new("ReadOnlySpan<T>", "Span<T>", "Length") { IsBlocking = true };
    internal static readonly Kind Memories = new("ReadOnlyMemory<T>", "Memory<T>", "Length");
    internal static readonly Kind Arrays = new("T[]", "T[]", "Length") { HandsOn = ".AsMemory()" };

    /// <summary>Memories for which the compiler does not find out T where a ReadOnlyMemory is asked for.</summary>
    internal static readonly Kind WritableMemories = new("Memory<T>", "Memory<T>", "Length") { HandsOn = "" };

    internal static readonly Kind TensorSpans = new("in ReadOnlyTensorSpan<T>", "in TensorSpan<T>", "FlattenedLength")
    {
        IsBlocking = true,
        IsTensor = true,
    };

    internal static readonly Kind Tensors = new("Tensor<T>", "Tensor<T>", "FlattenedLength") { IsTensor = true };
    internal static readonly Kind Devices = new("DeviceSpan<T>", "DeviceSpan<T>", "Length") { IsDevice = true };
    internal static readonly Kind Pointers = new("void*", "void*", "") { IsRaw = true };

    /// <summary>Whether there are only blocking forms.</summary>
    internal bool IsBlocking { get; init; }

    /// <summary>What makes a memory of it for the group's own method; null: it has methods of its own.</summary>
    internal string? HandsOn { get; init; }

    internal bool IsTensor { get; init; }

    internal bool IsDevice { get; init; }

    internal bool IsRaw { get; init; }

    /// <summary>What must fit.</summary>
    internal string Extent => IsTensor ? "shape" : "length";

    internal string LengthOf(string buffer) => $"{buffer}.{Length}";
}
