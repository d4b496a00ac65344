using System.Diagnostics;

namespace NativeCollectives;

/// <summary>
/// One operation under the eyes of an observer; the default value: nobody looks. Whatever an observer throws is
/// dropped.
/// </summary>
internal readonly struct Observation
{
    private readonly CollectiveObserver? _observer;
    private readonly ObservedOperation _operation;
    private readonly object? _state;
    private readonly long _start;

    private Observation(CollectiveObserver observer, in ObservedOperation operation, object? state)
    {
        _observer = observer;
        _operation = operation;
        _state = state;
        _start = Stopwatch.GetTimestamp();
    }

    /// <summary>The operation is about to be issued.</summary>
    internal static Observation Begin(DistributedGroup group, in ObservedOperation observed)
    {
        if (group.Observer is not { } observer)
        {
            return default;
        }

        object? state = null;
        try
        {
            state = observer.OperationStarting(group, observed);
        }
        catch (Exception)
        {
            // An observer's failure is not the group's.
        }

        return new Observation(observer, observed, state);
    }

    /// <summary>The operation has ended.</summary>
    internal void End(DistributedGroup group, Exception? failure)
    {
        if (_observer is null)
        {
            return;
        }

        try
        {
            _observer.OperationEnded(group, _operation, _state, Stopwatch.GetElapsedTime(_start), failure);
        }
        catch (Exception)
        {
            // An observer's failure is not the group's.
        }
    }

    /// <summary>Tells an observer of something else.</summary>
    internal static void Tell<TState>(
        CollectiveObserver? observer,
        TState state,
        Action<CollectiveObserver, TState> what
    )
    {
        if (observer is null)
        {
            return;
        }

        try
        {
            what(observer, state);
        }
        catch (Exception)
        {
            // An observer's failure is not the group's.
        }
    }
}
