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
public sealed class CollectiveBatch
{
    private readonly DistributedGroup _group;
    private readonly List<Entry> _entries = [];
    private nc_request[] _requests = [];
    private nint[] _pointers = [];

    private readonly nint? _stream;

    internal CollectiveBatch(DistributedGroup group, nint? stream)
    {
        _group = group;
        _stream = stream;
    }

    /// <summary>What it is called where it is observed.</summary>
    internal string Name { get; init; } = "Batch";

    /// <summary>How many operations have been added.</summary>
    public int Count => _entries.Count;

    /// <summary>Adds a send: see <see cref="DistributedGroup.Send{T}(ReadOnlySpan{T}, int, TimeSpan?)"/>.</summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <param name="buffer">What is sent.</param>
    /// <param name="destination">The rank it goes to.</param>
    /// <returns>This batch.</returns>
    /// <exception cref="ArgumentException">As for the operation by itself.</exception>
    public CollectiveBatch Send<T>(ReadOnlyMemory<T> buffer, int destination)
        where T : unmanaged =>
        Add(_group.BeginSend(ElementType.Of<T>(), buffer.Length, destination, null), buffer, default);

    /// <summary>Adds a receive: see <see cref="DistributedGroup.Receive{T}(Span{T}, int, TimeSpan?)"/>.</summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <param name="buffer">Where it goes.</param>
    /// <param name="source">The rank it comes from.</param>
    /// <returns>This batch.</returns>
    /// <exception cref="ArgumentException">As for the operation by itself.</exception>
    public CollectiveBatch Receive<T>(Memory<T> buffer, int source)
        where T : unmanaged =>
        Add(_group.BeginReceive(ElementType.Of<T>(), buffer.Length, source, null), default, buffer);

    /// <summary>
    /// Adds an all-reduce in place: see <see cref="DistributedGroup.AllReduce{T}(Span{T}, ReduceOp, TimeSpan?)"/>.
    /// </summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <param name="buffer">What this rank contributes, and then the result.</param>
    /// <param name="op">How elements are combined.</param>
    /// <returns>This batch.</returns>
    /// <exception cref="ArgumentException">As for the operation by itself.</exception>
    public CollectiveBatch AllReduce<T>(Memory<T> buffer, ReduceOp op)
        where T : unmanaged => AllReduce(buffer, buffer, op);

    /// <summary>
    /// Adds an all-reduce: see
    /// <see cref="DistributedGroup.AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)"/>.
    /// </summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">The result, of the input's length.</param>
    /// <param name="op">How elements are combined.</param>
    /// <returns>This batch.</returns>
    /// <exception cref="ArgumentException">As for the operation by itself.</exception>
    public CollectiveBatch AllReduce<T>(ReadOnlyMemory<T> input, Memory<T> output, ReduceOp op)
        where T : unmanaged
    {
        Check.Length(nameof(output), output.Length, input.Length, Check.AsManyAsInput);
        return Add(_group.BeginAllReduce(ElementType.Of<T>(), input.Length, op, null), input, output);
    }

    /// <summary>
    /// Adds an all-gather: see <see cref="DistributedGroup.AllGather{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)"/>.
    /// </summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">The ranks' inputs, in rank order.</param>
    /// <returns>This batch.</returns>
    /// <exception cref="ArgumentException">As for the operation by itself.</exception>
    public CollectiveBatch AllGather<T>(ReadOnlyMemory<T> input, Memory<T> output)
        where T : unmanaged
    {
        Check.Length(nameof(output), output.Length, TimesSize(input.Length), Check.InputTimesSize);
        return Add(_group.BeginAllGather(ElementType.Of<T>(), input.Length, null), input, output);
    }

