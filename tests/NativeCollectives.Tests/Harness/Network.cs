using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace NativeCollectives.Tests.Harness;

/// <summary>Who listens where, and strangers who call.</summary>
internal static class Network
{
    /// <summary>
    /// Waits until somebody listens there, without connecting: the kernel's table of sockets says so.
    /// </summary>
    public static void Listening(int port)
    {
        var entry = $":{port:X4} ";
        var clock = Stopwatch.StartNew();
        while (
            !File.ReadLines("/proc/net/tcp").Any(line => line.Contains(entry) && line.Contains(" 00000000:0000 0A "))
        )
        {
            Assert.That(clock.Elapsed, Is.LessThan(WorkerProcess.Patience), $"nobody listens on port {port}");
            Thread.Yield();
        }
    }

    /// <summary>Waits until so many connections have been made to that port.</summary>
    public static void Connected(int port, int count)
    {
        var entry = $":{port:X4} ";
        var clock = Stopwatch.StartNew();
        // The second address is the other end's; established is 01.
        while (
            File.ReadLines("/proc/net/tcp")
                .Count(line =>
                    line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, _, var other, "01", ..]
                    && $"{other} ".EndsWith(entry, StringComparison.Ordinal)
                ) < count
        )
        {
            Assert.That(clock.Elapsed, Is.LessThan(WorkerProcess.Patience), $"nobody has connected to port {port}");
            Thread.Yield();
        }
    }

    /// <summary>A connection to a port of this machine.</summary>
    public static Socket Connect(string from, int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
        socket.Connect(IPAddress.Loopback, port);
        return socket;
    }

    /// <summary>Says something that no rank says, unless the other side has hung up already.</summary>
    public static void Babble(Socket socket)
    {
        try
        {
            socket.Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"u8);
        }
        catch (SocketException)
        {
            // turned away
        }
    }

    /// <summary>Exactly so many bytes; a test fails if they do not come.</summary>
    public static byte[] Read(Socket socket, int count)
    {
        socket.ReceiveTimeout = (int)WorkerProcess.Patience.TotalMilliseconds;
        var bytes = new byte[count];
        for (var done = 0; done < count; )
        {
            var more = socket.Receive(bytes.AsSpan(done));
            Assert.That(more, Is.GreaterThan(0), $"the connection ended after {done} of {count} bytes");
            done += more;
        }
        return bytes;
    }
}
