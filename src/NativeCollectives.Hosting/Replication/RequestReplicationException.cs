namespace NativeCollectives.Hosting;

/// <summary>A rank has ended the replication of requests: it failed, or left before the end.</summary>
/// <remarks>
/// A rank that is lost, not able to say anything, makes a <see cref="CollectiveException"/> instead, such as
/// <see cref="PeerLostException"/>.
/// </remarks>
public sealed class RequestReplicationException : Exception
{
    /// <summary>An exception with a message of its type.</summary>
    public RequestReplicationException()
        : base("A rank has ended the replication of requests.") { }

    /// <summary>An exception with a message.</summary>
    /// <param name="message">What happened.</param>
    public RequestReplicationException(string message)
        : base(message) { }

    /// <summary>An exception with a message and a cause.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">What caused it.</param>
    public RequestReplicationException(string message, Exception? innerException)
        : base(message, innerException) { }

    /// <summary>The rank that has ended it; -1 if it is not known.</summary>
    public int Rank { get; init; } = -1;
}
