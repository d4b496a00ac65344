using System.Buffers;
using NativeCollectives.Interop;

namespace NativeCollectives;

/// <summary>
/// Operations that are issued together and go on together, as between NCCL's <c>ncclGroupStart</c> and
/// <c>ncclGroupEnd</c>.
/// </summary>
/// <remarks>
/// <para>
/// Sends and receives of a batch run at the same time: ranks that all send before they receive cannot wait for each
/// other, whatever the size. The other end of a message may be in a batch or by itself. Then come the collective
/// operations, in the order in which they were added; every rank must have the same ones in the same order in the same
/// batch. Small ones of one kind that follow each other are carried out as one, which saves most of their time.
/// </para>
/// <para>
/// Buffers that are written must not be used by another operation of the batch. They are pinned while it runs. It may
/// be executed again, with whatever the buffers then hold; only one thread may use it at a time.
/// </para>
/// <para>
/// Mistakes are found by the method that adds the operation, or by <see cref="Execute"/> before any byte moves. A
/// failure is one exception, whose <see cref="CollectiveException.BatchIndex"/> says which operation it was.
/// </para>
/// <para>
/// On host memory with NCCL, the messages of a batch need as much device memory as they are long together. With a ring
/// or JACCL, a batch with collective operations needs ranks that are all of this library.
/// </para>
/// </remarks>
public sealed partial class CollectiveBatch
{
    private readonly DistributedGroup _group;
    private readonly List<Entry> _entries = [];
    private nc_request[] _requests = [];
    private nint[] _pointers = [];

    private readonly CudaStream _stream;

    internal CollectiveBatch(DistributedGroup group, CudaStream stream)
    {
        _group = group;
        _stream = stream;
    }

    /// <summary>What it is called where it is observed.</summary>
    internal string Name { get; init; } = "Batch";

    /// <summary>How many operations have been added.</summary>
    public int Count => _entries.Count;

    /// <summary>Takes all operations out.</summary>
    public void Clear() => _entries.Clear();

    /// <summary>Carries out all operations, and returns when all have ended on this rank.</summary>
    /// <param name="timeout">
    /// How long they may take from now; <see langword="null"/>: <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <exception cref="ArgumentException">
    /// Buffers overlap, or some lie in host memory and some on the device.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeout"/> is not positive and finite.</exception>
    /// <exception cref="NotSupportedException">
    /// The group's backend cannot do one of them. The group stays usable.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The group has been disposed, before or meanwhile.</exception>
    /// <exception cref="CollectiveException">
    /// One failed and ended the group, or an earlier operation had: the derived type tells how.
    /// </exception>
    public unsafe void Execute(TimeSpan? timeout = null)
    {
        MemoryHandle[] buffers = ArrayPool<MemoryHandle>.Shared.Rent(2 * _entries.Count);
        try
        {
            ObservedOperation observed = Place(buffers, timeout, isAsynchronous: false);
            fixed (nc_request* requests = _requests)
            fixed (nint* pointers = _pointers)
            {
                Point(requests, pointers);
                _group.Execute((nc_request**)pointers, _entries.Count, observed);
            }
        }
        finally
        {
            Unpin(buffers.AsSpan(0, 2 * _entries.Count));
            ArrayPool<MemoryHandle>.Shared.Return(buffers);
        }
    }

