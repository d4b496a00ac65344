using System.Net;
using System.Net.Sockets;

namespace NativeCollectives.Cli.Bench;

/// <summary>
/// Free ports of the loopback address, below those that the system gives to outgoing connections; nobody else is given them until they are disposed of.
/// </summary>
internal sealed class LoopbackPorts : IDisposable
{
    private const int First = 12000;
    private const int Last = 31999;
    private const int Attempts = 10_000;

    private readonly List<Socket> _holders = [];

    public LoopbackPorts(int count)
    {
        for (int attempt = 0; _holders.Count < count; attempt++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ExclusiveAddressUse = true };
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, Random.Shared.Next(First, Last + 1)));
                _holders.Add(socket);
            }
            catch (SocketException) when (attempt < Attempts)
            {
                socket.Dispose();
            }
        }

        Addresses = [.. _holders.Select(socket => ((IPEndPoint)socket.LocalEndPoint!).ToString())];

        if (OperatingSystem.IsLinux())
        {
            // A rank may listen where another socket is bound that allows it and does not listen itself.
            _holders.ForEach(socket => socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true));
        }
        else
        {
            Dispose();
        }
    }

    /// <summary>As <c>host:port</c>.</summary>
    public IReadOnlyList<string> Addresses { get; }

    public void Dispose() => _holders.ForEach(socket => socket.Dispose());
}
