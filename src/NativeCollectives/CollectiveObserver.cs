namespace NativeCollectives;

/// <summary>
/// Is told what a group and the groups split from it do: for logs and a program's own statistics. A derived class
/// overrides what it wants to know.
/// </summary>
/// <remarks>
/// The methods are called from any thread, from several at once, and must neither block nor use the group. What they
/// throw is dropped. Metrics and traces need no observer: see <see cref="CollectiveTelemetry"/>. What they cannot
/// give, an observer gets: the group itself, the sizes of each operation, and the exceptions.
/// </remarks>
public abstract class CollectiveObserver
{
    /// <summary>Whether it is to be told of operations, which costs each of them some time.</summary>
    internal virtual bool WantsOperations => true;

    /// <summary>A group was formed: by creation, or by a split.</summary>
    /// <param name="group">The group.</param>
    /// <param name="duration">How long forming it took, from the call that asked for it.</param>
    public virtual void GroupFormed(DistributedGroup group, TimeSpan duration) { }

    /// <summary>A group could not be created. Failed splits are operations that failed.</summary>
    /// <param name="failure">What the caller gets thrown.</param>
    /// <param name="duration">How long the attempt took.</param>
    public virtual void FormingFailed(Exception failure, TimeSpan duration) { }

    /// <summary>An operation with valid arguments is about to be issued, on the caller's thread.</summary>
    /// <param name="group">The group.</param>
    /// <param name="operation">The operation.</param>
    /// <returns>Anything; <see cref="OperationEnded"/> gets it back.</returns>
    public virtual object? OperationStarting(DistributedGroup group, in ObservedOperation operation) => null;

    /// <summary>
    /// An operation has ended, well or not. Those on a caller's CUDA stream have ended when they are on the stream.
    /// </summary>
    /// <param name="group">The group.</param>
    /// <param name="operation">The operation.</param>
    /// <param name="state">What <see cref="OperationStarting"/> returned.</param>
    /// <param name="duration">The time since then.</param>
    /// <param name="failure">What the caller gets thrown; <see langword="null"/> if all is well.</param>
    public virtual void OperationEnded(
        DistributedGroup group,
        in ObservedOperation operation,
        object? state,
        TimeSpan duration,
        Exception? failure
    ) { }

    /// <summary>
    /// A failure has ended the group: it is faulted from now on. Told once for a group, by the call that found out.
    /// </summary>
    /// <param name="group">The group.</param>
    /// <param name="failure">The first failure.</param>
    public virtual void GroupFaulted(DistributedGroup group, Exception failure) { }

    /// <summary>
    /// The group was disposed. Told once for a group; not if it became unreachable without having been disposed.
    /// </summary>
    /// <param name="group">The group.</param>
    public virtual void GroupDisposed(DistributedGroup group) { }
}
