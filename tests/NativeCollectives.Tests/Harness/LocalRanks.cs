using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Harness;

/// <summary>Workers on this machine that are the ranks of groups.</summary>
internal abstract class LocalRanks : IDisposable
{
    protected LocalRanks(IEnumerable<WorkerProcess> workers) => Workers = [.. workers];

    public int Size => Workers.Count;
    public List<WorkerProcess> Workers { get; }

    /// <summary>Sockets per neighbour of a ring; 0 of other backends.</summary>
    public abstract int Sockets { get; }

    /// <summary>Sends a command to every worker.</summary>
    public List<WorkerProcess.Call> All(Func<int, Command> command) =>
        [.. Workers.Select((worker, rank) => worker.Send(command(rank)))];

    /// <summary>Waits for the answers.</summary>
    public static List<Reply> Answers(IEnumerable<WorkerProcess.Call> calls) =>
        [.. calls.Select(call => call.Answer())];

    /// <summary>
    /// Waits for the answers, none of which may be a failure. The first failure ends the wait: the other ranks may wait
    /// for that one for ever.
    /// </summary>
    public static List<Reply> Succeed(IEnumerable<WorkerProcess.Call> calls)
    {
        var waiting = calls.ToList();
        WorkerProcess.Call.AwaitAllOrFailure(waiting);
        var failures = waiting
            .Where(call => call.IsAnswered)
            .Select(call => call.Answer().Failure)
            .OfType<Failure>()
            .ToList();
        Assert.That(failures, Is.Empty, string.Join('\n', failures.Select(failure => failure.Text)));
        return Answers(waiting);
    }

    /// <summary>All ranks do the same; none may fail.</summary>
    public List<Reply> Do(Command command) => Succeed(All(_ => command));

    /// <summary>All ranks play a scenario.</summary>
    public List<Reply> Play(string scenario, string group = "world", ulong seed = 1) =>
        Do(Play(scenario, Sockets, group, seed));

    /// <summary>The command to play a scenario.</summary>
    public static Command Play(string scenario, int sockets = 1, string group = "world", ulong seed = 1) =>
        new()
        {
            Name = CommandNames.Scenario,
            Operation = scenario,
            Sockets = sockets,
            Group = group,
            Seed = seed,
        };

    /// <summary>
    /// Disposes of all groups and ends every worker, as a program ends; nothing may have been written to standard
    /// error.
    /// </summary>
    public void EndClean()
    {
        Do(new Command { Name = CommandNames.DisposeAll });
        foreach (var worker in Workers)
        {
            worker.Send(new Command { Name = CommandNames.Exit });
        }
        Assert.Multiple(() =>
        {
            foreach (var worker in Workers)
            {
                Assert.That(worker.WaitForExit(WorkerProcess.Patience), Is.True, $"process {worker.Id} did not end");
                Assert.That(worker.ExitCode, Is.Zero, worker.Errors);
                Assert.That(worker.Errors, Is.Empty, "written on the standard error stream");
            }
        });
    }

    /// <summary>Ends processes in which something went wrong, and says what they wrote.</summary>
    public void Fail(Exception exception)
    {
        var errors = string.Join('\n', Workers.Select(worker => worker.Errors).Where(text => text.Length > 0));
        Workers.ForEach(worker => worker.End());
        Dispose();
        if (errors.Length > 0)
        {
            throw new AssertionException($"{exception.Message}\nThe ranks wrote: {errors}", exception);
        }
    }

    /// <summary>The end of the case: the workers take others, if they can.</summary>
    public virtual void Dispose()
    {
        var workers = Workers.ToList();
        Workers.Clear();
        WorkerPool.Return(workers);
    }
}
