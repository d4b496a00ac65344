namespace NativeCollectives;

/// <summary>The ranks issued different operations, counts or element types.</summary>
/// <remarks>The group is faulted, because the ranks are no longer in step.</remarks>
public sealed class CollectiveMismatchException : CollectiveException
{
    /// <summary>An exception with a message of its type.</summary>
    public CollectiveMismatchException()
        : base("The ranks issued different operations.")
    {
    }

    /// <summary>An exception with a message.</summary>
    /// <param name="message">What happened.</param>
    public CollectiveMismatchException(string message)
        : base(message)
    {
    }

    /// <summary>An exception with a message and a cause.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">What caused it, if it has another cause.</param>
    public CollectiveMismatchException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    internal CollectiveMismatchException(string message, Exception? innerException, in FailureDetails details)
        : base(message, innerException, details)
    {
    }
}
