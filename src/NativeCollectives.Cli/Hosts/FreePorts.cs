using System.Net;
using System.Net.Sockets;

namespace NativeCollectives.Cli.Hosts;

/// <summary>
/// Ports of this machine that nobody uses: below the range from which systems take those of outgoing connections, at
/// random so that jobs which start at the same time do not meet, and held until the ranks start.
/// </summary>
internal sealed class FreePorts : IPorts, IDisposable
{
    private const int First = 12000;
    private const int Last = 31999;
    private const int Attempts = 10_000;

    private readonly List<Socket> _held = [];

    /// <summary>Free addresses of the loopback interface, as <c>host:port</c>, for ranks that start at once.</summary>
    public static IReadOnlyList<string> OfLoopback(int count)
    {
        using var ports = new FreePorts();
        return [.. Enumerable.Range(0, count).Select(_ => $"127.0.0.1:{ports.Next("127.0.0.1")}")];
    }

    public int Next(string address)
    {
        var ip = IPAddress.TryParse(address, out var parsed) ? parsed : IPAddress.Any;
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var port = Random.Shared.Next(First, Last + 1);
            if (LocalPort.TryListen(ip, port, out _) is { } socket)
            {
                _held.Add(socket);
                return port;
            }
        }

        throw new ToolException($"no port between {First} and {Last} is free at {address}");
    }

    /// <summary>Lets go of them, so that the ranks can listen.</summary>
    public void Dispose() => _held.ForEach(socket => socket.Dispose());
}
