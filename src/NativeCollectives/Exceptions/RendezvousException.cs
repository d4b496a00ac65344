namespace NativeCollectives;

/// <summary>
/// The group could not be formed: a peer did not come in time, an address cannot be used, or a setting is malformed.
/// </summary>
/// <remarks>Nothing remains of the attempt: the same group can be tried again at once.</remarks>
public sealed class RendezvousException : CollectiveException
{
    /// <summary>An exception with a message of its type.</summary>
    public RendezvousException()
        : base("The group could not be formed.") { }

    /// <summary>An exception with a message.</summary>
    /// <param name="message">What happened.</param>
    public RendezvousException(string message)
        : base(message) { }

    /// <summary>An exception with a message and a cause.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">What caused it, if it has another cause.</param>
    public RendezvousException(string message, Exception? innerException)
        : base(message, innerException) { }

    internal RendezvousException(string message, Exception? innerException, in FailureDetails details)
        : base(message, innerException, details) { }
}
