using System.Net;
using System.Net.Sockets;

namespace NativeCollectives.Cli.Hosts;

/// <summary>Ports of this machine. Tests compile this file too, so that it uses nothing else of the tool.</summary>
internal static class LocalPort
{
    /// <summary>
    /// The ports from <see cref="First"/> to <see cref="Last"/> are below the range from which systems take those of
    /// outgoing connections.
    /// </summary>
    public const int First = 12000;

    /// <inheritdoc cref="First"/>
    public const int Last = 31999;

    /// <summary>Listens on a port; null, with the reason, if it is another's or forbidden.</summary>
    /// <remarks>Only who listens keeps others out: they may bind a port that is merely bound.</remarks>
    /// <exception cref="SocketException">Nobody can listen at that address here.</exception>
    public static Socket? TryListen(IPAddress address, int port, out SocketError refusal) =>
        TryHold(address, port, isExclusive: false, static socket => socket.Listen(), out refusal);

    /// <summary>
    /// Binds a port that nobody has used for a while, so that nobody else can, without listening on it; null if there
    /// is somebody.
    /// </summary>
    /// <exception cref="SocketException">Nobody can listen at that address here.</exception>
    public static Socket? TryBind(IPAddress address, int port) =>
        TryHold(address, port, isExclusive: true, static _ => { }, out _);

    private static Socket? TryHold(
        IPAddress address,
        int port,
        bool isExclusive,
        Action<Socket> hold,
        out SocketError refusal
    )
    {
        refusal = SocketError.Success;
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (isExclusive)
            {
                socket.ExclusiveAddressUse = true;
            }

            socket.Bind(new IPEndPoint(address, port));
            hold(socket);
            return socket;
        }
        catch (SocketException failure)
        {
            socket.Dispose();
            refusal = failure.SocketErrorCode;
            if (refusal is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
            {
                return null;
            }

            throw;
        }
    }
}