    /// <summary>Issues all operations and returns.</summary>
    /// <param name="timeout">
    /// How long they may take from now; <see langword="null"/>: <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the batch; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>
    /// A task that completes when all have ended on this rank; until then the buffers must not be touched. The batch
    /// itself may be changed or executed again.
    /// </returns>
    /// <inheritdoc cref="Execute(TimeSpan?)" path="/exception"/>
    public unsafe Task ExecuteAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled(cancellationToken);
        }

        var buffers = new MemoryHandle[2 * _entries.Count];
        ObservedOperation observed;
        try
        {
            observed = Place(buffers, timeout, isAsynchronous: true);
        }
        catch
        {
            Unpin(buffers);
            throw;
        }

        fixed (nc_request* requests = _requests)
        fixed (nint* pointers = _pointers)
        {
            Point(requests, pointers);
            var pending = new AsyncOperation(_group, buffers, cancellationToken);
            return _group.IssueAsync(pending, (nc_request**)pointers, _entries.Count, isBatch: true, observed);
        }
    }

    private CollectiveBatch Add<T>(in Operation operation, ReadOnlyMemory<T> send, Memory<T> receive)
        where T : unmanaged
    {
        _entries.Add(new HostEntry<T>(operation, send, receive));
        return this;
    }

    private CollectiveBatch Add<T>(Operation operation, DeviceSpan<T> send, DeviceSpan<T> receive)
        where T : unmanaged
    {
        operation.PlaceOnDevice(_stream);
        _entries.Add(new DeviceEntry<T>(operation, send, receive));
        return this;
    }

    /// <summary>Adds an operation on memory that the caller knows how to pin.</summary>
    internal CollectiveBatch Add(in Operation operation, Func<MemoryHandle>? pinSend, Func<MemoryHandle>? pinReceive)
    {
        _entries.Add(new PinningEntry(operation, pinSend, pinReceive));
        return this;
    }

    // Pins the buffers, and writes the requests.
    private unsafe ObservedOperation Place(Span<MemoryHandle> buffers, TimeSpan? timeout, bool isAsynchronous)
    {
        if (_requests.Length < _entries.Count)
        {
            _requests = new nc_request[_entries.Count];
            _pointers = new nint[_entries.Count];
        }

        buffers[..(2 * _entries.Count)].Clear();
        long milliseconds = Timeouts.Of(timeout);
        long sent = 0;
        long received = 0;
        for (int i = 0; i < _entries.Count; i++)
        {
            Entry entry = _entries[i];
            Operation operation = entry.Operation;
            ref MemoryHandle send = ref buffers[2 * i];
            ref MemoryHandle receive = ref buffers[(2 * i) + 1];
            send = operation.SentBytes == 0 ? default : entry.PinSend();
            receive = operation.ReceivedBytes == 0 ? default : entry.PinReceive();
            operation.Place(send.Pointer, receive.Pointer, null, null);
            operation.Request.timeout_ms = milliseconds;
            _requests[i] = operation.Request;
            sent += operation.SentBytes;
            received += operation.ReceivedBytes;
        }

        return new ObservedOperation(Name, null, sent, received, isAsynchronous);
    }

    private unsafe void Point(nc_request* requests, nint* pointers)
    {
        for (int i = 0; i < _entries.Count; i++)
        {
            pointers[i] = (nint)(requests + i);
        }
    }

    private static void Unpin(Span<MemoryHandle> buffers)
    {
        foreach (ref MemoryHandle buffer in buffers)
        {
            _ = AsyncOperation.Unpin(ref buffer);
        }
    }

    private abstract class Entry(in Operation operation)
    {
        internal readonly Operation Operation = operation;
        internal abstract MemoryHandle PinSend();
        internal abstract MemoryHandle PinReceive();
    }

    private sealed class HostEntry<T>(in Operation operation, ReadOnlyMemory<T> send, Memory<T> receive)
        : Entry(operation)
    {
        internal override MemoryHandle PinSend() => send.Pin();

        internal override MemoryHandle PinReceive() => receive.Pin();
    }

    private sealed class PinningEntry(in Operation operation, Func<MemoryHandle>? send, Func<MemoryHandle>? receive)
        : Entry(operation)
    {
        internal override MemoryHandle PinSend() => send?.Invoke() ?? default;

        internal override MemoryHandle PinReceive() => receive?.Invoke() ?? default;
    }

    private sealed class DeviceEntry<T>(in Operation operation, DeviceSpan<T> send, DeviceSpan<T> receive)
        : Entry(operation)
        where T : unmanaged
    {
        internal override MemoryHandle PinSend() => send.Keep();

        internal override MemoryHandle PinReceive() => receive.Keep();
    }
}
