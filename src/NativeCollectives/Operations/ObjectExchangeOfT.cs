using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace NativeCollectives;

/// <summary>
/// Objects as JSON, whose lengths the ranks tell each other first. A rank that cannot serialize its object tells why in
/// its place, so that all ranks throw and stay in step.
/// </summary>
/// <typeparam name="T">The type of the objects.</typeparam>
/// <param name="group">The group.</param>
/// <param name="type">How they are serialized.</param>
/// <param name="limit">How many bytes one may have.</param>
/// <param name="timeout">The time limit of each operation.</param>
/// <param name="isAsync">
/// Whether the operations are awaited; otherwise every method here has completed when it returns.
/// </param>
/// <param name="cancellationToken">Ends an operation; not used unless <paramref name="isAsync"/>.</param>
internal sealed class ObjectExchange<T>(
    DistributedGroup group,
    JsonTypeInfo<T> type,
    int limit,
    TimeSpan? timeout,
    bool isAsync,
    CancellationToken cancellationToken
)
{
    private const int LongestReason = 3000; // bytes

    // What becomes of an object: its bytes, or, with a negative length, the reason why there are none.
    private readonly record struct Packed(byte[] Bytes, bool IsFailure, Exception? Failure)
    {
        internal long Length => IsFailure ? -1 - Bytes.Length : Bytes.Length;
    }

    internal ValueTask<T> Broadcast(T? value, int root)
    {
        Check.Root(root, group.Size);
        return BroadcastCore(value, root);
    }

    private async ValueTask<T> BroadcastCore(T? value, int root)
    {
        bool isRoot = group.Rank == root;
        Packed own = isRoot ? Pack(value!) : default;
        long[] length = [isRoot ? own.Length : 0];
        await Broadcast<long>(length, root).ConfigureAwait(false);
        byte[] bytes = isRoot ? own.Bytes : new byte[Size(length[0], root)];
        await Broadcast<byte>(bytes, root).ConfigureAwait(false);
        return length[0] < 0 ? throw NotSerialized(root, bytes, own.Failure) : Unpack(bytes);
    }

    internal async ValueTask<T[]> AllGather(T value)
    {
        Packed own = Pack(value);
        long[] lengths = await Lengths(own.Length).ConfigureAwait(false);
        long[] counts = Counts(lengths);
        byte[] all = new byte[Total(counts)];
        if (isAsync)
        {
            await group.AllGatherAsync<byte>(own.Bytes, all, counts, timeout, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            group.AllGather<byte>(own.Bytes, all, counts, timeout);
        }

        return UnpackAll(lengths, counts, all, own.Failure);
    }

    internal ValueTask<T[]?> Gather(T value, int root)
    {
        Check.Root(root, group.Size);
        return GatherCore(value, root);
    }

    private async ValueTask<T[]?> GatherCore(T value, int root)
    {
        bool isRoot = group.Rank == root;
        Packed own = Pack(value);
        long[] lengths = await Lengths(own.Length).ConfigureAwait(false);
        int failed = Array.FindIndex(lengths, static length => length < 0);
        // Of a failure all are to know the reason.
        if (failed >= 0)
        {
            byte[] reason = failed == group.Rank ? own.Bytes : new byte[Size(lengths[failed], failed)];
            await Broadcast<byte>(reason, failed).ConfigureAwait(false);
            throw NotSerialized(failed, reason, own.Failure);
        }

        long[] counts = Counts(lengths);
        byte[] all = isRoot ? new byte[Total(counts)] : [];
        if (isAsync)
        {
            await group
                .GatherAsync<byte>(own.Bytes, all, isRoot ? counts : default, root, timeout, cancellationToken)
                .ConfigureAwait(false);
        }
        else
        {
            group.Gather<byte>(own.Bytes, all, isRoot ? counts : default, root, timeout);
        }

        return isRoot ? UnpackAll(lengths, counts, all, null) : null;
    }

    internal ValueTask<T> Scatter(IReadOnlyList<T>? values, int root)
    {
        Check.Root(root, group.Size);
        if (group.Rank == root)
        {
            ArgumentNullException.ThrowIfNull(values);
            Check.Length(nameof(values), values.Count, group.Size, "one for each rank of the group");
        }

        return ScatterCore(values, root);
    }

    private async ValueTask<T> ScatterCore(IReadOnlyList<T>? values, int root)
    {
        bool isRoot = group.Rank == root;
        Packed[] packed = isRoot ? [.. values!.Select(Pack)] : [];
        int failed = Array.FindIndex(packed, static one => one.IsFailure);
        if (failed >= 0)
        {
            // The reason instead of all.
            packed = [.. packed.Select((one, rank) => rank == failed ? one : new Packed([], false, null))];
        }

        long[] lengths = isRoot ? [.. packed.Select(static one => one.Length)] : new long[group.Size];
        await Broadcast<long>(lengths, root).ConfigureAwait(false);
        int bad = Array.FindIndex(lengths, static length => length < 0);
        if (bad >= 0)
        {
            byte[] reason = isRoot ? packed[bad].Bytes : new byte[Size(lengths[bad], root)];
            await Broadcast<byte>(reason, root).ConfigureAwait(false);
            throw NotSerialized(root, reason, isRoot ? packed[bad].Failure : null);
        }

        long[] counts = Counts(lengths);
        byte[] all = isRoot ? [.. packed.SelectMany(static one => one.Bytes)] : [];
        byte[] own = new byte[counts[group.Rank]];
        if (isAsync)
        {
            await group
                .ScatterAsync<byte>(all, own, isRoot ? counts : default, root, timeout, cancellationToken)
                .ConfigureAwait(false);
        }
        else
        {
            group.Scatter<byte>(all, own, isRoot ? counts : default, root, timeout);
        }

        return Unpack(own);
    }

    internal ValueTask Send(T value, int destination)
    {
        Check.Peer(nameof(destination), destination, group.Rank, group.Size);
        return SendCore(value, destination);
    }

    private async ValueTask SendCore(T value, int destination)
    {
        Packed own = Pack(value);
        long[] length = [own.Length];
        if (isAsync)
        {
            await group.SendAsync<long>(length, destination, 0, timeout, cancellationToken).ConfigureAwait(false);
            await group.SendAsync<byte>(own.Bytes, destination, 0, timeout, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            group.Send<long>(length, destination, 0, timeout);
            group.Send<byte>(own.Bytes, destination, 0, timeout);
        }

        if (own.IsFailure)
        {
            throw NotSerialized(group.Rank, own.Bytes, own.Failure);
        }
    }

    internal ValueTask<T> Receive(int source)
    {
        Check.Peer(nameof(source), source, group.Rank, group.Size);
        return ReceiveCore(source);
    }

    private async ValueTask<T> ReceiveCore(int source)
    {
        long[] length = new long[1];
        byte[] bytes;
        if (isAsync)
        {
            await group.ReceiveAsync<long>(length, source, 0, timeout, cancellationToken).ConfigureAwait(false);
            bytes = new byte[Size(length[0], source)];
            await group.ReceiveAsync<byte>(bytes, source, 0, timeout, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            group.Receive<long>(length, source, 0, timeout);
            bytes = new byte[Size(length[0], source)];
            group.Receive<byte>(bytes, source, 0, timeout);
        }

        return length[0] < 0 ? throw NotSerialized(source, bytes, null) : Unpack(bytes);
    }

    private Packed Pack(T value)
    {
        try
        {
            byte[] bytes = JsonSerializer.SerializeToUtf8Bytes(value, type);
            return bytes.Length <= limit
                ? new Packed(bytes, false, null)
                : Failed(
                    new ArgumentException(
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"As JSON it has {bytes.Length} bytes, more than the limit of {limit}."
                        )
                    )
                );
        }
        catch (Exception failure)
        {
            return Failed(failure);
        }
    }

    private static Packed Failed(Exception failure)
    {
        // No character takes more than three bytes for each of its UTF-16 units.
        const int most = LongestReason / 3;
        string reason = $"{failure.GetType().Name}: {failure.Message}";
        byte[] bytes = Encoding.UTF8.GetBytes(reason.Length <= most ? reason : reason[..most]);
        return new Packed(bytes, true, failure);
    }

    private T Unpack(ReadOnlySpan<byte> bytes) => JsonSerializer.Deserialize(bytes, type)!;

    private T[] UnpackAll(long[] lengths, long[] counts, byte[] all, Exception? ownFailure)
    {
        var values = new T[counts.Length];
        int begin = 0;
        int failed = Array.FindIndex(lengths, static length => length < 0);
        for (int rank = 0; rank < counts.Length; rank++)
        {
            ReadOnlySpan<byte> bytes = all.AsSpan(begin, (int)counts[rank]);
            if (rank == failed)
            {
                throw NotSerialized(rank, bytes, rank == group.Rank ? ownFailure : null);
            }

            if (failed < 0)
            {
                values[rank] = Unpack(bytes);
            }

            begin += (int)counts[rank];
        }

        return values;
    }

    private async ValueTask<long[]> Lengths(long own)
    {
        long[] all = new long[group.Size];
        if (isAsync)
        {
            await group.AllGatherAsync<long>(new[] { own }, all, timeout, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            group.AllGather<long>([own], all, timeout);
        }

        return all;
    }

    private long[] Counts(long[] lengths) => [.. lengths.Select((length, rank) => (long)Size(length, rank))];

    private int Total(long[] counts)
    {
        long total = counts.Sum();
        return total <= Array.MaxLength
            ? (int)total
            : throw group.OutOfStep(
                $"the objects of all ranks have {total} bytes together, more than an array can hold"
            );
    }

    // What a peer says is checked before it is a size.
    private int Size(long length, int rank)
    {
        long size = length < 0 ? -1 - length : length;
        return size <= (length < 0 ? LongestReason : limit)
            ? (int)size
            : throw group.OutOfStep($"rank {rank} sends an object of {size} bytes, but the limit here is {limit}");
    }

    private async ValueTask Broadcast<TElement>(TElement[] buffer, int root)
        where TElement : unmanaged
    {
        if (isAsync)
        {
            await group.BroadcastAsync<TElement>(buffer, root, timeout, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            group.Broadcast<TElement>(buffer, root, timeout);
        }
    }

    private static ObjectSerializationException NotSerialized(
        int rank,
        ReadOnlySpan<byte> reason,
        Exception? failure
    ) =>
        new($"The object of rank {rank} could not be serialized. {Encoding.UTF8.GetString(reason)}", failure)
        {
            Rank = rank,
        };
}
