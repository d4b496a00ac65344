using System.Diagnostics;

namespace NativeCollectives.Bench;

/// <summary>A process to start.</summary>
/// <param name="Name">What messages call it.</param>
/// <param name="Program">What is started.</param>
/// <param name="Arguments">Its arguments.</param>
/// <param name="Input">Written to its standard input, which then stays open as long as it runs; <see langword="null"/>: it has none.</param>
/// <param name="Environment">Variables that it gets beside those of this process.</param>
internal sealed record Launch(
    string Name, string Program, IReadOnlyList<string> Arguments, string? Input = null, IReadOnlyDictionary<string, string>? Environment = null);

/// <summary>Processes that succeed or fail together.</summary>
internal static class ProcessSet
{
    // What the others get to say something themselves after one has failed.
    private static readonly TimeSpan _grace = TimeSpan.FromSeconds(5);
    private const int MaxMessageLength = 4000;

    /// <summary>Runs them, and returns what they wrote. All of them have ended afterwards, whatever happens.</summary>
    /// <exception cref="BenchmarkException">One failed, or did not end in time.</exception>
    public static async Task<string> RunAsync(IReadOnlyList<Launch> launches, TimeSpan deadline, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(deadline);
        var running = new List<(Launch Launch, Process Process)>();
        try
        {
            foreach (var launch in launches)
            {
                running.Add((launch, Start(launch)));
            }
            var ends = await Task.WhenAll(running.Select(one => FollowAsync(one.Launch, one.Process, limit)));
            cancellationToken.ThrowIfCancellationRequested();
            return ends.All(end => end.Failure is null)
                ? string.Concat(ends.Select(end => end.Text))
                : throw new BenchmarkException(string.Join(Environment.NewLine, ends.Where(end => end.Failure is not null).Select(end => end.Failure)));
        }
        finally
        {
            foreach (var (_, process) in running)
            {
                process.Kill(entireProcessTree: true); // nothing happens to one that has ended
                process.Dispose();
            }
        }
    }

    private static Process Start(Launch launch)
    {
        var start = new ProcessStartInfo(launch.Program, launch.Arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in launch.Environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }
        var process = Process.Start(start) ?? throw new BenchmarkException($"{launch.Program} cannot be started");
        if (launch.Input is null)
        {
            process.StandardInput.Close();
        }
        return process;
    }

    private static async Task<(string? Failure, string Text)> FollowAsync(Launch launch, Process process, CancellationTokenSource limit)
    {
        try
        {
            if (launch.Input is not null)
            {
                await process.StandardInput.WriteAsync(launch.Input.AsMemory(), limit.Token);
                await process.StandardInput.FlushAsync(limit.Token);
            }
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            var text = await output + await errors;
            if (process.ExitCode == 0)
            {
                return (null, text);
            }
            limit.CancelAfter(_grace);
            return ($"{launch.Name} ended with {process.ExitCode}: {Shorten(text)}", text);
        }
        catch (OperationCanceledException)
        {
            return ($"{launch.Name} did not end in time", "");
        }
        catch (IOException exception)
        {
            limit.CancelAfter(_grace);
            return ($"{launch.Name} did not take its orders: {exception.Message}", "");
        }
    }

    private static string Shorten(string text)
    {
        text = text.Trim();
        return text.Length <= MaxMessageLength ? text : string.Concat(text.AsSpan(0, MaxMessageLength), "...");
    }
}
