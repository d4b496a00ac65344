using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace NativeCollectives;

/// <summary>
/// Collective operations on objects of any type that <see cref="JsonSerializer"/> serializes: for what is small and
/// seldom, such as settings and results.
/// </summary>
/// <remarks>
/// Every rank calls the same method with the same type and limit. Each is made of two operations, of which the first
/// tells the lengths. On a ring and with JACCL all ranks are of this library.
/// </remarks>
public static class ObjectCollectives
{
    private const int DefaultObjectLimit = 64 << 20;
    private const string NeedsReflection = "Serializes by reflection. The overload that takes a JsonTypeInfo does not.";

    /// <summary>Gives the root's object to all ranks, as JSON.</summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="value">At the root the object; elsewhere it is not used.</param>
    /// <param name="root">The rank whose object all get.</param>
    /// <param name="options">How it is serialized; <see langword="null"/>: the serializer's defaults.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <returns>The root's object, on every rank a copy of its own.</returns>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A rank does not exist, or <paramref name="timeout"/> is not positive and finite.
    /// </exception>
    /// <exception cref="ObjectSerializationException">
    /// An object could not be serialized on some rank, or is longer than the limit. The group stays usable.
    /// </exception>
    /// <exception cref="JsonException">What came is no <typeparamref name="T"/>.</exception>
    /// <exception cref="NotSupportedException">The group's backend cannot do this. The group stays usable.</exception>
    /// <exception cref="ObjectDisposedException">The group has been disposed, before or meanwhile.</exception>
    /// <exception cref="CollectiveException">
    /// The operation failed and ended the group, or an earlier one had: the derived type tells how.
    /// </exception>
    /// <remarks>torch.distributed's <c>broadcast_object_list</c>.</remarks>
    [RequiresUnreferencedCode(NeedsReflection)]
    [RequiresDynamicCode(NeedsReflection)]
    public static T BroadcastObject<T>(
        this DistributedGroup group,
        T? value,
        int root,
        JsonSerializerOptions? options = null,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null
    ) =>
        Objects(group, TypeInfo<T>(options), limit, timeout, false, default)
            .Broadcast(value, root)
            .GetAwaiter()
            .GetResult();

    /// <summary>Gives the root's object to all ranks, as JSON.</summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="value">At the root the object; elsewhere it is not used.</param>
    /// <param name="root">The rank whose object all get.</param>
    /// <param name="typeInfo">How it is serialized: of a source-generated context, for trimming and AOT.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <returns>The root's object, on every rank a copy of its own.</returns>
    /// <inheritdoc
    ///     cref="BroadcastObject{T}(DistributedGroup, T, int, JsonSerializerOptions?, int, TimeSpan?)"
    ///     path="/exception"/>
    public static T BroadcastObject<T>(
        this DistributedGroup group,
        T? value,
        int root,
        JsonTypeInfo<T> typeInfo,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null
    ) => Objects(group, typeInfo, limit, timeout, false, default).Broadcast(value, root).GetAwaiter().GetResult();

    /// <summary>
    /// Issues
    /// <see cref="BroadcastObject{T}(DistributedGroup, T, int, JsonSerializerOptions?, int, TimeSpan?)"/>
    /// and returns.
    /// </summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="value">At the root the object; elsewhere it is not used.</param>
    /// <param name="root">The rank whose object all get.</param>
    /// <param name="options">How it is serialized; <see langword="null"/>: the serializer's defaults.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>The root's object, on every rank a copy of its own.</returns>
    /// <inheritdoc
    ///     cref="BroadcastObject{T}(DistributedGroup, T, int, JsonSerializerOptions?, int, TimeSpan?)"
    ///     path="/exception"/>
    [RequiresUnreferencedCode(NeedsReflection)]
    [RequiresDynamicCode(NeedsReflection)]
    public static Task<T> BroadcastObjectAsync<T>(
        this DistributedGroup group,
        T? value,
        int root,
        JsonSerializerOptions? options = null,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    ) => Objects(group, TypeInfo<T>(options), limit, timeout, true, cancellationToken).Broadcast(value, root).AsTask();

