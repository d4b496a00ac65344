using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Harness;

/// <summary>A ring of workers on this machine.</summary>
internal sealed class LocalRing : IDisposable
{
    private readonly List<HostFile> _hostFiles = [];

    /// <summary>Starts the workers, and unless told otherwise forms the group.</summary>
    public LocalRing(int size, int sockets, bool form = true, double operationSeconds = 120, string address = "127.0.0.1", bool fromEnvironment = true)
    {
        Sockets = sockets;
        HostFile = NewHostFile(size, sockets, address);
        HostFile.Release();
        Workers = [.. Enumerable.Range(0, size).Select(_ => new WorkerProcess())];
        if (form)
        {
            Form(operationSeconds: operationSeconds, fromEnvironment: fromEnvironment);
        }
    }

    public int Size => Workers.Count;
    public int Sockets { get; }
    public List<WorkerProcess> Workers { get; }
    public HostFile HostFile { get; }

    /// <summary>A hostfile for another group of the same workers.</summary>
    public HostFile NewHostFile(int size, int sockets, string address = "127.0.0.1")
    {
        var file = new HostFile(size, sockets, address);
        _hostFiles.Add(file);
        return file;
    }

    /// <summary>The command that makes a worker join the group.</summary>
    public Command Join(int rank, double formingSeconds = 60, double operationSeconds = 120, string group = "world", HostFile? hostFile = null, bool fromEnvironment = true) => new()
    {
        Name = CommandNames.Create,
        Group = group,
        Rank = rank,
        HostFile = (hostFile ?? HostFile).Path,
        FromEnvironment = fromEnvironment,
        FormingSeconds = formingSeconds,
        OperationSeconds = operationSeconds,
    };

    /// <summary>Forms the group on all workers.</summary>
    public void Form(double operationSeconds = 120, string group = "world", HostFile? hostFile = null, bool fromEnvironment = true) =>
        Succeed(All(rank => Join(rank, operationSeconds: operationSeconds, group: group, hostFile: hostFile, fromEnvironment: fromEnvironment)));

    /// <summary>Sends a command to every worker.</summary>
    public List<WorkerProcess.Call> All(Func<int, Command> command) => [.. Workers.Select((worker, rank) => worker.Send(command(rank)))];

    /// <summary>Waits for the answers.</summary>
    public static List<Reply> Answers(IEnumerable<WorkerProcess.Call> calls) => [.. calls.Select(call => call.Answer())];

    /// <summary>Waits for the answers, none of which may be a failure. The first failure ends the wait: the other ranks may wait for that one for ever.</summary>
    public static List<Reply> Succeed(IEnumerable<WorkerProcess.Call> calls)
    {
        var waiting = calls.ToList();
        WorkerProcess.Call.AwaitAllOrFailure(waiting);
        var failures = waiting.Where(call => call.IsAnswered).Select(call => call.Answer().Failure).OfType<Failure>().ToList();
        Assert.That(failures, Is.Empty, string.Join('\n', failures.Select(failure => failure.Text)));
        return Answers(waiting);
    }

    /// <summary>All ranks do the same; none may fail.</summary>
    public List<Reply> Do(Command command) => Succeed(All(_ => command));

    /// <summary>All ranks play a scenario.</summary>
    public List<Reply> Play(string scenario, string group = "world", ulong seed = 1) => Do(Play(scenario, Sockets, group, seed));

    /// <summary>The command to play a scenario.</summary>
    public static Command Play(string scenario, int sockets = 1, string group = "world", ulong seed = 1) =>
        new() { Name = CommandNames.Scenario, Operation = scenario, Sockets = sockets, Group = group, Seed = seed };

    public void Dispose()
    {
        foreach (var worker in Workers)
        {
            worker.Dispose();
        }
        foreach (var file in _hostFiles)
        {
            file.Dispose();
        }
    }
}
