using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace NativeCollectives.Hosting;

/// <summary>The messages that a rank has received and its program has not read.</summary>
/// <param name="maxBytes">How many bytes it holds before it is full.</param>
internal sealed class RequestQueue(int maxBytes)
{
    // What a message costs beyond its bytes, so that empty ones count too.
    private const int Overhead = 64;

    private readonly Channel<byte[]> _messages = Channel.CreateUnbounded<byte[]>(
        new UnboundedChannelOptions { SingleWriter = true, SingleReader = true }
    );
    private readonly Lock _lock = new();
    private TaskCompletionSource? _room;
    private long _bytes;

    /// <summary>Whether there is room for a message.</summary>
    internal bool HasRoom => Interlocked.Read(ref _bytes) < maxBytes;

    internal void Add(byte[] message)
    {
        Interlocked.Add(ref _bytes, message.Length + Overhead);
        _messages.Writer.TryWrite(message);
    }

    /// <summary>
    /// No more messages come. Those that are there can still be read, and then the failure is thrown, if there is one.
    /// </summary>
    internal void End(Exception? failure = null)
    {
        _messages.Writer.TryComplete(failure);
        Freed();
    }

    /// <summary>Waits until there is room, or for some time.</summary>
    internal async Task WaitForRoomAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        Task room;
        lock (_lock)
        {
            if (HasRoom)
            {
                return;
            }

            room = (_room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }

        await room.WaitAsync(atMost, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    internal async IAsyncEnumerable<byte[]> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (await _messages.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            while (_messages.Reader.TryRead(out byte[]? message))
            {
                Interlocked.Add(ref _bytes, -(message.Length + Overhead));
                if (HasRoom)
                {
                    Freed();
                }

                cancellationToken.ThrowIfCancellationRequested();
                yield return message;
            }
        }
    }

    private void Freed()
    {
        TaskCompletionSource? room;
        lock (_lock)
        {
            (room, _room) = (_room, null);
        }

        room?.TrySetResult();
    }
}
