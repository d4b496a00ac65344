using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace NativeCollectives;

/// <summary>What <see cref="ObjectCollectives"/> begin with.</summary>
internal static class ObjectExchange
{
    internal const int DefaultLimit = 64 << 20;

    internal const string NeedsReflection =
        "Serializes by reflection. The overload that takes a JsonTypeInfo does not.";

    internal static ObjectExchange<T> Of<T>(
        DistributedGroup group,
        JsonTypeInfo<T> type,
        int limit,
        TimeSpan? timeout,
        bool isAsync,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(type);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        return new ObjectExchange<T>(group, type, limit, timeout, isAsync, cancellationToken);
    }

    [RequiresUnreferencedCode(NeedsReflection)]
    [RequiresDynamicCode(NeedsReflection)]
    internal static JsonTypeInfo<T> TypeInfo<T>(JsonSerializerOptions? options) =>
        (JsonTypeInfo<T>)(options ?? JsonSerializerOptions.Default).GetTypeInfo(typeof(T));
}
