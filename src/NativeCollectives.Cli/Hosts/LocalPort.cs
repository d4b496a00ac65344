using System.Net;
using System.Net.Sockets;

namespace NativeCollectives.Cli.Hosts;

/// <summary>Ports of this machine.</summary>
internal static class LocalPort
{
    /// <summary>
    /// Listens on a port; null, with the reason, if it is another's or forbidden. Only who listens keeps others out:
    /// they may bind a port that is merely bound.
    /// </summary>
    /// <exception cref="ToolException">Nobody can listen at that address here.</exception>
    public static Socket? TryListen(IPAddress address, int port, out SocketError refusal)
    {
        refusal = SocketError.Success;
        Socket? socket = null;
        try
        {
            socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen();
            return socket;
        }
        catch (SocketException failure)
        {
            socket?.Dispose();
            refusal = failure.SocketErrorCode;
            return refusal switch
            {
                SocketError.AddressAlreadyInUse or SocketError.AccessDenied => null,
                SocketError.AddressNotAvailable => throw ToolException.Usage(
                    $"{address} is not an address of this machine, on which its rank would run"
                ),
                _ => throw new ToolException($"no port of {address} can be had: {failure.Message}"),
            };
        }
    }
}
