namespace NativeCollectives;

/// <summary>
/// The group was ended on this rank by <see cref="DistributedGroup.Abort(string?)"/>, or by the cancellation of an
/// operation that was running.
/// </summary>
/// <remarks>
/// The group stays faulted; a new one can be formed at once on the same addresses. Peers learn of it: as a lost peer
/// where the backend cannot tell them more, as with the ring.
/// </remarks>
public sealed class GroupAbortedException : CollectiveException
{
    /// <summary>An exception with a message of its type.</summary>
    public GroupAbortedException()
        : base("The group was aborted.") { }

    /// <summary>An exception with a message.</summary>
    /// <param name="message">What happened.</param>
    public GroupAbortedException(string message)
        : base(message) { }

    /// <summary>An exception with a message and a cause.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">What caused it, if it has another cause.</param>
    public GroupAbortedException(string message, Exception? innerException)
        : base(message, innerException) { }

    internal GroupAbortedException(string message, Exception? innerException, in FailureDetails details)
        : base(message, innerException, details) { }
}
