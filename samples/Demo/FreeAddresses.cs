using System.Net;
using System.Net.Sockets;

namespace NativeCollectives.Demo;

/// <summary>
/// Addresses that were free a moment ago, below the ports that the system gives to outgoing connections.
/// </summary>
internal static class FreeAddresses
{
    public static IReadOnlyList<string> Find(int count)
    {
        var held = new List<Socket>();
        while (held.Count < count)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
            {
                ExclusiveAddressUse = true,
            };
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, Random.Shared.Next(12000, 32000)));
                held.Add(socket);
            }
            catch (SocketException)
            {
                socket.Dispose();
            }
        }
        string[] addresses = [.. held.Select(socket => socket.LocalEndPoint!.ToString()!)];
        held.ForEach(socket => socket.Dispose());
        return addresses;
    }
}
