using System.Net;
using System.Net.Sockets;

namespace NativeCollectives.Cli.Hosts;

/// <summary>One after the other, from a first one, as mlx.launch does.</summary>
/// <param name="first">The first.</param>
/// <param name="isHere">Whether they are this machine's, where it is seen whether somebody has them.</param>
internal sealed class ConsecutivePorts(int first, bool isHere) : IPorts
{
    private int _count;

    public int Next(string address)
    {
        if (first + _count > 65535)
        {
            throw ToolException.Usage(
                $"the ports from {first} on do not suffice: each rank, address and connection needs one, up to 65535"
            );
        }

        var port = first + _count++;
        if (isHere && IPAddress.TryParse(address, out IPAddress? ip))
        {
            using Socket held =
                FreePorts.TryListen(ip, port, out SocketError refusal)
                ?? throw new ToolException(
                    refusal == SocketError.AccessDenied
                        ? $"port {port} of {address} is one that this user may not listen on"
                        : $"port {port} of {address} is in use: another program listens there, perhaps a rank of an "
                            + "earlier run"
                );
        }

        return port;
    }
}
