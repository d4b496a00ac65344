namespace NativeCollectives;

/// <summary>An operation did not complete before its deadline.</summary>
/// <remarks>The group is faulted, because the ranks are no longer in step.</remarks>
public sealed class CollectiveTimeoutException : CollectiveException
{
    /// <summary>An exception with a message of its type.</summary>
    public CollectiveTimeoutException()
        : base("The operation timed out.") { }

    /// <summary>An exception with a message.</summary>
    /// <param name="message">What happened.</param>
    public CollectiveTimeoutException(string message)
        : base(message) { }

    /// <summary>An exception with a message and a cause.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">What caused it, if it has another cause.</param>
    public CollectiveTimeoutException(string message, Exception? innerException)
        : base(message, innerException) { }

    internal CollectiveTimeoutException(string message, Exception? innerException, in FailureDetails details)
        : base(message, innerException, details) { }
}
