using System.Collections.Concurrent;

namespace NativeCollectives.Worker;

/// <summary>A thread that does what it is given, in order.</summary>
internal sealed class CommandThread
{
    private readonly BlockingCollection<Action> _actions = [];

    public CommandThread(string name) =>
        new Thread(() =>
        {
            foreach (var action in _actions.GetConsumingEnumerable())
            {
                action();
            }
        })
        {
            IsBackground = true,
            Name = name,
        }.Start();

    public void Post(Action action) => _actions.Add(action);
}
