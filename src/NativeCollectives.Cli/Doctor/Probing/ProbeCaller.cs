using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace NativeCollectives.Cli.Doctor.Probing;

/// <summary>The source's end of a probe: resolves, connects, and measures.</summary>
internal sealed class ProbeCaller
{
    private const int RoundTrips = 50;
    private const int Repetitions = 3;
    private const long FirstBytes = 64 * 1024;
    private const long MostBytes = 1L << 30;

    // Long enough for slow start and a moment's disturbance, short enough for a hundred links.
    private static readonly TimeSpan _transferTime = TimeSpan.FromMilliseconds(40);

    private readonly ProbeTarget _target;
    private readonly TimeSpan _stepTime;
    private readonly CancellationToken _cancellationToken;
    private ProbeResult _result = new();

    private ProbeCaller(ProbeTarget target, TimeSpan stepTime, CancellationToken cancellationToken)
    {
        _target = target;
        _stepTime = stepTime;
        _cancellationToken = cancellationToken;
    }

    /// <summary>Probes a link.</summary>
    /// <param name="target">The listener.</param>
    /// <param name="stepTime">How long each step may take.</param>
    /// <param name="cancellationToken">Ends the probe.</param>
    public static async Task<ProbeResult> RunAsync(
        ProbeTarget target,
        TimeSpan stepTime,
        CancellationToken cancellationToken
    )
    {
        var caller = new ProbeCaller(target, stepTime, cancellationToken);
        try
        {
            await caller.RunAsync();
            return caller._result;
        }
        catch (ProbeException failure)
        {
            return caller._result with { FailedStep = failure.Step, Error = failure.Message };
        }
    }

    private async Task RunAsync()
    {
        IPAddress address = await Resolver.ResolveAsync(_target.Host, _stepTime, _cancellationToken);
        var endPoint = new IPEndPoint(address, _target.Port);
        _result = _result with { To = endPoint.ToString() };

        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await StepAsync(
            ProbeStep.Connect,
            $"{endPoint} did not answer",
            token => socket.ConnectAsync(endPoint, token).AsTask()
        );
        _result = _result with { From = socket.LocalEndPoint!.ToString() };

        await StepAsync(
            ProbeStep.Greet,
            $"{endPoint} accepted the connection, but did not greet",
            token => GreetAsync(socket, token)
        );
        await StepAsync(
            ProbeStep.Latency,
            "a small message did not come back",
            token => MeasureLatencyAsync(socket, token)
        );
        double roundTrip = _result.LatencyUs!.Value;
        double forward = await MeasureBandwidthAsync(
            roundTrip,
            "to the target",
            (bytes, token) => PushAsync(socket, bytes, token)
        );
        _result = _result with { ForwardGbps = forward };
        double backward = await MeasureBandwidthAsync(
            roundTrip,
            "from the target",
            (bytes, token) => PullAsync(socket, bytes, token)
        );
        _result = _result with { BackwardGbps = backward };
    }

    private async Task GreetAsync(Socket socket, CancellationToken token)
    {
        await ProbeWire.SendAsync(socket, Convert.FromHexString(_target.Token), token);
        byte[] greeting = new byte[ProbeWire.Greeting.Length];
        if (
            !await ProbeWire.ReceiveAsync(socket, greeting, token)
            || !greeting.AsSpan().SequenceEqual(ProbeWire.Greeting)
        )
        {
            throw new ProbeException(
                ProbeStep.Greet,
                $"{socket.RemoteEndPoint} is not the probe on the target: something between the hosts answers in its "
                    + "place"
            );
        }
    }

    private async Task MeasureLatencyAsync(Socket socket, CancellationToken token)
    {
        List<double> times = [];
        byte[] answer = new byte[ProbeWire.RequestBytes];
        var spent = Stopwatch.StartNew();
        // Over a long way a few have to do.
        while (times.Count < RoundTrips && (times.Count == 0 || spent.Elapsed < _stepTime / 4))
        {
            byte[] request = ProbeWire.Request(ProbeWire.Ping, times.Count);
            var clock = Stopwatch.StartNew();
            await ProbeWire.SendAsync(socket, request, token);
            if (!await ProbeWire.ReceiveAsync(socket, answer, token))
            {
                throw new EndOfStreamException();
            }

            times.Add(clock.Elapsed.TotalMicroseconds);
            if (!answer.AsSpan().SequenceEqual(request))
            {
                throw new ProbeException(
                    ProbeStep.Latency,
                    "a small message came back changed: the link corrupts data"
                );
            }
        }

        _result = _result with { LatencyUs = Math.Round(Statistics.MedianOf(times), 1) };
    }

