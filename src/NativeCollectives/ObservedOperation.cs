namespace NativeCollectives;

/// <summary>What a <see cref="CollectiveObserver"/> is told of an operation.</summary>
/// <param name="Name">Its name, such as <c>AllReduce</c>, as in <see cref="CollectiveException.Operation"/>.</param>
/// <param name="DataType">
/// The element type; <see langword="null"/> where there are no elements, as in a barrier.
/// </param>
/// <param name="SentBytes">The size of what this rank gives, in bytes: its input.</param>
/// <param name="ReceivedBytes">The size of what this rank gets, in bytes: its output.</param>
/// <param name="IsAsynchronous">Whether its caller goes on meanwhile.</param>
public readonly record struct ObservedOperation(
    string Name,
    CollectiveDataType? DataType,
    long SentBytes,
    long ReceivedBytes,
    bool IsAsynchronous
);
