using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests.Samples;

/// <summary>
/// A rank that speaks the wire of MLX's ring over plain sockets, written after shared/specs/mlx-ring-wire.md and
/// sharing nothing with the library; the numbers in the comments are that page's sections. One address per rank,
/// float32, less than 256 KiB: then an operation is one slice. It listens on its own address, connects to its right
/// neighbour's, and has no handshake.
/// </summary>
internal sealed class MlxPeer : IDisposable
{
    private readonly int _rank;
    private readonly int _size;
    private Socket _left = null!;
    private Socket _right = null!;

    private MlxPeer(int rank, int size) => (_rank, _size) = (rank, size);

    /// <summary>2.2: all but the last accept first; the last connects first.</summary>
    public static async Task<MlxPeer> JoinAsync(int rank, HostFile hosts, CancellationToken cancellation)
    {
        var peer = new MlxPeer(rank, hosts.Hosts.Length);
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, hosts.Port(rank)));
        listener.Listen();
        var right = new IPEndPoint(IPAddress.Loopback, hosts.Port((rank + 1) % peer._size));
        try
        {
            if (rank == peer._size - 1)
            {
                peer._right = await ConnectAsync(right, cancellation);
                peer._left = await listener.AcceptAsync(cancellation);
            }
            else
            {
                peer._left = await listener.AcceptAsync(cancellation);
                peer._right = await ConnectAsync(right, cancellation);
            }
        }
        catch
        {
            peer.Dispose();
            throw;
        }

        return peer;
    }

    /// <summary>5: reduce-scatter, then all-gather, over n segments.</summary>
    public async Task<float[]> AllReduceAsync(
        float[] own,
        Func<float, float, float> combine,
        CancellationToken cancellation
    )
    {
        // 5.1: fewer elements than ranks are filled up with zeros, and go to the right; 5.2: one slice goes to the
        // left.
        var direction = own.Length < _size ? -1 : +1;
        var values = new float[Math.Max(own.Length, _size)];
        own.CopyTo(values, 0);
        var segment = (values.Length + _size - 1) / _size;
        for (var step = 0; step < 2 * (_size - 1); step++)
        {
            Range sent = Segment(_rank + (direction * step));
            Range taken = Segment(_rank + (direction * (step + 1)));
            var incoming = await ExchangeAsync(values[sent], values[taken].Length, direction, cancellation);
            for (var index = 0; index < incoming.Length; index++)
            {
                ref var mine = ref values[taken.Start.Value + index];
                mine = step < _size - 1 ? combine(mine, incoming[index]) : incoming[index];
            }
        }

        return values[..own.Length];

        Range Segment(int index)
        {
            var k = ((index % _size) + _size) % _size;
            return Math.Min(k * segment, values.Length)..Math.Min((k + 1) * segment, values.Length);
        }
    }

    /// <summary>6: one slice of each block goes to the left.</summary>
    public async Task<float[]> AllGatherAsync(float[] own, CancellationToken cancellation)
    {
        var blocks = new float[_size][];
        blocks[_rank] = own;
        for (var step = 0; step < _size - 1; step++)
        {
            blocks[(_rank + step + 1) % _size] = await ExchangeAsync(
                blocks[(_rank + step) % _size],
                own.Length,
                +1,
                cancellation
            );
        }

        return [.. blocks.SelectMany(block => block)];
    }

    /// <summary>7: to the right over the connection that this rank opened.</summary>
    public Task SendRightAsync(float[] values, CancellationToken cancellation) =>
        SendAsync(_right, values, cancellation);

    /// <summary>7: from the left over the connection that this rank accepted.</summary>
    public Task<float[]> ReceiveLeftAsync(int count, CancellationToken cancellation) =>
        ReceiveAsync(_left, count, cancellation);

    /// <summary>Waits until the left neighbour has closed its connection; fails if it sends anything more.</summary>
    public async Task LeftHasLeftAsync(CancellationToken cancellation) =>
        Assert.That(
            await _left.ReceiveAsync(new byte[1], cancellation),
            Is.Zero,
            "the neighbour sent more than the operations need"
        );

    public void Dispose()
    {
        _left?.Dispose();
        _right?.Dispose();
    }

    /// <summary>
    /// 4: −1 sends to the right and receives from the left, +1 the other way round. 3.1: both at once.
    /// </summary>
    private async Task<float[]> ExchangeAsync(float[] sent, int count, int direction, CancellationToken cancellation)
    {
        var (to, from) = direction < 0 ? (_right, _left) : (_left, _right);
        Task<float[]> incoming = ReceiveAsync(from, count, cancellation);
        await Task.WhenAll(SendAsync(to, sent, cancellation), incoming);
        return await incoming;
    }

    /// <summary>3: elements as they lie in memory, little-endian, nothing around them.</summary>
    private static async Task SendAsync(Socket socket, float[] values, CancellationToken cancellation)
    {
        var bytes = new byte[4 * values.Length];
        for (var index = 0; index < values.Length; index++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(4 * index), values[index]);
        }

        for (var sent = 0; sent < bytes.Length; )
        {
            sent += await socket.SendAsync(bytes.AsMemory(sent), cancellation);
        }
    }

    private static async Task<float[]> ReceiveAsync(Socket socket, int count, CancellationToken cancellation)
    {
        var bytes = new byte[4 * count];
        for (var received = 0; received < bytes.Length; )
        {
            var more = await socket.ReceiveAsync(bytes.AsMemory(received), cancellation);
            Assert.That(more, Is.Positive, "the neighbour is gone");
            received += more;
        }

        return
        [
            .. Enumerable
                .Range(0, count)
                .Select(index => BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(4 * index))),
        ];
    }

    /// <summary>2.2: until the neighbour listens.</summary>
    private static async Task<Socket> ConnectAsync(IPEndPoint address, CancellationToken cancellation)
    {
        while (true)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(address, cancellation);
                return socket;
            }
            catch (SocketException refused) when (refused.SocketErrorCode == SocketError.ConnectionRefused)
            {
                socket.Dispose();
                await Task.Delay(TimeSpan.FromMilliseconds(20), cancellation);
            }
        }
    }
}
