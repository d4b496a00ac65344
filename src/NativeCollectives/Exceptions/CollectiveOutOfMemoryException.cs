namespace NativeCollectives;

/// <summary>Native memory, or that of a device, ran out.</summary>
/// <remarks>If it was within an operation, the group is faulted. An allocation that fails harms no group.</remarks>
public sealed class CollectiveOutOfMemoryException : CollectiveException
{
    /// <summary>An exception with a message of its type.</summary>
    public CollectiveOutOfMemoryException()
        : base("There is not enough memory.") { }

    /// <summary>An exception with a message.</summary>
    /// <param name="message">What happened.</param>
    public CollectiveOutOfMemoryException(string message)
        : base(message) { }

    /// <summary>An exception with a message and a cause.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">What caused it, if it has another cause.</param>
    public CollectiveOutOfMemoryException(string message, Exception? innerException)
        : base(message, innerException) { }

    internal CollectiveOutOfMemoryException(string message, Exception? innerException, in FailureDetails details)
        : base(message, innerException, details) { }
}
