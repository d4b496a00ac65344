using System.Globalization;

namespace NativeCollectives;

/// <summary>The attributes of metrics and traces.</summary>
internal static class CollectiveTags
{
    internal const string Backend = "collective.backend";
    internal const string GroupKind = "collective.group.kind";
    internal const string GroupName = "collective.group.name";
    internal const string GroupRank = "collective.group.rank";
    internal const string GroupSize = "collective.group.size";
    internal const string OperationName = "collective.operation.name";
    internal const string InputSize = "collective.operation.input.size";
    internal const string OutputSize = "collective.operation.output.size";
    internal const string IsAsynchronous = "collective.operation.asynchronous";
    internal const string DataType = "collective.data_type";
    internal const string Direction = "collective.io.direction";
    internal const string ErrorType = "error.type";

    internal const string Transmit = "transmit";
    internal const string Receive = "receive";

    private static readonly Dictionary<CollectiveDataType, string> _dataTypes = Enum.GetValues<CollectiveDataType>()
        .ToDictionary(static type => type, static type => type.ToString().ToLower(CultureInfo.InvariantCulture));

    /// <summary>Which kind of group it is: one that was formed by itself, or one split from another.</summary>
    internal static string KindOf(DistributedGroup group) => group.IsSplit ? "split" : "main";

    /// <summary>The name of an element type, such as <c>float32</c>; the same text each time.</summary>
    internal static string NameOf(CollectiveDataType type) => _dataTypes.GetValueOrDefault(type, "unknown");

    /// <summary>The type of an error: the name of the exception's class.</summary>
    internal static string ErrorTypeOf(Exception failure) => failure.GetType().FullName ?? failure.GetType().Name;

    /// <summary>The backend that a failure is of; <c>none</c> if none was chosen yet.</summary>
    internal static string BackendOf(Exception failure) =>
        failure is CollectiveException { Backend.Length: > 0 } collective ? collective.Backend : "none";
}
