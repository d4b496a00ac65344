using System.Net.Sockets;

namespace NativeCollectives.ConformanceReplay;

/// <summary>
/// One connection of the rank under test: feeds what the neighbour sent, compares what comes with what the rank sent
/// when it was recorded.
/// </summary>
internal sealed class RecordedConnection(RecordedCase recorded, string side, int index) : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    private readonly string _name = $"{side}{index}";
    private readonly byte[] _feed = recorded.File($"{side}{index}.received.bin");
    private readonly bool _endsEarly =
        side == "right"
        || Enumerable.Range(0, recorded.Sockets).Any(i => recorded.File($"{side}{i}.received.bin").Length > 0);
    private readonly byte[] _expected = recorded.File($"{side}{index}.sent.bin");
    private Socket? _socket;
    private Task _feeding = Task.CompletedTask;
    private Task _reading = Task.CompletedTask;
    private int _fed;
    private int _got;
    private string? _difference;
    private string? _end;

    public bool IsOpen => _socket is not null;

    public void Open(Socket socket)
    {
        socket.NoDelay = true;
        _socket = socket;
    }

    public void Start(ReplayOptions options)
    {
        _feeding = FeedAsync(_socket!, options);
        _reading = ReadAsync(_socket!);
    }

    /// <summary>The rank has ended: what was wrong with this connection.</summary>
    public async Task<IReadOnlyList<string>> EndAsync()
    {
        var ended = Task.WhenAll(_feeding, _reading);
        var complaints = new List<string>();
        if (await Task.WhenAny(ended, Task.Delay(_patience)) != ended)
        {
            complaints.Add($"{_name}: not ended");
        }
        if (_socket is null)
        {
            complaints.Add($"{_name}: never connected");
        }
        else if (_difference is not null)
        {
            complaints.Add(_difference);
        }
        else if (_got < _expected.Length)
        {
            complaints.Add($"{_name}: {_got} of {_expected.Length} bytes sent");
        }
        if (
            _socket is not null
            && _end is null or "end"
            && (SocketError)(int)_socket!.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!
                != SocketError.Success
        )
        {
            // The kernel resets a connection that is closed with unread bytes.
            _end = "reset";
        }
        if (_fed < _feed.Length)
        {
            complaints.Add($"{_name}: took only {_fed} of {_feed.Length} bytes");
        }
        else if (_end is not (null or "end"))
        {
            complaints.Add($"{_name}: closed with incoming bytes unread ({_end})");
        }
        return complaints;
    }

    public void Dispose() => _socket?.Dispose();

    private async Task FeedAsync(Socket socket, ReplayOptions options)
    {
        var random = new Random(index);
        try
        {
            while (_fed < _feed.Length)
            {
                var piece = Math.Min(
                    _feed.Length - _fed,
                    options.Split > 0 ? random.Next(1, options.Split + 1) : 1 << 16
                );
                _fed += await socket.SendAsync(_feed.AsMemory(_fed, piece));
                if (options.Split > 0)
                {
                    // Each piece on its own.
                    await Task.Yield();
                }
            }
            if (options.HalfClose && _endsEarly)
            {
                socket.Shutdown(SocketShutdown.Send);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // Told by the count of what was fed.
        }
    }

    private async Task ReadAsync(Socket socket)
    {
        var buffer = new byte[1 << 16];
        try
        {
            for (int count; (count = await socket.ReceiveAsync(buffer)) > 0; _got += count)
            {
                var expected = _expected.AsSpan(
                    Math.Min(_got, _expected.Length),
                    Math.Min(count, _expected.Length - Math.Min(_got, _expected.Length))
                );
                var same = buffer.AsSpan(0, count).CommonPrefixLength(expected);
                if (same < count)
                {
                    _difference ??=
                        $"{_name}: byte {_got + same} sent is 0x{buffer[same]:x2}, "
                        + (
                            same < expected.Length
                                ? $"recorded is 0x{expected[same]:x2}"
                                : $"the recorded stream ends after {_expected.Length} bytes"
                        );
                }
            }
            _end = "end";
        }
        catch (SocketException exception)
        {
            _end = exception.SocketErrorCode.ToString();
        }
        catch (ObjectDisposedException)
        {
            _end ??= "closed here";
        }
    }
}
