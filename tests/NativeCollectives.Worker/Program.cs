using System.Diagnostics;
using System.Text.Json;

namespace NativeCollectives.Worker;

/// <summary>
/// One rank of the multi-process suite. Commands come in on standard input, answers go out on standard output. It may
/// take one case after another, with a reset between them; it ends with its standard input.
/// </summary>
public static class Program
{
    private static readonly Lock _output = new();

    public static int Main()
    {
        // Never closed: a thread may still be at its answer when the process ends.
        var stream = Console.OpenStandardOutput();
        // With its first write the runtime opens what it needs for a console: before it is counted what there is.
        stream.Write([]);
        var output = new StreamWriter(stream) { AutoFlush = true };
        using var input = new StreamReader(Console.OpenStandardInput());
        var rank = new Rank();
        var holdings = new Holdings();
        var threads = new Dictionary<string, CommandThread>();
        while (input.ReadLine() is { } line)
        {
            var command = JsonSerializer.Deserialize(line, ProtocolContext.Default.Command)!;
            if (command.Name == CommandNames.Exit)
            {
                // An ordinary end, with whatever groups are still open.
                return 0;
            }
            if (command.Name == CommandNames.Reset)
            {
                foreach (var ended in threads.Values)
                {
                    ended.End();
                }
                threads.Clear();
                Answer(command, output, (data, _) => rank.Reset(holdings, data));
                continue;
            }
            if (!threads.TryGetValue(command.Thread, out var thread))
            {
                threads.Add(command.Thread, thread = new CommandThread(command.Thread));
            }
            thread.Post(() => Answer(command, output, (data, announce) => rank.Do(command, data, announce)));
        }
        // The test is gone: end at once, whatever goes on.
        Process.GetCurrentProcess().Kill();
        return 1;
    }

    private static void Answer(Command command, StreamWriter output, Action<Dictionary<string, string>, Action> action)
    {
        var began = Stopwatch.GetTimestamp();
        var data = new Dictionary<string, string>();
        Failure? failure = null;
        try
        {
            action(
                data,
                () =>
                    Write(
                        output,
                        new Reply
                        {
                            Id = command.Id,
                            IsAnnouncement = true,
                            Began = began,
                            Ended = Stopwatch.GetTimestamp(),
                        }
                    )
            );
        }
        catch (Exception exception)
        {
            failure = Failure.From(exception);
        }
        Write(
            output,
            new Reply
            {
                Id = command.Id,
                Failure = failure,
                Data = data,
                Began = began,
                Ended = Stopwatch.GetTimestamp(),
            }
        );
    }

    private static void Write(StreamWriter output, Reply reply)
    {
        lock (_output)
        {
            output.WriteLine(JsonSerializer.Serialize(reply, ProtocolContext.Default.Reply));
        }
    }
}
