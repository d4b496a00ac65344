using System.Net;
using System.Net.Sockets;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Tests.Shared;

namespace NativeCollectives.Tests.Jaccl;

/// <summary>
/// Stands between rank 0 and the others while a group is formed, and keeps what they say to each other.
/// </summary>
internal sealed class CoordinatorTap : IDisposable
{
    private readonly Ports _ports = new(1);
    private readonly Socket _listener;
    private readonly List<Socket> _sockets = [];
    private readonly List<Conversation> _conversations = [];

    /// <param name="port">Where rank 0 will listen.</param>
    public CoordinatorTap(int port)
    {
        _listener = _ports.Take(0);
        _listener.Listen();
        Background(() =>
        {
            while (true)
            {
                var caller = Keep(_listener.Accept());
                Network.Listening(port);
                var rank0 = Keep(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
                rank0.Connect(IPAddress.Loopback, port);
                var conversation = new Conversation();
                lock (_conversations)
                {
                    _conversations.Add(conversation);
                }
                Background(() => Pump(caller, rank0, conversation.Said));
                Background(() => Pump(rank0, caller, conversation.Heard));
            }
        });
    }

    /// <summary>Where the other ranks are to connect.</summary>
    public string Address => $"127.0.0.1:{_ports.Numbers[0]}";

    /// <summary>What each rank but 0 has said, its hello first, and what it has heard.</summary>
    public Dictionary<int, (byte[] Said, byte[] Heard)> Conversations()
    {
        lock (_conversations)
        {
            return _conversations.ToDictionary(
                each => BitConverter.ToInt32(Copy(each.Said), 0),
                each => (Copy(each.Said), Copy(each.Heard))
            );
        }
    }

    public void Dispose()
    {
        _listener.Dispose();
        lock (_sockets)
        {
            _sockets.ForEach(socket => socket.Dispose());
        }
        _ports.Dispose();
    }

    private static byte[] Copy(List<byte> bytes)
    {
        lock (bytes)
        {
            return [.. bytes];
        }
    }

    private Socket Keep(Socket socket)
    {
        lock (_sockets)
        {
            _sockets.Add(socket);
        }
        return socket;
    }

    private static void Pump(Socket from, Socket to, List<byte> log)
    {
        var buffer = new byte[65536];
        for (int count; (count = from.Receive(buffer)) > 0; )
        {
            lock (log)
            {
                log.AddRange(buffer.AsSpan(0, count));
            }
            to.Send(buffer.AsSpan(0, count));
        }
        to.Shutdown(SocketShutdown.Send);
    }

    private static void Background(Action action) =>
        new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception exception)
                when (exception is SocketException or ObjectDisposedException or AssertionException)
            {
                // The test is over, or one of the two has gone.
            }
        })
        {
            IsBackground = true,
            Name = "coordinator tap",
        }.Start();

    private sealed class Conversation
    {
        public List<byte> Said { get; } = [];
        public List<byte> Heard { get; } = [];
    }
}