    /// <summary>
    /// Issues
    /// <see cref="BroadcastObject{T}(DistributedGroup, T, int, JsonSerializerOptions?, int, TimeSpan?)"/>
    /// and returns.
    /// </summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="value">At the root the object; elsewhere it is not used.</param>
    /// <param name="root">The rank whose object all get.</param>
    /// <param name="typeInfo">How it is serialized: of a source-generated context, for trimming and AOT.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>The root's object, on every rank a copy of its own.</returns>
    /// <inheritdoc
    ///     cref="BroadcastObject{T}(DistributedGroup, T, int, JsonSerializerOptions?, int, TimeSpan?)"
    ///     path="/exception"/>
    public static Task<T> BroadcastObjectAsync<T>(
        this DistributedGroup group,
        T? value,
        int root,
        JsonTypeInfo<T> typeInfo,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    ) => Objects(group, typeInfo, limit, timeout, true, cancellationToken).Broadcast(value, root).AsTask();

    /// <summary>Gathers the ranks' objects, as JSON; every rank gets all.</summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="value">This rank's object.</param>
    /// <param name="options">How it is serialized; <see langword="null"/>: the serializer's defaults.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <returns>The objects, by rank.</returns>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A rank does not exist, or <paramref name="timeout"/> is not positive and finite.
    /// </exception>
    /// <exception cref="ObjectSerializationException">
    /// An object could not be serialized on some rank, or is longer than the limit. The group stays usable.
    /// </exception>
    /// <exception cref="JsonException">What came is no <typeparamref name="T"/>.</exception>
    /// <exception cref="NotSupportedException">The group's backend cannot do this. The group stays usable.</exception>
    /// <exception cref="ObjectDisposedException">The group has been disposed, before or meanwhile.</exception>
    /// <exception cref="CollectiveException">
    /// The operation failed and ended the group, or an earlier one had: the derived type tells how.
    /// </exception>
    /// <remarks>torch.distributed's <c>all_gather_object</c>.</remarks>
    [RequiresUnreferencedCode(NeedsReflection)]
    [RequiresDynamicCode(NeedsReflection)]
    public static T[] AllGatherObject<T>(
        this DistributedGroup group,
        T value,
        JsonSerializerOptions? options = null,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null
    ) => Objects(group, TypeInfo<T>(options), limit, timeout, false, default).AllGather(value).GetAwaiter().GetResult();

    /// <summary>Gathers the ranks' objects, as JSON; every rank gets all.</summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="value">This rank's object.</param>
    /// <param name="typeInfo">How it is serialized: of a source-generated context, for trimming and AOT.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <returns>The objects, by rank.</returns>
    /// <inheritdoc
    ///     cref="AllGatherObject{T}(DistributedGroup, T, JsonSerializerOptions?, int, TimeSpan?)"
    ///     path="/exception"/>
    public static T[] AllGatherObject<T>(
        this DistributedGroup group,
        T value,
        JsonTypeInfo<T> typeInfo,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null
    ) => Objects(group, typeInfo, limit, timeout, false, default).AllGather(value).GetAwaiter().GetResult();

    /// <summary>
    /// Issues
    /// <see cref="AllGatherObject{T}(DistributedGroup, T, JsonSerializerOptions?, int, TimeSpan?)"/>
    /// and returns.
    /// </summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="value">This rank's object.</param>
    /// <param name="options">How it is serialized; <see langword="null"/>: the serializer's defaults.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>The objects, by rank.</returns>
    /// <inheritdoc
    ///     cref="AllGatherObject{T}(DistributedGroup, T, JsonSerializerOptions?, int, TimeSpan?)"
    ///     path="/exception"/>
    [RequiresUnreferencedCode(NeedsReflection)]
    [RequiresDynamicCode(NeedsReflection)]
    public static Task<T[]> AllGatherObjectAsync<T>(
        this DistributedGroup group,
        T value,
        JsonSerializerOptions? options = null,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    ) => Objects(group, TypeInfo<T>(options), limit, timeout, true, cancellationToken).AllGather(value).AsTask();

    /// <summary>
    /// Issues
    /// <see cref="AllGatherObject{T}(DistributedGroup, T, JsonSerializerOptions?, int, TimeSpan?)"/>
    /// and returns.
    /// </summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="value">This rank's object.</param>
    /// <param name="typeInfo">How it is serialized: of a source-generated context, for trimming and AOT.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>The objects, by rank.</returns>
    /// <inheritdoc
    ///     cref="AllGatherObject{T}(DistributedGroup, T, JsonSerializerOptions?, int, TimeSpan?)"
    ///     path="/exception"/>
    public static Task<T[]> AllGatherObjectAsync<T>(
        this DistributedGroup group,
        T value,
        JsonTypeInfo<T> typeInfo,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    ) => Objects(group, typeInfo, limit, timeout, true, cancellationToken).AllGather(value).AsTask();

