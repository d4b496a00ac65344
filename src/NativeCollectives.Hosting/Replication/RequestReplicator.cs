using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace NativeCollectives.Hosting;

/// <summary>
/// Brings the requests that rank 0 publishes to every other rank, in order: what the head of a replicated service and
/// its workers do.
/// </summary>
/// <remarks>
/// <para>
/// It works over the operations of a group, and opens nothing of its own. While it exists, nothing else may use that
/// group: <see cref="CreateAsync"/> splits one off.
/// </para>
/// <para>
/// The end is every rank's: when rank 0 completes, the other ranks' enumerations end after the last message. When a
/// rank fails, or leaves before that, rank 0's next publishing throws a <see cref="RequestReplicationException"/>, and
/// so do the other enumerations. When a rank is lost, they throw a <see cref="CollectiveException"/>, such as
/// <see cref="PeerLostException"/>, at once, or at the latest after <see cref="RequestReplicatorOptions.PeerTimeout"/>.
/// Silence is no failure: rank 0 lets itself be heard of when it has nothing to say.
/// </para>
/// <para>
/// A rank that reads slowly slows rank 0 down, and never runs into a timeout. An enumeration that ends early
/// (<see langword="break"/>, an exception, cancellation) means that this rank leaves.
/// </para>
/// <para>What mistral.rs does for its daemons.</para>
/// </remarks>
public sealed class RequestReplicator : IAsyncDisposable
{
    private readonly DistributedGroup _group;
    private readonly bool _ownsGroup;
    private readonly RequestPublisher? _publisher;
    private readonly RequestConsumer? _consumer;
    private Task? _disposal;
    private readonly Lock _lock = new();

    /// <summary>
    /// Begins on a group of which this is the only use. Every rank of it makes one, within
    /// <see cref="RequestReplicatorOptions.PeerTimeout"/> of each other.
    /// </summary>
    /// <param name="group">The group.</param>
    /// <param name="ownsGroup">Whether the group is disposed with this object.</param>
    /// <param name="options">The limits, alike on every rank; <see langword="null"/>: the defaults.</param>
    /// <exception cref="ArgumentNullException"><paramref name="group"/> is <see langword="null"/>.</exception>
    /// <exception cref="ArgumentException">An option's value is impossible.</exception>
    public RequestReplicator(DistributedGroup group, bool ownsGroup, RequestReplicatorOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(group);
        RequestReplicatorOptions limits = (options ?? new RequestReplicatorOptions()).Checked();
        _group = group;
        _ownsGroup = ownsGroup;
        if (group.Rank == ReplicationRounds.Publisher)
        {
            _publisher = new RequestPublisher(group, limits);
        }
        else
        {
            _consumer = new RequestConsumer(group, limits);
        }
    }

    /// <summary>Whether this rank publishes: it is rank 0. The others read.</summary>
    public bool IsPublisher => _publisher is not null;

    /// <summary>
    /// Begins on a group of its own, split off from one that stays free for other operations. Every rank calls it, as
    /// one of its operations on the group.
    /// </summary>
    /// <param name="group">The group.</param>
    /// <param name="options">The limits, alike on every rank; <see langword="null"/>: the defaults.</param>
    /// <param name="cancellationToken">Ends the attempt; once it runs, the group with it.</param>
    /// <returns>The replicator, which owns the group that was split off.</returns>
    /// <exception cref="ArgumentException">An option's value is impossible.</exception>
    /// <exception cref="NotSupportedException">
    /// The group's backend cannot split it. A group that is formed for this use alone can be handed to the constructor.
    /// </exception>
    /// <exception cref="CollectiveException">The split failed.</exception>
    public static async Task<RequestReplicator> CreateAsync(
        DistributedGroup group,
        RequestReplicatorOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(group);
        RequestReplicatorOptions limits = (options ?? new RequestReplicatorOptions()).Checked();
        DistributedGroup own = await group.SplitAsync(0, cancellationToken: cancellationToken).ConfigureAwait(false);
        return new RequestReplicator(own, ownsGroup: true, limits);
    }

