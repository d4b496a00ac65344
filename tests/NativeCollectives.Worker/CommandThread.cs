using System.Collections.Concurrent;

namespace NativeCollectives.Worker;

/// <summary>A thread that does what it is given, in order.</summary>
internal sealed class CommandThread
{
    private readonly BlockingCollection<Action> _actions = [];
    private readonly Thread _thread;

    public CommandThread(string name)
    {
        _thread = new Thread(() =>
        {
            foreach (var action in _actions.GetConsumingEnumerable())
            {
                action();
            }
            ProgramStream.DisposeAll();
        })
        {
            IsBackground = true,
            Name = name,
        };
        _thread.Start();
    }

    public void Post(Action action) => _actions.Add(action);

    /// <summary>Does what is left to do, and ends.</summary>
    public void End()
    {
        _actions.CompleteAdding();
        _thread.Join();
        _actions.Dispose();
    }
}