    /// <summary>Gathers the ranks' objects at the root, as JSON.</summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="value">This rank's object.</param>
    /// <param name="root">The rank that gets them.</param>
    /// <param name="options">How it is serialized; <see langword="null"/>: the serializer's defaults.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <returns>At the root the objects, by rank; elsewhere <see langword="null"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A rank does not exist, or <paramref name="timeout"/> is not positive and finite.
    /// </exception>
    /// <exception cref="ObjectSerializationException">
    /// An object could not be serialized on some rank, or is longer than the limit. The group stays usable.
    /// </exception>
    /// <exception cref="JsonException">What came is no <typeparamref name="T"/>.</exception>
    /// <exception cref="NotSupportedException">The group's backend cannot do this. The group stays usable.</exception>
    /// <exception cref="ObjectDisposedException">The group has been disposed, before or meanwhile.</exception>
    /// <exception cref="CollectiveException">
    /// The operation failed and ended the group, or an earlier one had: the derived type tells how.
    /// </exception>
    /// <remarks>torch.distributed's <c>gather_object</c>.</remarks>
    [RequiresUnreferencedCode(NeedsReflection)]
    [RequiresDynamicCode(NeedsReflection)]
    public static T[]? GatherObject<T>(
        this DistributedGroup group,
        T value,
        int root,
        JsonSerializerOptions? options = null,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null
    ) =>
        Objects(group, TypeInfo<T>(options), limit, timeout, false, default)
            .Gather(value, root)
            .GetAwaiter()
            .GetResult();

    /// <summary>Gathers the ranks' objects at the root, as JSON.</summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="value">This rank's object.</param>
    /// <param name="root">The rank that gets them.</param>
    /// <param name="typeInfo">How it is serialized: of a source-generated context, for trimming and AOT.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <returns>At the root the objects, by rank; elsewhere <see langword="null"/>.</returns>
    /// <inheritdoc
    ///     cref="GatherObject{T}(DistributedGroup, T, int, JsonSerializerOptions?, int, TimeSpan?)"
    ///     path="/exception"/>
    public static T[]? GatherObject<T>(
        this DistributedGroup group,
        T value,
        int root,
        JsonTypeInfo<T> typeInfo,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null
    ) => Objects(group, typeInfo, limit, timeout, false, default).Gather(value, root).GetAwaiter().GetResult();

    /// <summary>
    /// Issues
    /// <see cref="GatherObject{T}(DistributedGroup, T, int, JsonSerializerOptions?, int, TimeSpan?)"/>
    /// and returns.
    /// </summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="value">This rank's object.</param>
    /// <param name="root">The rank that gets them.</param>
    /// <param name="options">How it is serialized; <see langword="null"/>: the serializer's defaults.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>At the root the objects, by rank; elsewhere <see langword="null"/>.</returns>
    /// <inheritdoc
    ///     cref="GatherObject{T}(DistributedGroup, T, int, JsonSerializerOptions?, int, TimeSpan?)"
    ///     path="/exception"/>
    [RequiresUnreferencedCode(NeedsReflection)]
    [RequiresDynamicCode(NeedsReflection)]
    public static Task<T[]?> GatherObjectAsync<T>(
        this DistributedGroup group,
        T value,
        int root,
        JsonSerializerOptions? options = null,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    ) => Objects(group, TypeInfo<T>(options), limit, timeout, true, cancellationToken).Gather(value, root).AsTask();

    /// <summary>
    /// Issues
    /// <see cref="GatherObject{T}(DistributedGroup, T, int, JsonSerializerOptions?, int, TimeSpan?)"/>
    /// and returns.
    /// </summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="value">This rank's object.</param>
    /// <param name="root">The rank that gets them.</param>
    /// <param name="typeInfo">How it is serialized: of a source-generated context, for trimming and AOT.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>At the root the objects, by rank; elsewhere <see langword="null"/>.</returns>
    /// <inheritdoc
    ///     cref="GatherObject{T}(DistributedGroup, T, int, JsonSerializerOptions?, int, TimeSpan?)"
    ///     path="/exception"/>
    public static Task<T[]?> GatherObjectAsync<T>(
        this DistributedGroup group,
        T value,
        int root,
        JsonTypeInfo<T> typeInfo,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    ) => Objects(group, typeInfo, limit, timeout, true, cancellationToken).Gather(value, root).AsTask();

