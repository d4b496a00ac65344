using System.Buffers;

namespace NativeCollectives.Hosting;

/// <summary>
/// The rounds of which replication consists: all ranks gather one record of each, by which every rank knows whether
/// there is a message, whether everybody has room for it, and whether somebody has failed. If there is a message and
/// room, rank 0 broadcasts it, unless it was small enough for the record.
/// </summary>
internal sealed class ReplicationRounds(DistributedGroup group, RequestReplicatorOptions options)
{
    /// <summary>The rank that publishes.</summary>
    internal const int Publisher = 0;

    // A large message goes in pieces, each of which has the time limit: that it takes long is no sign of a lost rank.
    private const int PieceBytes = 4 << 20;

    private readonly byte[] _own = new byte[RoundRecord.Size];
    private readonly byte[] _all = new byte[group.Size * RoundRecord.Size];

    /// <summary>The own record, to be written before each round.</summary>
    internal Span<byte> Own => _own;

    /// <summary>Exchanges the records.</summary>
    /// <exception cref="CollectiveException">A rank was lost, or the group has failed otherwise.</exception>
    internal async Task<Round> ExchangeAsync()
    {
        await group.AllGatherAsync<byte>(_own, _all, options.PeerTimeout).ConfigureAwait(false);
        return Read();
    }

    /// <summary>Rank 0 sends the bytes of a message to all, the others receive them.</summary>
    /// <param name="message">Memory of the message, which stays pinned until the task has completed.</param>
    /// <param name="length">How many bytes the message has.</param>
    /// <exception cref="CollectiveException">A rank was lost, or the group has failed otherwise.</exception>
    internal async Task BroadcastAsync(MemoryHandle message, int length)
    {
        for (int offset = 0; offset < length; offset += PieceBytes)
        {
            await BroadcastPieceAsync(message, offset, Math.Min(PieceBytes, length - offset)).ConfigureAwait(false);
        }
    }

    /// <summary>Takes part in the broadcast of a message without keeping it, so that the ranks stay in step.</summary>
    /// <exception cref="CollectiveException">A rank was lost, or the group has failed otherwise.</exception>
    internal async Task SkipAsync(int length)
    {
        Memory<byte> room = new byte[Math.Min(PieceBytes, length)];
        using MemoryHandle pinned = room.Pin();
        for (int offset = 0; offset < length; offset += PieceBytes)
        {
            await BroadcastPieceAsync(pinned, 0, Math.Min(PieceBytes, length - offset)).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Ends the group after a failure that the others cannot be told of in a round, because this rank does not take
    /// part in what they are doing. They learn of it at once, as of a lost rank.
    /// </summary>
    internal void Abandon(Exception failure)
    {
        try
        {
            if (!group.IsFaulted)
            {
                group.Abort($"The replication of requests cannot go on. {Failures.Reason(failure)}");
            }
        }
        catch (ObjectDisposedException)
        {
            // They know.
        }
    }

    private unsafe Task BroadcastPieceAsync(MemoryHandle message, int offset, int length) =>
        group.Raw.BroadcastAsync(
            (byte*)message.Pointer + offset,
            length,
            CollectiveDataType.UInt8,
            Publisher,
            options.PeerTimeout
        );

    private Round Read()
    {
        RoundWord said = RoundWord.Idle;
        int length = 0;
        bool isThereRoom = true;
        RequestReplicationException? failure = null;
        RequestReplicationException? publisherFailure = null;
        for (int rank = 0; rank < group.Size; rank++)
        {
            ReadOnlySpan<byte> record = _all.AsSpan(rank * RoundRecord.Size, RoundRecord.Size);
            bool isRecord = RoundRecord.TryRead(record, out RoundWord word, out int count);
            bool isExpected =
                rank == Publisher
                    ? word is RoundWord.Idle or RoundWord.Message or RoundWord.Complete or RoundWord.Failed
                    : word is RoundWord.Ready or RoundWord.Full or RoundWord.Failed;
            if (!isRecord || !isExpected)
            {
                failure ??= new RequestReplicationException(
                    $"What rank {rank} has sent is no part of a replication of requests."
                )
                {
                    Rank = rank,
                };
                continue;
            }

            if (word == RoundWord.Failed)
            {
                string reason = RoundRecord.Reason(record, count);
                var failed = new RequestReplicationException(
                    $"Rank {rank} has ended the replication of requests: {reason}"
                )
                {
                    Rank = rank,
                };
                if (rank == Publisher)
                {
                    publisherFailure = failed;
                }

                failure ??= failed;
            }

            if (rank == Publisher)
            {
                (said, length) = (word, count);
            }

            isThereRoom &= word != RoundWord.Full;
        }

        return new Round(said, length, isThereRoom, failure, publisherFailure);
    }

    /// <summary>Copies a message that the publisher's record holds.</summary>
    internal void CopySmall(Span<byte> message) =>
        RoundRecord.Bytes(_all.AsSpan(Publisher * RoundRecord.Size, RoundRecord.Size), message.Length).CopyTo(message);

    /// <summary>What all ranks know after an exchange.</summary>
    /// <param name="Publisher">What rank 0 says.</param>
    /// <param name="Length">The size of its message.</param>
    /// <param name="IsThereRoom">Whether every rank has room for a message.</param>
    /// <param name="Failure">The failure of the lowest rank that has one.</param>
    /// <param name="PublisherFailure">That of rank 0.</param>
    internal readonly record struct Round(
        RoundWord Publisher,
        int Length,
        bool IsThereRoom,
        RequestReplicationException? Failure,
        RequestReplicationException? PublisherFailure
    );
}
