using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using NativeCollectives.Tests.Shared;

namespace NativeCollectives.ConformanceReplay;

/// <summary>
/// Replays the recorded neighbours of a rank against a program, and compares what it sends and computes with the
/// recording, byte for byte.
/// </summary>
public static class Replayer
{
    /// <summary>What was wrong; nothing if the case has passed.</summary>
    public static Task<IReadOnlyList<string>> ReplayAsync(RecordedCase recorded, ReplayOptions options) =>
        ReplayAsync(
            recorded,
            options,
            (hostFile, output) => RunAsync(Start(recorded, options.Command, hostFile, output), options.Timeout)
        );

    /// <summary>The same on a process that stays up; the command of the options is not used.</summary>
    public static Task<IReadOnlyList<string>> ReplayAsync(
        RecordedCase recorded,
        ReplayOptions options,
        RankProcess process
    ) =>
        ReplayAsync(
            recorded,
            options,
            async (hostFile, output) =>
            {
                using var limit = new CancellationTokenSource(options.Timeout);
                try
                {
                    var answer = await process.RunAsync(recorded, hostFile, output, limit.Token);
                    return answer.Length > 0 ? [answer] : [];
                }
                catch (OperationCanceledException)
                {
                    process.Dispose();
                    return [$"not finished after {options.Timeout.TotalSeconds} s"];
                }
            }
        );

    private static async Task<IReadOnlyList<string>> ReplayAsync(
        RecordedCase recorded,
        ReplayOptions options,
        Func<string, string, Task<List<string>>> run
    )
    {
        var work = Directory.CreateTempSubdirectory("nc-replay-");
        using var ports = new Ports(recorded.Size * recorded.Sockets);
        var left = Enumerable
            .Range(0, recorded.Sockets)
            .Select(i => new RecordedConnection(recorded, "left", i))
            .ToList();
        var right = Enumerable
            .Range(0, recorded.Sockets)
            .Select(i => new RecordedConnection(recorded, "right", i))
            .ToList();
        var listeners = new List<Socket>();
        using var over = new CancellationTokenSource();
        try
        {
            // Only the right neighbour's addresses stay open, and are listened on before the rank starts.
            var neighbour = (recorded.Rank + 1) % recorded.Size;
            for (var i = 0; i < recorded.Sockets; i++)
            {
                var listener = ports.Take((neighbour * recorded.Sockets) + i);
                listener.Listen();
                listeners.Add(listener);
            }
            ports.Release();

            var hosts = ports
                .Numbers.Chunk(recorded.Sockets)
                .Select(entry => entry.Select(port => $"127.0.0.1:{port}").ToArray())
                .ToArray();
            var hostFile = Path.Combine(work.FullName, "hosts.json");
            await File.WriteAllTextAsync(hostFile, JsonSerializer.Serialize(hosts));
            var output = work.CreateSubdirectory("out").FullName;

            // Started before the neighbours' side is: whoever comes first waits for the other.
            var running = run(hostFile, output);
            var connecting = Task.WhenAll(
                ConnectAsLeftNeighbourAsync(
                    left,
                    ports.Numbers.GetRange(recorded.Rank * recorded.Sockets, recorded.Sockets),
                    options,
                    over.Token
                ),
                AcceptAsRightNeighbourAsync(right, listeners, options, over.Token)
            );
            var complaints = await running;
            // A connection that the rank has made is in the backlog by now: accept what is there, wait for nothing.
            over.CancelAfter(TimeSpan.FromMilliseconds(100));
            await connecting;
            foreach (var connection in left.Concat(right))
            {
                complaints.AddRange(await connection.EndAsync());
            }
            foreach (var name in recorded.Outputs)
            {
                complaints.AddRange(CompareResult(name, Path.Combine(output, name), recorded.File(name)));
            }
            return complaints;
        }
        finally
        {
            listeners.ForEach(listener => listener.Dispose());
            left.Concat(right).ToList().ForEach(connection => connection.Dispose());
            work.Delete(recursive: true);
        }
    }

