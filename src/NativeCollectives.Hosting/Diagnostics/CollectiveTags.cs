using System.Globalization;

namespace NativeCollectives.Hosting;

/// <summary>The attributes of metrics and traces.</summary>
internal static class CollectiveTags
{
    internal const string Backend = "collectives.backend";
    internal const string Group = "collectives.group";
    internal const string Operation = "collectives.operation";
    internal const string DataType = "collectives.data_type";
    internal const string Direction = "collectives.direction";
    internal const string Rank = "collectives.rank";
    internal const string Size = "collectives.size";
    internal const string SentBytes = "collectives.sent_bytes";
    internal const string ReceivedBytes = "collectives.received_bytes";
    internal const string IsAsynchronous = "collectives.asynchronous";
    internal const string ErrorType = "error.type";

    internal const string Sent = "sent";
    internal const string Received = "received";

    private static readonly Dictionary<CollectiveDataType, string> _dataTypes = Enum.GetValues<CollectiveDataType>()
        .ToDictionary(static type => type, static type => type.ToString().ToLower(CultureInfo.InvariantCulture));

    /// <summary>Which kind of group it is: one that was formed by itself, or one split from another.</summary>
    internal static string GroupOf(DistributedGroup group) => group.IsSplit ? "split" : "main";

    /// <summary>The name of an element type, such as <c>float32</c>; the same text each time.</summary>
    internal static string NameOf(CollectiveDataType type) => _dataTypes.GetValueOrDefault(type, "unknown");

    /// <summary>The type of an error: the name of the exception's class.</summary>
    internal static string ErrorTypeOf(Exception failure) => failure.GetType().FullName ?? failure.GetType().Name;

    /// <summary>The backend that a failure is of; <c>none</c> if none was chosen yet.</summary>
    internal static string BackendOf(Exception failure) =>
        failure is CollectiveException { Backend.Length: > 0 } collective ? collective.Backend : "none";
}
