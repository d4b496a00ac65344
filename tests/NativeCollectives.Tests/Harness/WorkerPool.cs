using System.Globalization;
using NativeCollectives.Worker;
using NUnit.Framework.Interfaces;

namespace NativeCollectives.Tests.Harness;

/// <summary>
/// Workers that stay up and take one case after another. Between two cases a worker gives up its groups, variables and
/// fault rules, and must hold nothing more than when it was started. One that was killed, stopped or ended, that owes an
/// answer, that has written an error, that had a faulted group, or whose test has failed takes no other case.
/// </summary>
internal static class WorkerPool
{
    // More than the ranks of any two groups; beyond that those end that have waited longest.
    private const int Most = 24;

    private static readonly LinkedList<Idle> _idle = [];
    private static int _taken;

    /// <summary>How many workers tests have taken, and how many processes that took.</summary>
    public static string Summary =>
        $"{_taken} times a worker was taken, {WorkerProcess.Started} processes were started";

    /// <summary>A worker that was started with these variables, and with no others.</summary>
    public static WorkerProcess Take(IReadOnlyDictionary<string, string>? environment = null)
    {
        // What holds a device of this machine must not keep it.
        if (NcclLibraries.AreReal || SoftVerbsLibrary.IsReal)
        {
            return new WorkerProcess(environment);
        }
        Interlocked.Increment(ref _taken);
        var key = KeyOf(environment);
        while (TakeIdle(key) is { } idle)
        {
            if (idle.Test.Result.Outcome.Status != TestStatus.Failed && idle.Worker.CanGoOn)
            {
                return idle.Worker;
            }
            idle.Worker.End();
        }
        return new WorkerProcess(environment) { IsPooled = true, Key = key };
    }

    /// <summary>
    /// The end of a case for its workers. The test fails if one of them has kept something of it. Returns whether all
    /// stay for other cases.
    /// </summary>
    /// <param name="workers">The workers.</param>
    /// <param name="together">Whether those that could stay end if one of them cannot.</param>
    public static bool Return(IReadOnlyCollection<WorkerProcess> workers, bool together = false)
    {
        var whole = workers.Where(worker => worker.CanGoOn).ToList();
        // First those that cannot: a group's connections to a rank that is stopped stay until it is gone.
        foreach (var worker in workers.Except(whole))
        {
            worker.End();
        }
        // All at once: a rank may wait for the others when it leaves a group.
        var resets = whole
            .Select(worker => (Worker: worker, Call: worker.Send(new Command { Name = CommandNames.Reset })))
            .ToList();
        var complaints = new List<string>();
        var leaving = new List<WorkerProcess>();
        var staying = whole.Where(worker => worker.IsPooled).ToList();
        foreach (var (worker, call) in resets)
        {
            var (complaint, wasFaulted) = Outcome(worker, call);
            if (complaint.Length > 0)
            {
                complaints.Add($"process {worker.Id}: {complaint}");
                whole.Remove(worker);
                leaving.Add(worker);
            }
            if (complaint.Length > 0 || wasFaulted)
            {
                staying.Remove(worker);
            }
        }
        if (together && staying.Count < workers.Count)
        {
            staying.Clear();
        }
        complaints.AddRange(End([.. whole.Except(staying)]));
        foreach (var worker in leaving)
        {
            worker.End();
        }
        lock (_idle)
        {
            foreach (var worker in staying)
            {
                _idle.AddLast(new Idle(worker, TestContext.CurrentContext));
            }
        }
        complaints.AddRange(EndOldest());
        // The first failure of a test says more than what follows from it.
        if (complaints.Count > 0 && !TestContext.CurrentContext.Result.Assertions.Any())
        {
            throw new AssertionException(string.Join('\n', complaints));
        }
        return staying.Count == workers.Count;
    }

    /// <summary>Ends all that wait, as a program ends; none may have written to standard error.</summary>
    public static void End()
    {
        List<WorkerProcess> workers;
        lock (_idle)
        {
            workers = [.. _idle.Select(idle => idle.Worker)];
            _idle.Clear();
        }
        var complaints = End(workers);
        if (complaints.Count > 0)
        {
            throw new AssertionException(string.Join('\n', complaints));
        }
    }

    private static List<string> End(List<WorkerProcess> workers)
    {
        foreach (var worker in workers)
        {
            worker.Send(new Command { Name = CommandNames.Exit });
        }
        var complaints = new List<string>();
        foreach (var worker in workers)
        {
            if (!worker.WaitForExit(WorkerProcess.Patience))
            {
                complaints.Add($"process {worker.Id} did not end");
            }
            else if (worker.ExitCode != 0 || worker.Errors.Length > 0)
            {
                complaints.Add($"process {worker.Id} ended with {worker.ExitCode}: {worker.Errors}");
            }
            worker.End();
        }
        return complaints;
    }

    private static List<string> EndOldest()
    {
        var surplus = new List<WorkerProcess>();
        lock (_idle)
        {
            while (_idle.Count > Most)
            {
                surplus.Add(_idle.First!.Value.Worker);
                _idle.RemoveFirst();
            }
        }
        return End(surplus);
    }

    private static (string Complaint, bool WasFaulted) Outcome(WorkerProcess worker, WorkerProcess.Call reset)
    {
        try
        {
            var reply = reset.Answer();
            return reply.Failure is { } failure
                ? (failure.Text, false)
                : (
                    reply.Data["left"].Length > 0 ? $"left of the case: {reply.Data["left"]}"
                    : worker.Errors.Length > 0 ? $"written on the standard error stream: {worker.Errors}"
                    : "",
                    reply.Data["faulted"] == "yes"
                );
        }
        catch (Exception exception) when (exception is IOException or TimeoutException)
        {
            return (exception.Message, false);
        }
    }

    // The one that came last: it is the warmest.
    private static Idle? TakeIdle(string key)
    {
        lock (_idle)
        {
            for (var node = _idle.Last; node is not null; node = node.Previous)
            {
                if (node.Value.Worker.Key == key)
                {
                    _idle.Remove(node);
                    return node.Value;
                }
            }
            return null;
        }
    }

    private static string KeyOf(IReadOnlyDictionary<string, string>? environment) =>
        string.Join(
            '\n',
            (environment ?? new Dictionary<string, string>())
                .OrderBy(variable => variable.Key, StringComparer.Ordinal)
                .Select(variable => string.Create(CultureInfo.InvariantCulture, $"{variable.Key}={variable.Value}"))
        );

    private sealed record Idle(WorkerProcess Worker, TestContext Test);
}
