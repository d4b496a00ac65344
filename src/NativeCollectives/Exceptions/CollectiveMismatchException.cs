namespace NativeCollectives;

/// <summary>
/// A rank noticed that another one issued a different operation, count, element type, operator or root.
/// </summary>
/// <remarks>
/// <para>
/// Not every difference is noticed. The operations that MLX does not have (all but all-reduce sum, maximum and minimum,
/// all-gather, send and receive) begin with a header between ranks of this library, on the ring and on JACCL, and a
/// difference in it is this exception on the rank that reads it. Other ranks may get a <see cref="PeerLostException"/>
/// instead. MLX's own operations carry no header: on the ring a difference is not noticed at all, and results may be
/// wrong; on JACCL it is noticed only if messages differ in length. NCCL notices none. The page docs/ring.md of the
/// project lists what goes wrong without an error.
/// </para>
/// <para>The group is faulted, because the ranks are no longer in step.</para>
/// </remarks>
public sealed class CollectiveMismatchException : CollectiveException
{
    /// <summary>An exception with a message of its type.</summary>
    public CollectiveMismatchException()
        : base("The ranks issued different operations.") { }

    /// <summary>An exception with a message.</summary>
    /// <param name="message">What happened.</param>
    public CollectiveMismatchException(string message)
        : base(message) { }

    /// <summary>An exception with a message and a cause.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">What caused it, if it has another cause.</param>
    public CollectiveMismatchException(string message, Exception? innerException)
        : base(message, innerException) { }

    internal CollectiveMismatchException(string message, Exception? innerException, in FailureDetails details)
        : base(message, innerException, details) { }
}
