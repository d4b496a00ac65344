using System.Net;
using System.Net.Sockets;

namespace NativeCollectives.Tests.Tool;

/// <summary>A bad cable: passes connections on to a port of this machine, slowly, changed, or not to the end.</summary>
internal sealed class LinkRelay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Task _passing;

    public LinkRelay(int port)
    {
        _listener.Start();
        _passing = PassAsync(port);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Whether the byte at that offset of a direction (true: to the port) is to be changed.</summary>
    public Func<bool, long, bool>? Flip { get; init; }

    /// <summary>After so many bytes of a direction nothing passes any more.</summary>
    public long StallAfter { get; init; } = long.MaxValue;

    /// <summary>How long each packet, of at most 64 KiB, takes.</summary>
    public TimeSpan Delay { get; init; }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _passing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _listener.Dispose();
        _end.Dispose();
    }

    private async Task PassAsync(int port)
    {
        while (true)
        {
            using Socket caller = await _listener.AcceptSocketAsync(_end.Token);
            using var target = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
            {
                NoDelay = true,
            };
            caller.NoDelay = true;
            await target.ConnectAsync(IPAddress.Loopback, port, _end.Token);
            await Task.WhenAll(PassAsync(caller, target, true), PassAsync(target, caller, false))
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task PassAsync(Socket from, Socket to, bool forward)
    {
        byte[] buffer = new byte[64 * 1024];
        for (long done = 0; ; )
        {
            int count = await from.ReceiveAsync(buffer, _end.Token);
            if (count == 0)
            {
                to.Shutdown(SocketShutdown.Send);
                return;
            }

            for (int i = 0; Flip is not null && i < count; i++)
            {
                if (Flip(forward, done + i))
                {
                    buffer[i] ^= 1;
                }
            }

            if (done + count > StallAfter)
            {
                await Task.Delay(Timeout.Infinite, _end.Token);
            }

            if (Delay > TimeSpan.Zero)
            {
                await Task.Delay(Delay, _end.Token);
            }

            for (int sent = 0; sent < count; )
            {
                sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), _end.Token);
            }

            done += count;
        }
    }
}
