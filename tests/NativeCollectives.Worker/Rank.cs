using System.Collections.Concurrent;
using System.Globalization;

namespace NativeCollectives.Worker;

/// <summary>The groups of this process, and the commands on them.</summary>
internal sealed class Rank
{
    private readonly ConcurrentDictionary<string, DistributedGroup> _groups = new();

    public void Do(Command command, Dictionary<string, string> data, Action announce)
    {
        switch (command.Name)
        {
            case CommandNames.Create:
                announce();
                var group = Create(command, data);
                _groups[command.Group] = group;
                data["rank"] = Text(group.Rank);
                data["size"] = Text(group.Size);
                data["backend"] = group.Backend;
                break;
            case CommandNames.Dispose:
                if (_groups.TryRemove(command.Group, out var disposed))
                {
                    disposed.Dispose();
                }
                break;
            case CommandNames.Forget:
                // Finalised without Dispose.
                _groups.TryRemove(command.Group, out _);
                GC.Collect();
                GC.WaitForPendingFinalizers();
                GC.Collect();
                break;
            case CommandNames.Abort:
                _groups[command.Group].Abort(command.Operation);
                break;
            case CommandNames.Operations:
                OperationPlan.Run(_groups[command.Group], command, data);
                break;
            case CommandNames.Scenario:
                Scenarios.Find(command.Operation)(new Scenario(_groups[command.Group], command, data, announce));
                break;
            case CommandNames.Loop:
                Loop.Run(_groups[command.Group], command, data, announce);
                break;
            case CommandNames.Usage:
                Usage.Measure(data);
                break;
            default:
                throw new ArgumentException($"unknown command {command.Name}");
        }
    }

    private DistributedGroup Create(Command command, Dictionary<string, string> data)
    {
        if (command.FromEnvironment)
        {
            Environment.SetEnvironmentVariable("MLX_RANK", Text(command.Rank));
            Environment.SetEnvironmentVariable("MLX_HOSTFILE", command.HostFile);
        }
        var log = new ConcurrentQueue<string>();
        var options = new DistributedGroupOptions
        {
            Backend = BackendKind.Ring,
            Strict = true,
            FormingTimeout = TimeSpan.FromSeconds(command.FormingSeconds),
            OperationTimeout = TimeSpan.FromSeconds(command.OperationSeconds),
            Log = (level, message) => log.Enqueue($"{level}: {message}"),
            Ring = command.FromEnvironment ? null : new RingOptions { Rank = command.Rank, HostFile = command.HostFile, Hosts = command.Hosts },
        };
        try
        {
            return DistributedGroup.Create(options);
        }
        finally
        {
            data["log"] = string.Join('\n', log);
        }
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