    /// <summary>
    /// Adds a reduce-scatter: see
    /// <see cref="DistributedGroup.ReduceScatter{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)"/>.
    /// </summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <param name="input">What this rank contributes: a block for each rank.</param>
    /// <param name="output">The own block of the result.</param>
    /// <param name="op">How elements are combined.</param>
    /// <returns>This batch.</returns>
    /// <exception cref="ArgumentException">As for the operation by itself.</exception>
    public CollectiveBatch ReduceScatter<T>(ReadOnlyMemory<T> input, Memory<T> output, ReduceOp op)
        where T : unmanaged
    {
        Check.Length(nameof(input), input.Length, TimesSize(output.Length), Check.OutputTimesSize);
        return Add(_group.BeginReduceScatter(ElementType.Of<T>(), output.Length, op, null), input, output);
    }

    /// <summary>
    /// Adds a broadcast: see <see cref="DistributedGroup.Broadcast{T}(Span{T}, int, TimeSpan?)"/>.
    /// </summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <param name="buffer">At the root what is sent, elsewhere where it goes.</param>
    /// <param name="root">The rank whose elements all get.</param>
    /// <returns>This batch.</returns>
    /// <exception cref="ArgumentException">As for the operation by itself.</exception>
    public CollectiveBatch Broadcast<T>(Memory<T> buffer, int root)
        where T : unmanaged =>
        Add(_group.BeginBroadcast(ElementType.Of<T>(), buffer.Length, root, null), buffer, buffer);

    /// <summary>
    /// Adds an all-to-all: see <see cref="DistributedGroup.AllToAll{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)"/>.
    /// </summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <param name="input">A block for each rank.</param>
    /// <param name="output">A block from each rank.</param>
    /// <returns>This batch.</returns>
    /// <exception cref="ArgumentException">As for the operation by itself.</exception>
    public CollectiveBatch AllToAll<T>(ReadOnlyMemory<T> input, Memory<T> output)
        where T : unmanaged
    {
        long count = Check.Divide(nameof(input), input.Length, _group.Size);
        Check.Length(nameof(output), output.Length, input.Length, Check.AsManyAsInput);
        return Add(_group.BeginAllToAll(ElementType.Of<T>(), count, null), input, output);
    }

    /// <summary>Adds a send from device memory. A batch has buffers of the host or of the device, not both.</summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <param name="buffer">What is sent.</param>
    /// <param name="destination">The rank it goes to.</param>
    /// <returns>This batch.</returns>
    /// <exception cref="ArgumentException">As for the operation by itself.</exception>
    public CollectiveBatch Send<T>(DeviceSpan<T> buffer, int destination)
        where T : unmanaged =>
        Add(_group.BeginSend(ElementType.Of<T>(), buffer.Length, destination, null), buffer, default);

    /// <summary>Adds a receive into device memory.</summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <param name="buffer">Where it goes.</param>
    /// <param name="source">The rank it comes from.</param>
    /// <returns>This batch.</returns>
    /// <exception cref="ArgumentException">As for the operation by itself.</exception>
    public CollectiveBatch Receive<T>(DeviceSpan<T> buffer, int source)
        where T : unmanaged =>
        Add(_group.BeginReceive(ElementType.Of<T>(), buffer.Length, source, null), default, buffer);

    /// <summary>Adds an all-reduce on device memory, in place.</summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <param name="buffer">What this rank contributes, and then the result.</param>
    /// <param name="op">How elements are combined.</param>
    /// <returns>This batch.</returns>
    /// <exception cref="ArgumentException">As for the operation by itself.</exception>
    public CollectiveBatch AllReduce<T>(DeviceSpan<T> buffer, ReduceOp op)
        where T : unmanaged => Add(_group.BeginAllReduce(ElementType.Of<T>(), buffer.Length, op, null), buffer, buffer);

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

    private long TimesSize(long length) => length * _group.Size;

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

    private sealed class DeviceEntry<T>(in Operation operation, DeviceSpan<T> send, DeviceSpan<T> receive)
        : Entry(operation)
        where T : unmanaged
    {
        internal override MemoryHandle PinSend() => send.Keep();

        internal override MemoryHandle PinReceive() => receive.Keep();
    }
}