    /// <summary>Gives every rank one of the root's objects, as JSON.</summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="values">At the root one object for each rank; elsewhere it is not used.</param>
    /// <param name="root">The rank whose objects they are.</param>
    /// <param name="options">How it is serialized; <see langword="null"/>: the serializer's defaults.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <returns>This rank's object.</returns>
    /// <exception cref="ArgumentException">The root does not give one object for each rank.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A rank does not exist, or <paramref name="timeout"/> is not positive and finite.
    /// </exception>
    /// <exception cref="ObjectSerializationException">
    /// An object could not be serialized on some rank, or is longer than the limit. The group stays usable.
    /// </exception>
    /// <exception cref="JsonException">What came is no <typeparamref name="T"/>.</exception>
    /// <exception cref="NotSupportedException">The group's backend cannot do this. The group stays usable.</exception>
    /// <exception cref="ObjectDisposedException">The group has been disposed, before or meanwhile.</exception>
    /// <exception cref="CollectiveException">
    /// The operation failed and ended the group, or an earlier one had: the derived type tells how.
    /// </exception>
    /// <remarks>torch.distributed's <c>scatter_object_list</c>.</remarks>
    [RequiresUnreferencedCode(NeedsReflection)]
    [RequiresDynamicCode(NeedsReflection)]
    public static T ScatterObject<T>(
        this DistributedGroup group,
        IReadOnlyList<T>? values,
        int root,
        JsonSerializerOptions? options = null,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null
    ) =>
        Objects(group, TypeInfo<T>(options), limit, timeout, false, default)
            .Scatter(values, root)
            .GetAwaiter()
            .GetResult();

    /// <summary>Gives every rank one of the root's objects, as JSON.</summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="values">At the root one object for each rank; elsewhere it is not used.</param>
    /// <param name="root">The rank whose objects they are.</param>
    /// <param name="typeInfo">How it is serialized: of a source-generated context, for trimming and AOT.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <returns>This rank's object.</returns>
    /// <inheritdoc
    ///     cref="ScatterObject{T}(DistributedGroup, IReadOnlyList{T}, int, JsonSerializerOptions?, int, TimeSpan?)"
    ///     path="/exception"/>
    public static T ScatterObject<T>(
        this DistributedGroup group,
        IReadOnlyList<T>? values,
        int root,
        JsonTypeInfo<T> typeInfo,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null
    ) => Objects(group, typeInfo, limit, timeout, false, default).Scatter(values, root).GetAwaiter().GetResult();

    /// <summary>
    /// Issues
    /// <see cref="ScatterObject{T}(DistributedGroup, IReadOnlyList{T}, int, JsonSerializerOptions?, int, TimeSpan?)"/>
    /// and
    /// returns.
    /// </summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="values">At the root one object for each rank; elsewhere it is not used.</param>
    /// <param name="root">The rank whose objects they are.</param>
    /// <param name="options">How it is serialized; <see langword="null"/>: the serializer's defaults.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>This rank's object.</returns>
    /// <inheritdoc
    ///     cref="ScatterObject{T}(DistributedGroup, IReadOnlyList{T}, int, JsonSerializerOptions?, int, TimeSpan?)"
    ///     path="/exception"/>
    [RequiresUnreferencedCode(NeedsReflection)]
    [RequiresDynamicCode(NeedsReflection)]
    public static Task<T> ScatterObjectAsync<T>(
        this DistributedGroup group,
        IReadOnlyList<T>? values,
        int root,
        JsonSerializerOptions? options = null,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    ) => Objects(group, TypeInfo<T>(options), limit, timeout, true, cancellationToken).Scatter(values, root).AsTask();

    /// <summary>
    /// Issues
    /// <see cref="ScatterObject{T}(DistributedGroup, IReadOnlyList{T}, int, JsonSerializerOptions?, int, TimeSpan?)"/>
    /// and
    /// returns.
    /// </summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="values">At the root one object for each rank; elsewhere it is not used.</param>
    /// <param name="root">The rank whose objects they are.</param>
    /// <param name="typeInfo">How it is serialized: of a source-generated context, for trimming and AOT.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>This rank's object.</returns>
    /// <inheritdoc
    ///     cref="ScatterObject{T}(DistributedGroup, IReadOnlyList{T}, int, JsonSerializerOptions?, int, TimeSpan?)"
    ///     path="/exception"/>
    public static Task<T> ScatterObjectAsync<T>(
        this DistributedGroup group,
        IReadOnlyList<T>? values,
        int root,
        JsonTypeInfo<T> typeInfo,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    ) => Objects(group, typeInfo, limit, timeout, true, cancellationToken).Scatter(values, root).AsTask();

