using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace NativeCollectives.Worker;

/// <summary>The groups of this process, and the commands on them.</summary>
internal sealed class Rank
{
    private readonly ConcurrentDictionary<string, DistributedGroup> _groups = new();
    private volatile bool _wasFaulted;

    public void Do(Command command, Dictionary<string, string> data, Action announce)
    {
        switch (command.Name)
        {
            case CommandNames.Create:
                announce();
                var group = GroupCreation.Create(command, _groups, data);
                _groups[command.Group] = group;
                data["rank"] = Text(group.Rank);
                data["size"] = Text(group.Size);
                data["backend"] = group.Backend.ToString().ToLowerInvariant();
                data["device"] = group.Device is { } device ? Text(device) : "none";
                break;
            case CommandNames.CreateId:
                data["id"] = NcclUniqueId.Create(GroupCreation.Read(command.Nccl, _groups)).ToString();
                break;
            case CommandNames.Available:
                var options = new DistributedGroupOptions
                {
                    Nccl = GroupCreation.Read(command.Nccl, _groups),
                    Jaccl = GroupCreation.Read(command.Jaccl),
                };
                data["available"] = DistributedGroup.IsAvailable(
                    Enum.Parse<BackendKind>(command.Backend),
                    options,
                    out var reason
                )
                    ? "yes"
                    : "no";
                data["reason"] = reason ?? "";
                break;
            case CommandNames.State:
                data["faulted"] = _groups[command.Group].IsFaulted ? "yes" : "no";
                break;
            case CommandNames.Faults:
                Doubles.SetFaults(command.Operation);
                break;
            case CommandNames.Verbs:
                SoftVerbs.Describe(data);
                break;
            case CommandNames.Record:
                WireRun.Run(_groups[command.Group], command);
                break;
            case CommandNames.Live:
                ProgramStream.DisposeAll();
                GC.Collect();
                GC.WaitForPendingFinalizers();
                Doubles.CountLive(data);
                break;
            case CommandNames.Refused:
                NcclPlan.RunRefused(_groups[command.Group], command);
                break;
            case CommandNames.Allocate:
                using (var buffer = new DeviceBuffer<byte>(command.Count))
                {
                    data["address"] = buffer.Address.ToString("x", CultureInfo.InvariantCulture);
                }
                break;
            case CommandNames.Dispose:
                Dispose(command.Group);
                break;
            case CommandNames.DisposeAll:
                DisposeAll();
                break;
            case CommandNames.Forget:
                // Finalised without Dispose.
                Forget(command.Group);
                GC.Collect();
                GC.WaitForPendingFinalizers();
                GC.Collect();
                break;
            case CommandNames.Abort:
                _groups[command.Group].Abort(command.Operation);
                break;
            case CommandNames.Operations:
                if (command.Shape is { } shape)
                {
                    JacclPlan.Run(_groups[command.Group], shape, command, data);
                }
                else
                {
                    OperationPlan.Run(_groups[command.Group], command, data);
                }
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

    /// <summary>
    /// Gives up the groups, the variables and the fault rules of a case, and says what is "left" of it all the same and
    /// whether one of its groups was "faulted".
    /// </summary>
    public void Reset(Holdings holdings, Dictionary<string, string> data)
    {
        DisposeAll();
        CaseVariables.Restore();
        Doubles.ClearFaults();
        SoftVerbs.EndRecord();
        data["left"] = holdings.Left();
        data["faulted"] = _wasFaulted ? "yes" : "no";
        _wasFaulted = false;
    }

    private void DisposeAll()
    {
        foreach (var name in _groups.Keys)
        {
            Dispose(name);
        }
    }

    // A method of its own: nothing on the stack may refer to the group when it is collected.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Forget(string name) => _wasFaulted |= _groups.TryRemove(name, out var group) && group.IsFaulted;

    private void Dispose(string name)
    {
        if (_groups.TryRemove(name, out var group))
        {
            _wasFaulted |= group.IsFaulted;
            group.Dispose();
        }
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
