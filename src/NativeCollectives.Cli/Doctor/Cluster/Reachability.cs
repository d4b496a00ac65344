using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using NativeCollectives.Cli.Doctor.Probing;

namespace NativeCollectives.Cli.Doctor.Cluster;

/// <summary>
/// What can be told from here of an address on whose host the tool does not run: whether its name resolves, and whether
/// ssh's port answers.
/// </summary>
/// <param name="stepTime">How long each of the two may take.</param>
internal sealed class Reachability(TimeSpan stepTime)
{
    private const int SshPort = 22;

    private readonly ConcurrentDictionary<string, Task<string>> _known = new(StringComparer.Ordinal);

    /// <summary>In words.</summary>
    /// <exception cref="ProbeException">The name does not resolve.</exception>
    public Task<string> DescribeAsync(string host, CancellationToken cancellationToken) =>
        _known.GetOrAdd(host, name => LookAsync(name, cancellationToken));

    private async Task<string> LookAsync(string host, CancellationToken cancellationToken)
    {
        IPAddress address = await Resolver.ResolveAsync(host, stepTime, cancellationToken);
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(stepTime);
        string port = string.Create(CultureInfo.InvariantCulture, $"port {SshPort} (ssh) of {address}");
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, SshPort), limit.Token);
            return $"from here {port} can be connected to";
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return $"from here {port} does not answer within {Duration.Rounded(stepTime)}";
        }
        catch (SocketException failure)
        {
            return failure.SocketErrorCode == SocketError.ConnectionRefused
                ? $"from here {port} refuses connections, so that the host is up"
                : $"from here {port} cannot be reached ({failure.Message})";
        }
    }
}
