using System.Net;
using System.Net.Sockets;

namespace NativeCollectives.Cli.Hosts;

/// <summary>Gives out the ports at which ranks listen.</summary>
internal interface IPorts
{
    /// <summary>The next one.</summary>
    /// <param name="address">The address at which it is listened.</param>
    int Next(string address);
}

/// <summary>
/// Ports of this machine that nobody uses, at random so that jobs which start at the same time do not meet, and held
/// until the ranks start.
/// </summary>
internal sealed class FreePorts : IPorts, IDisposable
{
    private const int Attempts = 10_000;

    private readonly List<Socket> _held = [];

    /// <summary>Free addresses of the loopback interface, as <c>host:port</c>, for ranks that start at once.</summary>
    public static IReadOnlyList<string> OfLoopback(int count)
    {
        using var ports = new FreePorts();
        return [.. Enumerable.Range(0, count).Select(_ => $"127.0.0.1:{ports.Next("127.0.0.1")}")];
    }

    /// <summary>Listens on a port; null, with the reason, if it is another's or forbidden.</summary>
    /// <exception cref="ToolException">Nobody can listen at that address here.</exception>
    public static Socket? TryListen(IPAddress address, int port, out SocketError refusal)
    {
        try
        {
            return LocalPort.TryListen(address, port, out refusal);
        }
        catch (SocketException failure)
        {
            throw failure.SocketErrorCode == SocketError.AddressNotAvailable
                ? ToolException.Usage($"{address} is not an address of this machine, on which its rank would run")
                : new ToolException($"no port of {address} can be had: {failure.Message}");
        }
    }

    public int Next(string address)
    {
        var ip = IPAddress.TryParse(address, out var parsed) ? parsed : IPAddress.Any;
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var port = Random.Shared.Next(LocalPort.First, LocalPort.Last + 1);
            if (TryListen(ip, port, out _) is { } socket)
            {
                _held.Add(socket);
                return port;
            }
        }

        throw new ToolException($"no port between {LocalPort.First} and {LocalPort.Last} is free at {address}");
    }

    /// <summary>Lets go of them, so that the ranks can listen.</summary>
    public void Dispose() => _held.ForEach(socket => socket.Dispose());
}
