namespace NativeCollectives.Hosting;

/// <summary>Several observers as one. What one of them throws does not keep the others from being told.</summary>
internal sealed class CollectiveObservers(IReadOnlyList<CollectiveObserver> observers) : CollectiveObserver
{
    internal override bool WantsOperations => observers.Any(static observer => observer.WantsOperations);

    public override void GroupFormed(DistributedGroup group, TimeSpan duration) =>
        Tell((group, duration), static (observer, what) => observer.GroupFormed(what.group, what.duration));

    public override void FormingFailed(Exception failure, TimeSpan duration) =>
        Tell((failure, duration), static (observer, what) => observer.FormingFailed(what.failure, what.duration));

    public override object? OperationStarting(DistributedGroup group, in ObservedOperation operation)
    {
        // Most observers have no state, and often none has.
        object?[]? states = null;
        for (int index = 0; index < observers.Count; index++)
        {
            object? state = null;
            try
            {
                state = observers[index].OperationStarting(group, operation);
            }
            catch (Exception)
            {
                // An observer's failure is nobody else's.
            }

            if (state is not null)
            {
                (states ??= new object?[observers.Count])[index] = state;
            }
        }

        return states;
    }

    public override void OperationEnded(
        DistributedGroup group,
        in ObservedOperation operation,
        object? state,
        TimeSpan duration,
        Exception? failure
    )
    {
        var states = (object?[]?)state;

        // In reverse, as scopes end.
        for (int index = observers.Count - 1; index >= 0; index--)
        {
            try
            {
                observers[index].OperationEnded(group, operation, states?[index], duration, failure);
            }
            catch (Exception)
            {
                // An observer's failure is nobody else's.
            }
        }
    }

    public override void GroupFaulted(DistributedGroup group, Exception failure) =>
        Tell((group, failure), static (observer, what) => observer.GroupFaulted(what.group, what.failure));

    public override void GroupDisposed(DistributedGroup group) =>
        Tell(group, static (observer, what) => observer.GroupDisposed(what));

    private void Tell<TWhat>(TWhat what, Action<CollectiveObserver, TWhat> tell)
    {
        foreach (CollectiveObserver observer in observers)
        {
            Observation.Tell(observer, what, tell);
        }
    }
}
