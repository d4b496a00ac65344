using System.Buffers.Binary;
using System.Net.Sockets;

namespace NativeCollectives.Cli.Doctor.Probing;

/// <summary>
/// What two probes say to each other. The caller sends the token (16 bytes), the listener answers
/// <see cref="Greeting"/>. Then the caller asks, as often as it likes: a byte of the kind and a number of 8 bytes.
/// <see cref="Ping"/>: the number comes back. <see cref="Take"/>: so many bytes of the pattern follow, and a byte comes
/// back that says whether they were right. <see cref="Give"/>: so many bytes of the pattern come back. The caller hangs
/// up first, so that no port of the listener's is kept busy by the connection's end.
/// </summary>
internal static class ProbeWire
{
    public const int TokenBytes = 16;
    public const int RequestBytes = 9;
    public const byte Ping = (byte)'P';
    public const byte Take = (byte)'T';
    public const byte Give = (byte)'G';
    public const byte Right = 1;
    public const byte Wrong = 0;

    private const int ChunkBytes = 256 * 1024;

    // Longer than a chunk, and no multiple of anything: bytes that are lost or repeated do not go unnoticed.
    private static readonly byte[] _pattern = MakePattern(1_048_583);

    public static ReadOnlySpan<byte> Greeting => "NCPROBE1"u8;

    public static byte[] Request(byte kind, long number)
    {
        byte[] request = new byte[RequestBytes];
        request[0] = kind;
        BinaryPrimitives.WriteInt64LittleEndian(request.AsSpan(1), number);
        return request;
    }

    public static async Task SendAsync(Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await socket.SendAsync(bytes, cancellationToken)..];
        }
    }

    /// <summary>Fills the buffer; <see langword="false"/> if the other side hung up before its first byte.</summary>
    /// <exception cref="EndOfStreamException">It hung up in the middle.</exception>
    public static async Task<bool> ReceiveAsync(Socket socket, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        for (int done = 0; done < buffer.Length; )
        {
            int more = await socket.ReceiveAsync(buffer[done..], cancellationToken);
            if (more == 0)
            {
                return done == 0 ? false : throw new EndOfStreamException();
            }

            done += more;
        }

        return true;
    }

    public static async Task SendPatternAsync(Socket socket, long count, CancellationToken cancellationToken)
    {
        for (long done = 0; done < count; )
        {
            int offset = (int)(done % _pattern.Length);
            int next = (int)Math.Min(Math.Min(ChunkBytes, _pattern.Length - offset), count - done);
            done += await socket.SendAsync(_pattern.AsMemory(offset, next), cancellationToken);
        }
    }

    /// <summary>Takes so many bytes; returns whether they were the pattern's.</summary>
    /// <exception cref="EndOfStreamException">The other side hung up before.</exception>
    public static async Task<bool> ReceivePatternAsync(Socket socket, long count, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[ChunkBytes];
        bool right = true;
        for (long done = 0; done < count; )
        {
            int offset = (int)(done % _pattern.Length);
            int next = (int)Math.Min(Math.Min(ChunkBytes, _pattern.Length - offset), count - done);
            int more = await socket.ReceiveAsync(buffer.AsMemory(0, next), cancellationToken);
            if (more == 0)
            {
                throw new EndOfStreamException();
            }

            right &= buffer.AsSpan(0, more).SequenceEqual(_pattern.AsSpan(offset, more));
            done += more;
        }

        return right;
    }

    private static byte[] MakePattern(int length)
    {
        byte[] pattern = new byte[length];
        new Random(20261120).NextBytes(pattern);
        return pattern;
    }
}
