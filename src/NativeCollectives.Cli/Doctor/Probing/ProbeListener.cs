using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace NativeCollectives.Cli.Doctor.Probing;

/// <summary>The target's end of a probe: listens on one address for one caller, and does what that asks.</summary>
internal sealed class ProbeListener : IDisposable
{
    private readonly Socket _socket;
    private readonly byte[] _token = RandomNumberGenerator.GetBytes(ProbeWire.TokenBytes);

    private ProbeListener(Socket socket) => _socket = socket;

    /// <summary>Where it listens.</summary>
    public int Port => ((IPEndPoint)_socket.LocalEndPoint!).Port;

    /// <summary>What the caller has to show.</summary>
    public string Token => Convert.ToHexStringLower(_token);

    /// <summary>Begins to listen.</summary>
    /// <param name="host">An address of this machine, or a name of one.</param>
    /// <param name="port">The port; 0: a free one.</param>
    /// <param name="timeout">How long a name may take to resolve.</param>
    /// <param name="cancellationToken">Ends the wait for it.</param>
    /// <exception cref="ProbeException">It cannot.</exception>
    public static async Task<ProbeListener> OpenAsync(
        string host,
        int port,
        TimeSpan timeout,
        CancellationToken cancellationToken
    )
    {
        IPAddress address;
        try
        {
            address = await Resolver.ResolveAsync(host, timeout, cancellationToken);
        }
        catch (ProbeException failure)
        {
            throw new ProbeException(ProbeStep.Listen, failure.Message, failure);
        }

        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen();
            return new ProbeListener(socket);
        }
        catch (SocketException failure)
        {
            socket.Dispose();
            string why = failure.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse =>
                    $"port {port} of {address} is in use: another program listens there, perhaps a rank of an "
                        + "earlier run",
                SocketError.AddressNotAvailable =>
                    $"{address} is not an address of this host, so that no rank can listen there",
                SocketError.AccessDenied => $"listening on port {port} is not allowed",
                _ => $"cannot listen on port {port} of {address}: {failure.Message}",
            };
            throw new ProbeException(ProbeStep.Listen, why, failure);
        }
    }

    /// <summary>Waits for the caller, and serves it until it hangs up.</summary>
    /// <exception cref="OperationCanceledException">
    /// The token was cancelled: the caller did not come, or did not leave.
    /// </exception>
    public async Task ServeAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            using Socket caller = await _socket.AcceptAsync(cancellationToken);
            try
            {
                if (await ServeAsync(caller, cancellationToken))
                {
                    return;
                }
            }
            catch (Exception failure) when (failure is SocketException or EndOfStreamException)
            {
                // The caller knows what has happened, and says so.
                return;
            }
        }
    }

    public void Dispose() => _socket.Dispose();

    // Whether it was the caller that was meant.
    private async Task<bool> ServeAsync(Socket caller, CancellationToken cancellationToken)
    {
        caller.NoDelay = true;
        if (!await IsMeantAsync(caller, cancellationToken))
        {
            return false;
        }

        await ProbeWire.SendAsync(caller, ProbeWire.Greeting.ToArray(), cancellationToken);
        byte[] request = new byte[ProbeWire.RequestBytes];
        while (await ProbeWire.ReceiveAsync(caller, request, cancellationToken))
        {
            long number = BinaryPrimitives.ReadInt64LittleEndian(request.AsSpan(1));
            switch (request[0])
            {
                case ProbeWire.Ping:
                    await ProbeWire.SendAsync(caller, request, cancellationToken);
                    break;
                case ProbeWire.Take:
                    bool right = await ProbeWire.ReceivePatternAsync(caller, number, cancellationToken);
                    await ProbeWire.SendAsync(
                        caller,
                        new[] { right ? ProbeWire.Right : ProbeWire.Wrong },
                        cancellationToken
                    );
                    break;
                case ProbeWire.Give:
                    await ProbeWire.SendPatternAsync(caller, number, cancellationToken);
                    break;
                default:
                    return true;
            }
        }

        return true;
    }

    // A stranger may send nothing, and must not keep the caller waiting.
    private async Task<bool> IsMeantAsync(Socket caller, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(1));
        byte[] shown = new byte[ProbeWire.TokenBytes];
        try
        {
            return await ProbeWire.ReceiveAsync(caller, shown, patience.Token)
                && CryptographicOperations.FixedTimeEquals(shown, _token);
        }
        catch (Exception failure)
            when (failure is SocketException or EndOfStreamException
                || (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested)
            )
        {
            return false;
        }
    }
}
