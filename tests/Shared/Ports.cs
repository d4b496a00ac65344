using System.Net;
using System.Net.Sockets;
using NativeCollectives.Cli.Hosts;

namespace NativeCollectives.Tests.Shared;

/// <summary>
/// Ports that nobody else uses: below the range from which the system takes ports for outgoing connections, bound until
/// they are released for a rank to listen on, and reserved by a locked file among all runs of this suite on the machine
/// until they are disposed of.
/// </summary>
internal sealed class Ports : IDisposable
{
    private static readonly string _locks = Directory
        .CreateDirectory(Path.Combine(Path.GetTempPath(), "native-collectives-ports"))
        .FullName;
    private static int _next = Random.Shared.Next(LocalPort.First, LocalPort.Last);

    private readonly List<Socket?> _held = [];
    private readonly List<FileStream> _reserved = [];

    public Ports(int count, string address = "127.0.0.1")
    {
        var host = IPAddress.Parse(address);
        while (_held.Count < count)
        {
            var port = LocalPort.First + (Interlocked.Increment(ref _next) % (LocalPort.Last - LocalPort.First + 1));
            FileStream reserved;
            try
            {
                reserved = new FileStream(
                    Path.Combine(_locks, $"{port}"),
                    FileMode.OpenOrCreate,
                    FileAccess.ReadWrite,
                    FileShare.None,
                    1,
                    FileOptions.DeleteOnClose
                );
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                continue;
            }
            if (LocalPort.TryBind(host, port) is { } socket)
            {
                _held.Add(socket);
                _reserved.Add(reserved);
                Numbers.Add(port);
            }
            else
            {
                reserved.Dispose();
            }
        }
    }

    public List<int> Numbers { get; } = [];

    /// <summary>One of the bound sockets, now the caller's; only before <see cref="Release"/>.</summary>
    public Socket Take(int index)
    {
        var socket = _held[index] ?? throw new InvalidOperationException("taken already");
        _held[index] = null;
        return socket;
    }

    /// <summary>Lets go of the sockets, so that ranks can listen; the numbers stay reserved.</summary>
    public void Release()
    {
        _held.ForEach(socket => socket?.Dispose());
        _held.Clear();
    }

    public void Dispose()
    {
        Release();
        _reserved.ForEach(file => file.Dispose());
        _reserved.Clear();
    }
}
