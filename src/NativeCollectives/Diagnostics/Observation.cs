using System.Diagnostics;

namespace NativeCollectives;

/// <summary>
/// One operation, which metrics, traces and an observer are told of; the default value: nobody is. Whatever an observer
/// or a listener throws is dropped.
/// </summary>
internal readonly struct Observation
{
    private readonly ObservedOperation _operation;
    private readonly CollectiveObserver? _observer;
    private readonly object? _state;
    private readonly Activity? _activity;

    // 0: nobody looks.
    private readonly long _start;

    private Observation(DistributedGroup group, in ObservedOperation operation)
    {
        _operation = operation;
        _observer = group.OperationObserver;
        try
        {
            _activity = CollectiveTraces.AreHeard ? CollectiveTraces.OperationStarting(group, operation) : null;
        }
        catch (Exception)
        {
            // The failure of somebody who listens is not the group's.
        }

        try
        {
            _state = _observer?.OperationStarting(group, operation);
        }
        catch (Exception)
        {
            // Nor is an observer's.
        }

        _start = Stopwatch.GetTimestamp();
    }

    /// <summary>Whether anybody wants to know of a group's operations.</summary>
    internal static bool IsWanted(DistributedGroup group) =>
        group.OperationObserver is not null || CollectiveMetrics.AreOperationsHeard || CollectiveTraces.AreHeard;

    /// <summary>The operation is about to be issued.</summary>
    /// <param name="group">The group.</param>
    /// <param name="observed">The operation; the default value: nobody has wanted to know of it.</param>
    internal static Observation Begin(DistributedGroup group, in ObservedOperation observed) =>
        observed.Name is not null && IsWanted(group) ? new Observation(group, observed) : default;

    /// <summary>The operation has ended.</summary>
    internal void End(DistributedGroup group, Exception? failure)
    {
        if (_start != 0)
        {
            Report(group, Stopwatch.GetElapsedTime(_start), failure);
        }
    }

    /// <summary>A group was formed.</summary>
    internal static void Formed(DistributedGroup group, TimeSpan duration)
    {
        Guard((group, duration), static formed => CollectiveMetrics.GroupFormed(formed.group, formed.duration));
        Guard((group, duration), static formed => CollectiveTraces.GroupFormed(formed.group, formed.duration));
        Tell(
            group.Observer,
            (group, duration),
            static (observer, formed) => observer.GroupFormed(formed.group, formed.duration)
        );
    }

    /// <summary>A group could not be formed.</summary>
    /// <param name="observer">Who is told.</param>
    /// <param name="name">The name that the group would have had.</param>
    /// <param name="failure">Why.</param>
    /// <param name="duration">How long the attempt took.</param>
    internal static void FormingFailed(CollectiveObserver? observer, string? name, Exception failure, TimeSpan duration)
    {
        Guard(
            (name, failure, duration),
            static failed => CollectiveMetrics.FormingFailed(failed.name, failed.failure, failed.duration)
        );
        Guard(
            (name, failure, duration),
            static failed => CollectiveTraces.FormingFailed(failed.name, failed.failure, failed.duration)
        );
        Tell(
            observer,
            (failure, duration),
            static (observer, failed) => observer.FormingFailed(failed.failure, failed.duration)
        );
    }

    /// <summary>A failure has ended a group.</summary>
    internal static void Faulted(DistributedGroup group, Exception failure)
    {
        Guard((group, failure), static fault => CollectiveMetrics.GroupFaulted(fault.group, fault.failure));
        Tell(
            group.Observer,
            (group, failure),
            static (observer, fault) => observer.GroupFaulted(fault.group, fault.failure)
        );
    }

    /// <summary>A group was disposed.</summary>
    internal static void Disposed(DistributedGroup group) =>
        Tell(group.Observer, group, static (observer, group) => observer.GroupDisposed(group));

    /// <summary>Tells an observer of something.</summary>
    internal static void Tell<TState>(
        CollectiveObserver? observer,
        TState state,
        Action<CollectiveObserver, TState> what
    )
    {
        if (observer is not null)
        {
            Guard((observer, state, what), static told => told.what(told.observer, told.state));
        }
    }

    // An observer's failure is not the group's, nor is that of somebody who listens.
    private static void Guard<TState>(TState state, Action<TState> what)
    {
        try
        {
            what(state);
        }
        catch (Exception)
        {
            // Dropped.
        }
    }

    // In reverse, as scopes end.
    private void Report(DistributedGroup group, TimeSpan duration, Exception? failure)
    {
        try
        {
            _observer?.OperationEnded(group, _operation, _state, duration, failure);
        }
        catch (Exception)
        {
            // An observer's failure is not the group's.
        }

        try
        {
            if (CollectiveMetrics.AreOperationsHeard)
            {
                CollectiveMetrics.OperationEnded(group, _operation, duration, failure);
            }
        }
        catch (Exception)
        {
            // Nor is that of somebody who listens to the meter.
        }

        if (_activity is not null)
        {
            Guard(
                (_activity, _operation.IsAsynchronous, failure),
                static ended => CollectiveTraces.OperationEnded(ended._activity, ended.IsAsynchronous, ended.failure)
            );
        }
    }
}
