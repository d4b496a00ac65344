namespace NativeCollectives;

/// <summary>
/// A backend cannot be used: its library or one that it needs cannot be loaded here, or a setting that it needs is
/// missing.
/// </summary>
/// <remarks>
/// The message says what is missing and where it was looked for;
/// <see cref="DistributedGroup.IsAvailable(BackendKind, out string?)"/> tells the first part beforehand.
/// </remarks>
public sealed class BackendUnavailableException : CollectiveException
{
    /// <summary>An exception with a message of its type.</summary>
    public BackendUnavailableException()
        : base("No backend is available.") { }

    /// <summary>An exception with a message.</summary>
    /// <param name="message">What happened.</param>
    public BackendUnavailableException(string message)
        : base(message) { }

    /// <summary>An exception with a message and a cause.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">What caused it, if it has another cause.</param>
    public BackendUnavailableException(string message, Exception? innerException)
        : base(message, innerException) { }

    internal BackendUnavailableException(string message, Exception? innerException, in FailureDetails details)
        : base(message, innerException, details) { }
}
