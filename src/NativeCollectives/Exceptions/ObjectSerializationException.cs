namespace NativeCollectives;

/// <summary>
/// An object could not be serialized on some rank. All ranks that take part in the operation throw this; the group
/// stays usable.
/// </summary>
public sealed class ObjectSerializationException : Exception
{
    /// <summary>An exception with a message of its type.</summary>
    public ObjectSerializationException()
        : this("An object could not be serialized.") { }

    /// <summary>An exception with a message.</summary>
    /// <param name="message">What happened.</param>
    public ObjectSerializationException(string message)
        : this(message, null) { }

    /// <summary>An exception with a message and a cause.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">What the serializer threw, on the rank where it did.</param>
    public ObjectSerializationException(string message, Exception? innerException)
        : base(message, innerException) { }

    /// <summary>The rank whose object it was.</summary>
    public int Rank { get; init; } = -1;
}