    // Until the program has ended.
    private static async Task<List<string>> RunAsync(Process started, TimeSpan timeout)
    {
        using var process = started;
        using var end = new Ending(process);
        var said = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        var complaints = new List<string>();
        using var limit = new CancellationTokenSource(timeout);
        try
        {
            await process.WaitForExitAsync(limit.Token);
            if (process.ExitCode != 0)
            {
                complaints.Add($"exit status {process.ExitCode}");
            }
        }
        catch (OperationCanceledException)
        {
            complaints.Add($"not finished after {timeout.TotalSeconds} s");
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
        var text = complaints.Count > 0 ? string.Concat(await said).Trim() : "";
        if (text.Length > 0)
        {
            complaints.Add("the program said: " + text[Math.Max(0, text.Length - 600)..]);
        }
        return complaints;
    }

    private static Process Start(RecordedCase recorded, IReadOnlyList<string> command, string hostFile, string output)
    {
        var arguments = command
            .Select(argument => argument.Replace("{case}", recorded.Folder).Replace("{out}", output))
            .ToList();
        if (arguments.SequenceEqual(command))
        {
            arguments.AddRange([recorded.Folder, output]);
        }
        var start = new ProcessStartInfo(arguments[0])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        arguments.Skip(1).ToList().ForEach(start.ArgumentList.Add);
        start.Environment["MLX_RANK"] = recorded.Rank.ToString(CultureInfo.InvariantCulture);
        start.Environment["MLX_HOSTFILE"] = hostFile;
        return Process.Start(start) ?? throw new InvalidOperationException($"{arguments[0]} did not start");
    }

    // One address after the other, again while a connection is refused: the rank may open the next listener only after
    // it has accepted.
    private static async Task ConnectAsLeftNeighbourAsync(
        List<RecordedConnection> connections,
        List<int> ports,
        ReplayOptions options,
        CancellationToken over
    )
    {
        foreach (var (connection, port) in connections.Zip(ports))
        {
            while (!connection.IsOpen)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                try
                {
                    await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), over);
                    connection.Open(socket);
                }
                catch (SocketException)
                {
                    socket.Dispose();
                    try
                    {
                        await Task.Delay(5, over);
                    }
                    catch (OperationCanceledException)
                    {
                        return;
                    }
                }
                catch (OperationCanceledException)
                {
                    socket.Dispose();
                    return;
                }
            }
        }
        connections.ForEach(connection => connection.Start(options));
    }

    private static async Task AcceptAsRightNeighbourAsync(
        List<RecordedConnection> connections,
        List<Socket> listeners,
        ReplayOptions options,
        CancellationToken over
    )
    {
        foreach (var (connection, listener) in connections.Zip(listeners))
        {
            try
            {
                connection.Open(await Task.Run(() => Accept(listener, over), over));
                // As MLX does: nobody can call a second time.
                listener.Dispose();
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
        connections.ForEach(connection => connection.Start(options));
    }

    /// <remarks>After AcceptAsync the system would keep the listener for a moment beyond its Dispose.</remarks>
    private static Socket Accept(Socket listener, CancellationToken over)
    {
        while (!listener.Poll(TimeSpan.FromMilliseconds(20), SelectMode.SelectRead))
        {
            over.ThrowIfCancellationRequested();
        }
        return listener.Accept();
    }

    private static IEnumerable<string> CompareResult(string name, string path, byte[] expected)
    {
        if (!File.Exists(path))
        {
            yield return $"{name}: missing";
            yield break;
        }
        var actual = File.ReadAllBytes(path);
        if (!actual.AsSpan().SequenceEqual(expected))
        {
            yield return $"{name}: differs at byte {actual.AsSpan().CommonPrefixLength(expected)} ({actual.Length} "
                + $"bytes, recorded are {expected.Length})";
        }
    }

    /// <summary>Whatever happens here, the program does not outlive its replay.</summary>
    private sealed class Ending(Process process) : IDisposable
    {
        public void Dispose() => process.Kill();
    }
}
