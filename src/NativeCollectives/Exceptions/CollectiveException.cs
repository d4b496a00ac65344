namespace NativeCollectives;

/// <summary>
/// A collective operation, or forming a group, failed. The base of every such failure that is not the caller's mistake.
/// </summary>
/// <remarks>
/// After a failed operation its group is faulted: every later call throws a new exception of the same type, whose
/// <see cref="Exception.InnerException"/> is the first failure. The exception is of this type itself if the operating
/// system, or a library that the backend uses, such as NCCL, the CUDA driver or that of RDMA verbs, refused something;
/// the message holds its own words.
/// </remarks>
public class CollectiveException : Exception
{
    /// <summary>An exception with a message of its type.</summary>
    public CollectiveException()
        : this("A collective operation failed.") { }

    /// <summary>An exception with a message.</summary>
    /// <param name="message">What happened.</param>
    public CollectiveException(string message)
        : this(message, null) { }

    /// <summary>An exception with a message and a cause.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">What caused it, if it has another cause.</param>
    public CollectiveException(string message, Exception? innerException)
        : base(message, innerException) { }

    internal CollectiveException(string message, Exception? innerException, in FailureDetails details)
        : base(message, innerException)
    {
        Backend = details.Backend;
        Rank = details.Rank;
        Peer = details.Peer;
        Operation = details.Operation;
        SequenceNumber = details.SequenceNumber;
        SystemError = details.SystemError;
        BatchIndex = details.BatchIndex;
    }

    /// <summary>The backend's name, such as <c>ring</c>; empty if none was chosen yet.</summary>
    public string Backend { get; init; } = "";

    /// <summary>The own rank; -1 if it was not known yet.</summary>
    public int Rank { get; init; } = -1;

    /// <summary>The rank that is to blame, if the failure could be traced to one.</summary>
    public int? Peer { get; init; }

    /// <summary>The operation that failed, such as <c>AllReduce</c>; <see langword="null"/> if it was none.</summary>
    public string? Operation { get; init; }

    /// <summary>The operation's number within its group, from 1 in the order of issue; 0 if it was none.</summary>
    public long SequenceNumber { get; init; }

    /// <summary>
    /// The place in its <see cref="CollectiveBatch"/> of the operation that failed, from 0; <see langword="null"/> if
    /// it was in none, or the batch failed as a whole.
    /// </summary>
    public int? BatchIndex { get; init; }

    /// <summary>The operating system's error number (<c>errno</c>), if it reported one; otherwise 0.</summary>
    public int SystemError { get; init; }
}