    /// <summary>
    /// Sends an object to another rank, as JSON, which receives it by
    /// <see cref="ReceiveObject{T}(DistributedGroup, int, JsonSerializerOptions?, int, TimeSpan?)"/>.
    /// </summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="value">The object.</param>
    /// <param name="destination">The rank it goes to.</param>
    /// <param name="options">How it is serialized; <see langword="null"/>: the serializer's defaults.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <exception cref="ArgumentException">The destination is the own rank.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A rank does not exist, or <paramref name="timeout"/> is not positive and finite.
    /// </exception>
    /// <exception cref="ObjectSerializationException">
    /// An object could not be serialized on some rank, or is longer than the limit. The group stays usable.
    /// </exception>
    /// <exception cref="JsonException">What came is no <typeparamref name="T"/>.</exception>
    /// <exception cref="NotSupportedException">The group's backend cannot do this. The group stays usable.</exception>
    /// <exception cref="ObjectDisposedException">The group has been disposed, before or meanwhile.</exception>
    /// <exception cref="CollectiveException">
    /// The operation failed and ended the group, or an earlier one had: the derived type tells how.
    /// </exception>
    /// <remarks>torch.distributed's <c>send_object_list</c>.</remarks>
    [RequiresUnreferencedCode(NeedsReflection)]
    [RequiresDynamicCode(NeedsReflection)]
    public static void SendObject<T>(
        this DistributedGroup group,
        T value,
        int destination,
        JsonSerializerOptions? options = null,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null
    ) =>
        Objects(group, TypeInfo<T>(options), limit, timeout, false, default)
            .Send(value, destination)
            .GetAwaiter()
            .GetResult();

    /// <summary>
    /// Sends an object to another rank, as JSON, which receives it by
    /// <see cref="ReceiveObject{T}(DistributedGroup, int, JsonSerializerOptions?, int, TimeSpan?)"/>.
    /// </summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="value">The object.</param>
    /// <param name="destination">The rank it goes to.</param>
    /// <param name="typeInfo">How it is serialized: of a source-generated context, for trimming and AOT.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc
    ///     cref="SendObject{T}(DistributedGroup, T, int, JsonSerializerOptions?, int, TimeSpan?)"
    ///     path="/exception"/>
    public static void SendObject<T>(
        this DistributedGroup group,
        T value,
        int destination,
        JsonTypeInfo<T> typeInfo,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null
    ) => Objects(group, typeInfo, limit, timeout, false, default).Send(value, destination).GetAwaiter().GetResult();

    /// <summary>
    /// Issues
    /// <see cref="SendObject{T}(DistributedGroup, T, int, JsonSerializerOptions?, int, TimeSpan?)"/>
    /// and returns.
    /// </summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="value">The object.</param>
    /// <param name="destination">The rank it goes to.</param>
    /// <param name="options">How it is serialized; <see langword="null"/>: the serializer's defaults.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>A task that completes when it has been sent.</returns>
    /// <inheritdoc
    ///     cref="SendObject{T}(DistributedGroup, T, int, JsonSerializerOptions?, int, TimeSpan?)"
    ///     path="/exception"/>
    [RequiresUnreferencedCode(NeedsReflection)]
    [RequiresDynamicCode(NeedsReflection)]
    public static Task SendObjectAsync<T>(
        this DistributedGroup group,
        T value,
        int destination,
        JsonSerializerOptions? options = null,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    ) =>
        Objects(group, TypeInfo<T>(options), limit, timeout, true, cancellationToken).Send(value, destination).AsTask();

    /// <summary>
    /// Issues
    /// <see cref="SendObject{T}(DistributedGroup, T, int, JsonSerializerOptions?, int, TimeSpan?)"/>
    /// and returns.
    /// </summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="value">The object.</param>
    /// <param name="destination">The rank it goes to.</param>
    /// <param name="typeInfo">How it is serialized: of a source-generated context, for trimming and AOT.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>A task that completes when it has been sent.</returns>
    /// <inheritdoc
    ///     cref="SendObject{T}(DistributedGroup, T, int, JsonSerializerOptions?, int, TimeSpan?)"
    ///     path="/exception"/>
    public static Task SendObjectAsync<T>(
        this DistributedGroup group,
        T value,
        int destination,
        JsonTypeInfo<T> typeInfo,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    ) => Objects(group, typeInfo, limit, timeout, true, cancellationToken).Send(value, destination).AsTask();

