using System.Buffers;
using System.Runtime.ExceptionServices;

namespace NativeCollectives.Hosting;

/// <summary>The side of rank 0. Rounds are taken in turn by whoever publishes and by the heartbeat.</summary>
internal sealed class RequestPublisher : IAsyncDisposable
{
    private readonly DistributedGroup _group;
    private readonly RequestReplicatorOptions _options;
    private readonly ReplicationRounds _rounds;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _heartbeat;
    private long _lastRound = Environment.TickCount64;
    private ExceptionDispatchInfo? _failure;
    private bool _isComplete;
    private volatile bool _isFailing;

    internal RequestPublisher(DistributedGroup group, RequestReplicatorOptions options)
    {
        _group = group;
        _options = options;
        _rounds = new ReplicationRounds(group, options);
        _heartbeat = group.Size == 1 ? Task.CompletedTask : BeatAsync();
    }

    internal async Task PublishAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        if (message.Length > _options.MaxMessageBytes)
        {
            throw new ArgumentException(
                $"The message has {message.Length} bytes, but {nameof(RequestReplicatorOptions)}."
                    + $"{nameof(RequestReplicatorOptions.MaxMessageBytes)} is {_options.MaxMessageBytes}.",
                nameof(message)
            );
        }

        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            RequireOpen();

            // The message's memory can be the program's own code. What goes wrong there must do so before the message
            // is announced.
            using MemoryHandle pinned = message.Length > RoundRecord.Room ? message.Pin() : default;
            while (_group.Size > 1)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (_isFailing)
                {
                    throw Ended();
                }

                ReplicationRounds.Round round = await ExchangeAsync(RoundWord.Message, message).ConfigureAwait(false);
                if (round.IsThereRoom)
                {
                    if (message.Length > RoundRecord.Room)
                    {
                        await Guarded(_rounds.BroadcastAsync(pinned, message.Length)).ConfigureAwait(false);
                    }

                    return;
                }
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    internal async Task CompleteAsync(string? failure, CancellationToken cancellationToken)
    {
        // A failure does not wait for those who wait for room.
        _isFailing |= failure is not null;
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_isComplete)
            {
                return;
            }

            _failure?.Throw();
            _isComplete = true;
            if (_group.Size > 1)
            {
                await (
                    failure is null ? ExchangeAsync(RoundWord.Complete, default) : FailAsync(failure)
                ).ConfigureAwait(false);
            }
        }
        finally
        {
            _turn.Release();
        }

        await _ending.CancelAsync().ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await CompleteAsync("It has left without completing.", CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // Whoever publishes was told, or will not ask any more.
        }

        await _ending.CancelAsync().ConfigureAwait(false);
        await _heartbeat.ConfigureAwait(false);
        _ending.Dispose();
    }

    private async Task BeatAsync()
    {
        try
        {
            while (true)
            {
                TimeSpan since = TimeSpan.FromMilliseconds(Environment.TickCount64 - Interlocked.Read(ref _lastRound));
                if (since < _options.HeartbeatInterval)
                {
                    await Task.Delay(_options.HeartbeatInterval - since, _ending.Token).ConfigureAwait(false);
                    continue;
                }

                await _turn.WaitAsync(_ending.Token).ConfigureAwait(false);
                try
                {
                    if (_isComplete || _failure is not null)
                    {
                        return;
                    }

                    await ExchangeAsync(RoundWord.Idle, default).ConfigureAwait(false);
                }
                finally
                {
                    _turn.Release();
                }
            }
        }
        catch (Exception)
        {
            // It is the end, or a failure of which the next who publishes is told.
        }
    }

    private Task<ReplicationRounds.Round> ExchangeAsync(RoundWord word, ReadOnlyMemory<byte> message)
    {
        RoundRecord.Write(_rounds.Own, word, message.Span);
        return Guarded(ExchangeAsync());
    }

    private Task<ReplicationRounds.Round> FailAsync(string reason)
    {
        RoundRecord.Write(_rounds.Own, RoundWord.Failed, reason);
        return _rounds.ExchangeAsync();
    }

    private async Task<ReplicationRounds.Round> ExchangeAsync()
    {
        ReplicationRounds.Round round = await _rounds.ExchangeAsync().ConfigureAwait(false);
        Interlocked.Exchange(ref _lastRound, Environment.TickCount64);
        return round.Failure is null ? round : throw round.Failure;
    }

    // Whatever a round throws ends the publisher.
    private async Task<ReplicationRounds.Round> Guarded(Task<ReplicationRounds.Round> round)
    {
        await Guarded((Task)round).ConfigureAwait(false);
        return await round.ConfigureAwait(false);
    }

    private async Task Guarded(Task round)
    {
        try
        {
            await round.ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            _failure = ExceptionDispatchInfo.Capture(exception);
            if (exception is not RequestReplicationException)
            {
                _rounds.Abandon(exception);
            }

            throw;
        }
    }

    private void RequireOpen()
    {
        _failure?.Throw();
        if (_isComplete)
        {
            throw Ended();
        }
    }

    private static InvalidOperationException Ended() =>
        new("Nothing can be published any more, because the replication of requests was completed.");
}
