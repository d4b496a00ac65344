using System.Buffers.Binary;
using System.Text;

namespace NativeCollectives.Hosting;

/// <summary>
/// What one rank says in a round: four bytes that tell a record, what it says, three zeros, a length in little-endian
/// order, and as many bytes of a small message or of a reason, up to <see cref="Size"/> altogether.
/// </summary>
internal static class RoundRecord
{
    /// <summary>The size of every record, in bytes.</summary>
    internal const int Size = 512;

    /// <summary>The most bytes that a record has room for.</summary>
    internal const int Room = Size - HeaderSize;

    private const int HeaderSize = 12;
    private const uint Mark = 0x5152434e; // NCRQ

    /// <summary>Writes a record whose bytes follow elsewhere if they are too many.</summary>
    internal static void Write(Span<byte> record, RoundWord word, ReadOnlySpan<byte> bytes)
    {
        record.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(record, Mark);
        record[4] = (byte)word;
        BinaryPrimitives.WriteInt32LittleEndian(record[8..], bytes.Length);
        if (bytes.Length <= Room)
        {
            bytes.CopyTo(record[HeaderSize..]);
        }
    }

    /// <summary>Writes a record with a reason, cut to what there is room for.</summary>
    internal static void Write(Span<byte> record, RoundWord word, string reason)
    {
        Span<byte> bytes = stackalloc byte[Room];
        Encoding.UTF8.GetEncoder().Convert(reason, bytes, flush: true, out _, out int count, out _);
        Write(record, word, bytes[..count]);
    }

    /// <summary>Reads a record.</summary>
    /// <param name="record">The record.</param>
    /// <param name="word">What it says.</param>
    /// <param name="length">How many bytes it has or announces.</param>
    /// <returns>Whether it is one.</returns>
    internal static bool TryRead(ReadOnlySpan<byte> record, out RoundWord word, out int length)
    {
        word = (RoundWord)record[4];
        length = BinaryPrimitives.ReadInt32LittleEndian(record[8..]);
        return BinaryPrimitives.ReadUInt32LittleEndian(record) == Mark
            && Enum.IsDefined(word)
            && length >= 0
            && (length <= Room || word == RoundWord.Message);
    }

    /// <summary>The bytes of a record that has room for them.</summary>
    internal static ReadOnlySpan<byte> Bytes(ReadOnlySpan<byte> record, int length) => record.Slice(HeaderSize, length);

    /// <summary>The reason that a record gives.</summary>
    internal static string Reason(ReadOnlySpan<byte> record, int length) =>
        Encoding.UTF8.GetString(Bytes(record, length));
}

/// <summary>What a rank says in a round.</summary>
internal enum RoundWord : byte
{
    /// <summary>The publisher has nothing to publish.</summary>
    Idle = 1,

    /// <summary>The publisher has a message.</summary>
    Message = 2,

    /// <summary>The publisher has no more messages.</summary>
    Complete = 3,

    /// <summary>A consumer has room for a message.</summary>
    Ready = 4,

    /// <summary>A consumer has no room.</summary>
    Full = 5,

    /// <summary>A rank has failed, or leaves before the end, for a reason.</summary>
    Failed = 6,
}