    /// <summary>Receives an object that another rank sends.</summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="source">The rank it comes from.</param>
    /// <param name="options">How it is serialized; <see langword="null"/>: the serializer's defaults.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <returns>The object.</returns>
    /// <exception cref="ArgumentException">The source is the own rank.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A rank does not exist, or <paramref name="timeout"/> is not positive and finite.
    /// </exception>
    /// <exception cref="ObjectSerializationException">
    /// An object could not be serialized on some rank, or is longer than the limit. The group stays usable.
    /// </exception>
    /// <exception cref="JsonException">What came is no <typeparamref name="T"/>.</exception>
    /// <exception cref="NotSupportedException">The group's backend cannot do this. The group stays usable.</exception>
    /// <exception cref="ObjectDisposedException">The group has been disposed, before or meanwhile.</exception>
    /// <exception cref="CollectiveException">
    /// The operation failed and ended the group, or an earlier one had: the derived type tells how.
    /// </exception>
    /// <remarks>torch.distributed's <c>recv_object_list</c>.</remarks>
    [RequiresUnreferencedCode(NeedsReflection)]
    [RequiresDynamicCode(NeedsReflection)]
    public static T ReceiveObject<T>(
        this DistributedGroup group,
        int source,
        JsonSerializerOptions? options = null,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null
    ) => Objects(group, TypeInfo<T>(options), limit, timeout, false, default).Receive(source).GetAwaiter().GetResult();

    /// <summary>Receives an object that another rank sends.</summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="source">The rank it comes from.</param>
    /// <param name="typeInfo">How it is serialized: of a source-generated context, for trimming and AOT.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <returns>The object.</returns>
    /// <inheritdoc
    ///     cref="ReceiveObject{T}(DistributedGroup, int, JsonSerializerOptions?, int, TimeSpan?)"
    ///     path="/exception"/>
    public static T ReceiveObject<T>(
        this DistributedGroup group,
        int source,
        JsonTypeInfo<T> typeInfo,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null
    ) => Objects(group, typeInfo, limit, timeout, false, default).Receive(source).GetAwaiter().GetResult();

    /// <summary>
    /// Issues
    /// <see cref="ReceiveObject{T}(DistributedGroup, int, JsonSerializerOptions?, int, TimeSpan?)"/>
    /// and returns.
    /// </summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="source">The rank it comes from.</param>
    /// <param name="options">How it is serialized; <see langword="null"/>: the serializer's defaults.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>The object.</returns>
    /// <inheritdoc
    ///     cref="ReceiveObject{T}(DistributedGroup, int, JsonSerializerOptions?, int, TimeSpan?)"
    ///     path="/exception"/>
    [RequiresUnreferencedCode(NeedsReflection)]
    [RequiresDynamicCode(NeedsReflection)]
    public static Task<T> ReceiveObjectAsync<T>(
        this DistributedGroup group,
        int source,
        JsonSerializerOptions? options = null,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    ) => Objects(group, TypeInfo<T>(options), limit, timeout, true, cancellationToken).Receive(source).AsTask();

    /// <summary>
    /// Issues
    /// <see cref="ReceiveObject{T}(DistributedGroup, int, JsonSerializerOptions?, int, TimeSpan?)"/>
    /// and returns.
    /// </summary>
    /// <typeparam name="T">The type of the object.</typeparam>
    /// <param name="group">The group.</param>
    /// <param name="source">The rank it comes from.</param>
    /// <param name="typeInfo">How it is serialized: of a source-generated context, for trimming and AOT.</param>
    /// <param name="limit">How many bytes one object may have as JSON; the same on all ranks.</param>
    /// <param name="timeout">
    /// The time limit of each of the operations that this is made of; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>The object.</returns>
    /// <inheritdoc
    ///     cref="ReceiveObject{T}(DistributedGroup, int, JsonSerializerOptions?, int, TimeSpan?)"
    ///     path="/exception"/>
    public static Task<T> ReceiveObjectAsync<T>(
        this DistributedGroup group,
        int source,
        JsonTypeInfo<T> typeInfo,
        int limit = DefaultObjectLimit,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    ) => Objects(group, typeInfo, limit, timeout, true, cancellationToken).Receive(source).AsTask();

    private static ObjectExchange<T> Objects<T>(
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
    private static JsonTypeInfo<T> TypeInfo<T>(JsonSerializerOptions? options) =>
        (JsonTypeInfo<T>)(options ?? JsonSerializerOptions.Default).GetTypeInfo(typeof(T));
}
