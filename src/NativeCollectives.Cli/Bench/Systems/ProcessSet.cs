using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Bench;

/// <summary>A process to start.</summary>
/// <param name="Name">What messages call it.</param>
/// <param name="Program">What is started.</param>
/// <param name="Arguments">Its arguments.</param>
/// <param name="Input">
/// Written to its standard input, which then stays open as long as it runs; <see langword="null"/>: it has none.
/// </param>
/// <param name="Environment">Variables that it gets beside those of this process.</param>
internal sealed record ProcessLaunch(
    string Name,
    string Program,
    IReadOnlyList<string> Arguments,
    string? Input = null,
    IReadOnlyDictionary<string, string>? Environment = null
);

/// <summary>Processes that succeed or fail together.</summary>
internal static class ProcessSet
{
    // What the others get to end by themselves after one has failed.
    private static readonly TimeSpan _grace = TimeSpan.FromSeconds(5);
    private const int MaxMessageLength = 4000;

    /// <summary>Runs them, and returns what they wrote. All of them have ended afterwards, whatever happens.</summary>
    /// <exception cref="ToolException">
    /// One failed, or did not end in time; the message is that of the first one.
    /// </exception>
    public static async Task<string> RunAsync(
        IReadOnlyList<ProcessLaunch> launches,
        TimeSpan deadline,
        CancellationToken cancellationToken
    )
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(deadline);
        string late = FormattableString.Invariant(
            $"{launches[0].Name} did not end in time, which is {deadline.TotalSeconds} s."
        );
        return await RunAsync(launches, limit, late, cancellationToken);
    }

    /// <summary>The same, with a limit that the caller can move, and the sentence that tells of its end.</summary>
    public static async Task<string> RunAsync(
        IReadOnlyList<ProcessLaunch> launches,
        CancellationTokenSource limit,
        string late,
        CancellationToken cancellationToken
    )
    {
        List<(ProcessLaunch Launch, PipedProcess Process)> running = [];
        string? failure = null;
        try
        {
            foreach (ProcessLaunch launch in launches)
            {
                running.Add((launch, Start(launch)));
            }

            string[] texts = await Task.WhenAll(
                running.Select(one =>
                    FollowAsync(
                        one.Launch,
                        one.Process,
                        late,
                        limit.Token,
                        message =>
                        {
                            if (Interlocked.CompareExchange(ref failure, message, null) is null)
                            {
                                limit.CancelAfter(_grace);
                            }
                        }
                    )
                )
            );
            cancellationToken.ThrowIfCancellationRequested();
            return failure is null ? string.Concat(texts) : throw new ToolException(failure);
        }
        finally
        {
            foreach ((_, PipedProcess process) in running)
            {
                process.Dispose();
            }
        }
    }

    private static PipedProcess Start(ProcessLaunch launch)
    {
        var process = PipedProcess.Start([launch.Program, .. launch.Arguments], launch.Environment);
        if (launch.Input is null)
        {
            process.CloseInput();
        }

        return process;
    }

    private static async Task<string> FollowAsync(
        ProcessLaunch launch,
        PipedProcess process,
        string late,
        CancellationToken limit,
        Action<string> failed
    )
    {
        try
        {
            Task<ProcessResult> end = process.EndAsync(limit);
            if (launch.Input is not null)
            {
                await HandAsync(launch.Input, process, limit);
            }

            ProcessResult result = await end;
            if (result.ExitCode != 0)
            {
                failed(Describe(launch, result.ExitCode, result.Errors));
            }

            return result.Output + result.Errors;
        }
        catch (OperationCanceledException)
        {
            failed(late);
            return "";
        }
    }

    private static async Task HandAsync(string input, PipedProcess process, CancellationToken limit)
    {
        try
        {
            await process.Input.WriteAsync(input.AsMemory(), limit);
            await process.Input.FlushAsync(limit);
        }
        catch (IOException)
        {
            // It has ended already; its exit code and what it wrote say why.
        }
    }

    /// <summary>
    /// What went wrong: the last line that it wrote, which of our ranks is a sentence that begins with the rank.
    /// </summary>
    private static string Describe(ProcessLaunch launch, int exitCode, string errors)
    {
        string text = errors.Trim();
        string last = text[(text.LastIndexOf('\n') + 1)..];
        if (exitCode == 1 && last.StartsWith("rank ", StringComparison.Ordinal))
        {
            return last;
        }

        string end =
            exitCode > 128
                ? $"{launch.Name} was ended by {Signals.Name(exitCode - 128)}"
                : $"{launch.Name} ended with {exitCode}";
        string shown = text.Length <= MaxMessageLength ? text : string.Concat(text.AsSpan(0, MaxMessageLength), "...");
        return shown.Length == 0 ? end + "." : $"{end}: {shown}";
    }
}
