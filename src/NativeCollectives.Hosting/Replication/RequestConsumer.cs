using System.Buffers;
using System.Runtime.CompilerServices;

namespace NativeCollectives.Hosting;

/// <summary>The side of every rank but 0. It takes part in the rounds whether its program reads or not.</summary>
internal sealed class RequestConsumer : IAsyncDisposable
{
    private readonly RequestReplicatorOptions _options;
    private readonly ReplicationRounds _rounds;
    private readonly RequestQueue _queue;
    private readonly CancellationTokenSource _leaving = new();
    private readonly Task _rounding;
    private string? _reason;
    private int _isRead;

    internal RequestConsumer(DistributedGroup group, RequestReplicatorOptions options)
    {
        _options = options;
        _rounds = new ReplicationRounds(group, options);
        _queue = new RequestQueue(options.MaxBufferedBytes);
        _rounding = Task.Run(TakePartAsync);
    }

    /// <summary>
    /// The messages in order, of which <paramref name="convert"/> makes what the program wants. The end of reading
    /// before that of the messages is the end for all.
    /// </summary>
    internal async IAsyncEnumerable<T> ReadAllAsync<T>(
        Func<byte[], T> convert,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        if (Interlocked.Exchange(ref _isRead, 1) != 0)
        {
            throw new InvalidOperationException("The messages are read already: they can be enumerated once.");
        }

        bool isAtEnd = false;
        try
        {
            await foreach (byte[] message in _queue.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                T converted;
                try
                {
                    converted = convert(message);
                }
                catch (Exception exception)
                {
                    Leave(Failures.Reason(exception));
                    throw;
                }

                yield return converted;
            }

            isAtEnd = true;
        }
        finally
        {
            if (!isAtEnd)
            {
                Leave("It has stopped reading.");
            }
        }
    }

    /// <summary>Tells the others that this rank ends, in the next round, and waits for that.</summary>
    internal async Task LeaveAsync(string reason, CancellationToken cancellationToken)
    {
        Leave(reason);
        await _rounding.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        Leave("It has left.");
        await _rounding.ConfigureAwait(false);
        _leaving.Dispose();
    }

    private void Leave(string reason)
    {
        if (Interlocked.CompareExchange(ref _reason, reason, null) is null)
        {
            _leaving.Cancel();
        }
    }

    // Ends, without throwing, with the messages, with a failure, or when this rank has left.
    private async Task TakePartAsync()
    {
        try
        {
            while (true)
            {
                if (!_queue.HasRoom)
                {
                    await _queue.WaitForRoomAsync(_options.HeartbeatInterval, _leaving.Token).ConfigureAwait(false);
                }

                string? reason = Volatile.Read(ref _reason);
                if (reason is null)
                {
                    RoundRecord.Write(
                        _rounds.Own,
                        _queue.HasRoom ? RoundWord.Ready : RoundWord.Full,
                        default(ReadOnlySpan<byte>)
                    );
                }
                else
                {
                    RoundRecord.Write(_rounds.Own, RoundWord.Failed, reason);
                }

                ReplicationRounds.Round round = await _rounds.ExchangeAsync().ConfigureAwait(false);
                if (round.Publisher == RoundWord.Complete)
                {
                    _queue.End();
                    return;
                }

                if ((round.PublisherFailure ?? round.Failure) is { } failure)
                {
                    throw failure;
                }

                if (round.Publisher == RoundWord.Message && round.IsThereRoom)
                {
                    await ReceiveAsync(round.Length).ConfigureAwait(false);
                }
            }
        }
        catch (Exception exception)
        {
            _queue.End(exception);
            if (exception is not RequestReplicationException)
            {
                _rounds.Abandon(exception);
            }
        }
    }

    // A message for which there is no place here is received all the same, as the others wait for that; they are told
    // in the next round.
    private async Task ReceiveAsync(int length)
    {
        byte[] message;
        try
        {
            message = Allocate(length);
        }
        catch (Exception exception)
        {
            if (length > RoundRecord.Room)
            {
                await _rounds.SkipAsync(length).ConfigureAwait(false);
            }

            Leave(Failures.Reason(exception));
            _queue.End(exception);
            return;
        }

        if (length > RoundRecord.Room)
        {
            using MemoryHandle pinned = message.AsMemory().Pin();
            await _rounds.BroadcastAsync(pinned, length).ConfigureAwait(false);
        }
        else
        {
            _rounds.CopySmall(message);
        }

        _queue.Add(message);
    }

    private byte[] Allocate(int length) =>
        length <= _options.MaxMessageBytes
            ? GC.AllocateUninitializedArray<byte>(length)
            : throw new RequestReplicationException(
                $"Rank {ReplicationRounds.Publisher} publishes a message of {length} bytes, but "
                    + $"{nameof(RequestReplicatorOptions)}."
                    + $"{nameof(RequestReplicatorOptions.MaxMessageBytes)} is {_options.MaxMessageBytes} here: it "
                    + "should be alike on every rank."
            )
            {
                Rank = ReplicationRounds.Publisher,
            };
}
