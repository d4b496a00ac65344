namespace NativeCollectives;

/// <summary>A peer died or left the group within an operation.</summary>
/// <remarks>The group is faulted on every rank. A new one can be formed at once on the same addresses.</remarks>
public sealed class PeerLostException : CollectiveException
{
    /// <summary>An exception with a message of its type.</summary>
    public PeerLostException()
        : base("A peer was lost.") { }

    /// <summary>An exception with a message.</summary>
    /// <param name="message">What happened.</param>
    public PeerLostException(string message)
        : base(message) { }

    /// <summary>An exception with a message and a cause.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">What caused it, if it has another cause.</param>
    public PeerLostException(string message, Exception? innerException)
        : base(message, innerException) { }

    internal PeerLostException(string message, Exception? innerException, in FailureDetails details)
        : base(message, innerException, details) { }
}