    // The best of a few transfers that are long enough to say something.
    private async Task<double> MeasureBandwidthAsync(
        double roundTripUs,
        string direction,
        Func<long, CancellationToken, Task> transfer
    )
    {
        double longEnough = Math.Max(_transferTime.TotalSeconds, 8 * roundTripUs / 1e6);
        double best = 0;
        long count = FirstBytes;
        var spent = Stopwatch.StartNew();
        for (int repetition = 0; repetition < Repetitions; )
        {
            long bytes = count;
            var clock = Stopwatch.StartNew();
            await StepAsync(
                ProbeStep.Transfer,
                $"{ByteSize.Rounded(bytes)} {direction} did not arrive, though small messages do (an MTU that differs along "
                    + "the way can be the cause)",
                token => transfer(bytes, token)
            );
            double seconds = clock.Elapsed.TotalSeconds;
            best = Math.Max(best, bytes * 8 / seconds / 1e9);
            if (seconds >= longEnough || bytes == MostBytes)
            {
                repetition++;
            }
            else
            {
                count = Math.Min(MostBytes, bytes * 4);
            }

            // A slow link is not given more than it can do in time.
            if (spent.Elapsed.TotalSeconds + (count * 8 / (best * 1e9)) > _stepTime.TotalSeconds / 2)
            {
                break;
            }
        }

        return Math.Round(best, 6);
    }

    private static async Task PushAsync(Socket socket, long count, CancellationToken token)
    {
        await ProbeWire.SendAsync(socket, ProbeWire.Request(ProbeWire.Take, count), token);
        await ProbeWire.SendPatternAsync(socket, count, token);
        byte[] verdict = new byte[1];
        if (!await ProbeWire.ReceiveAsync(socket, verdict, token))
        {
            throw new EndOfStreamException();
        }

        if (verdict[0] != ProbeWire.Right)
        {
            throw new ProbeException(
                ProbeStep.Transfer,
                "data that was sent to the target arrived changed: the link corrupts data"
            );
        }
    }

    private static async Task PullAsync(Socket socket, long count, CancellationToken token)
    {
        await ProbeWire.SendAsync(socket, ProbeWire.Request(ProbeWire.Give, count), token);
        if (!await ProbeWire.ReceivePatternAsync(socket, count, token))
        {
            throw new ProbeException(
                ProbeStep.Transfer,
                "data that was sent by the target arrived changed: the link corrupts data"
            );
        }
    }

    private async Task StepAsync(ProbeStep step, string inVain, Func<CancellationToken, Task> action)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_cancellationToken);
        limit.CancelAfter(_stepTime);
        try
        {
            await action(limit.Token);
        }
        catch (OperationCanceledException timeout) when (!_cancellationToken.IsCancellationRequested)
        {
            throw new ProbeException(step, $"timed out: {inVain} within {Duration.Rounded(_stepTime)}", timeout);
        }
        catch (SocketException failure)
        {
            throw new ProbeException(step, Explain(failure, step), failure);
        }
        catch (EndOfStreamException failure)
        {
            throw new ProbeException(step, "the connection was closed by the other side", failure);
        }
    }

    private string Explain(SocketException failure, ProbeStep step) =>
        failure.SocketErrorCode switch
        {
            SocketError.ConnectionRefused =>
                $"{_result.To} refused the connection, though the target listens on port {_target.Port}: a firewall, "
                    + "or the address is another host's",
            SocketError.HostUnreachable or SocketError.NetworkUnreachable =>
                $"there is no way to {_result.To} ({failure.Message})",
            SocketError.TimedOut => $"timed out: {_result.To} did not answer ({failure.Message})",
            SocketError.ConnectionReset => "the connection was reset",
            _ => $"{(step == ProbeStep.Connect ? "cannot connect to" : "the connection failed to")} {_result.To}: "
                + $"{failure.Message}",
        };
}