    /// <summary>Publishes a message. Calls from several threads publish one after the other.</summary>
    /// <param name="message">
    /// The message, of at most <see cref="RequestReplicatorOptions.MaxMessageBytes"/>; it must stay as it is until the
    /// task has completed.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the wait for the own turn and for room at the others; a message that is on its way is published.
    /// </param>
    /// <returns>A task that completes when the message was sent.</returns>
    /// <exception cref="InvalidOperationException">
    /// This is not rank 0, or <see cref="CompleteAsync"/> was called.
    /// </exception>
    /// <exception cref="ArgumentException">The message is too large. Nothing is published.</exception>
    /// <exception cref="RequestReplicationException">A rank has failed or left.</exception>
    /// <exception cref="CollectiveException">A rank was lost.</exception>
    public Task PublishAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken = default) =>
        Publisher.PublishAsync(message, cancellationToken);

    /// <summary>Publishes an object as JSON.</summary>
    /// <typeparam name="T">The object's type.</typeparam>
    /// <param name="message">The object.</param>
    /// <param name="type">How it is written.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <inheritdoc cref="PublishAsync(ReadOnlyMemory{byte}, CancellationToken)"/>
    public Task PublishJsonAsync<T>(T message, JsonTypeInfo<T> type, CancellationToken cancellationToken = default) =>
        PublishAsync(JsonSerializer.SerializeToUtf8Bytes(message, type), cancellationToken);

    /// <summary>Publishes an object as JSON.</summary>
    /// <typeparam name="T">The object's type.</typeparam>
    /// <param name="message">The object.</param>
    /// <param name="options">
    /// How it is written; <see langword="null"/>: as <see cref="JsonSerializerOptions.Default"/> says.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <inheritdoc cref="PublishAsync(ReadOnlyMemory{byte}, CancellationToken)"/>
    [RequiresUnreferencedCode("A program that is trimmed gives a JsonTypeInfo.")]
    [RequiresDynamicCode("A program that is compiled ahead of time gives a JsonTypeInfo.")]
    public Task PublishJsonAsync<T>(
        T message,
        JsonSerializerOptions? options = null,
        CancellationToken cancellationToken = default
    ) =>
        PublishAsync(
            JsonSerializer.SerializeToUtf8Bytes(message, options ?? JsonSerializerOptions.Default),
            cancellationToken
        );

    /// <summary>The messages in the order in which rank 0 publishes them. They can be enumerated once.</summary>
    /// <param name="cancellationToken">Ends the enumeration, and with it this rank's part.</param>
    /// <returns>The messages; each is the reader's own.</returns>
    /// <exception cref="InvalidOperationException">This is rank 0, or the messages are read already.</exception>
    /// <exception cref="RequestReplicationException">While enumerating: a rank has failed or left.</exception>
    /// <exception cref="CollectiveException">While enumerating: a rank was lost.</exception>
    public IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAllAsync(CancellationToken cancellationToken = default) =>
        Consumer.ReadAllAsync(static message => (ReadOnlyMemory<byte>)message, cancellationToken);

    /// <summary>
    /// The messages as objects, read from JSON. A message that is none ends the enumeration with a
    /// <see cref="JsonException"/>, and with it this rank's part.
    /// </summary>
    /// <typeparam name="T">The objects' type.</typeparam>
    /// <param name="type">How they are read.</param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <returns>The objects.</returns>
    /// <inheritdoc cref="ReadAllAsync(CancellationToken)" path="/exception"/>
    public IAsyncEnumerable<T?> ReadAllJsonAsync<T>(
        JsonTypeInfo<T> type,
        CancellationToken cancellationToken = default
    ) => Consumer.ReadAllAsync(message => JsonSerializer.Deserialize(message, type), cancellationToken);

    /// <summary>
    /// The messages as objects, read from JSON. A message that is none ends the enumeration with a
    /// <see cref="JsonException"/>, and with it this rank's part.
    /// </summary>
    /// <typeparam name="T">The objects' type.</typeparam>
    /// <param name="options">
    /// How they are read; <see langword="null"/>: as <see cref="JsonSerializerOptions.Default"/> says.
    /// </param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <returns>The objects.</returns>
    /// <inheritdoc cref="ReadAllAsync(CancellationToken)" path="/exception"/>
    [RequiresUnreferencedCode("A program that is trimmed gives a JsonTypeInfo.")]
    [RequiresDynamicCode("A program that is compiled ahead of time gives a JsonTypeInfo.")]
    public IAsyncEnumerable<T?> ReadAllJsonAsync<T>(
        JsonSerializerOptions? options = null,
        CancellationToken cancellationToken = default
    ) =>
        Consumer.ReadAllAsync(
            message => JsonSerializer.Deserialize<T>(message, options ?? JsonSerializerOptions.Default),
            cancellationToken
        );

    /// <summary>
    /// Ends this rank's part. On rank 0: after what was published the enumerations of all other ranks end, or, with an
    /// error, throw it. On another rank: this one has failed, or needs no more; rank 0 and the others are told.
    /// </summary>
    /// <param name="error">
    /// What went wrong; its type and message reach the other ranks. <see langword="null"/>: nothing.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that completes when the others were told.</returns>
    /// <exception cref="RequestReplicationException">On rank 0: a rank has failed or left before.</exception>
    /// <exception cref="CollectiveException">On rank 0: a rank was lost.</exception>
    public Task CompleteAsync(Exception? error = null, CancellationToken cancellationToken = default) =>
        _publisher is not null
            ? _publisher.CompleteAsync(error is null ? null : Failures.Reason(error), cancellationToken)
            : Consumer.LeaveAsync(error is null ? "It has left." : Failures.Reason(error), cancellationToken);

    /// <summary>
    /// Ends this rank's part. Rank 0 without <see cref="CompleteAsync"/> counts as failed, and another rank before the
    /// end as having left. Waits for the next round, in which the others learn of it: at most about
    /// <see cref="RequestReplicatorOptions.HeartbeatInterval"/> if they are well, or
    /// <see cref="RequestReplicatorOptions.PeerTimeout"/>.
    /// </summary>
    /// <returns>A task that completes when nothing of it runs any more.</returns>
    public ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            return new ValueTask(_disposal ??= DisposeOnceAsync());
        }
    }

    private RequestPublisher Publisher =>
        _publisher
        ?? throw new InvalidOperationException(
            $"Rank {ReplicationRounds.Publisher} publishes, but this is rank {_group.Rank}."
        );

    private RequestConsumer Consumer =>
        _consumer
        ?? throw new InvalidOperationException(
            $"Rank {ReplicationRounds.Publisher} publishes, and this is it: the other ranks read."
        );

    private async Task DisposeOnceAsync()
    {
        await (_publisher?.DisposeAsync() ?? _consumer!.DisposeAsync()).ConfigureAwait(false);
        if (_ownsGroup)
        {
            await _group.DisposeAsync().ConfigureAwait(false);
        }
    }
}

/// <summary>What one rank tells the others of a failure.</summary>
internal static class Failures
{
    internal static string Reason(Exception failure) => $"{failure.GetType().Name}: {failure.Message}";
}
