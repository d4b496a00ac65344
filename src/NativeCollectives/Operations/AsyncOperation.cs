using System.Buffers;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using NativeCollectives.Interop;

namespace NativeCollectives;

/// <summary>
/// An operation under way whose caller goes on: the task it ends with, and what must stay where it is until then. The
/// result is the group that a split made, and <see langword="null"/> for every other operation.
/// </summary>
internal sealed unsafe class AsyncOperation : TaskCompletionSource<DistributedGroup?>
{
    private readonly DistributedGroup _group;
    private readonly CancellationToken _cancellationToken;
    private MemoryHandle _send;
    private MemoryHandle _receive;
    private readonly MemoryHandle[]? _more;
    private byte* _native;
    private nc_group** _newGroup;
    private GCHandle _self;

    // Two parties use what comes now, the one that issues the operation and the one that reports its end, in either
    // order: the second cleans up.
    private WorkHandle? _work;
    private CancellationTokenRegistration _registration;
    private int _parties = 2;

    private readonly long _start = Stopwatch.GetTimestamp();
    private Observation _observation;

    /// <summary>Takes over two pinned buffers.</summary>
    internal AsyncOperation(
        DistributedGroup group,
        MemoryHandle send,
        MemoryHandle receive,
        CancellationToken cancellationToken
    )
        : base(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        _group = group;
        _send = send;
        _receive = receive;
        _cancellationToken = cancellationToken;
    }

    /// <summary>Takes over pinned buffers, those of a batch.</summary>
    internal AsyncOperation(DistributedGroup group, MemoryHandle[] buffers, CancellationToken cancellationToken)
        : this(group, default, default, cancellationToken) => _more = buffers;

    /// <summary>What may end the operation early.</summary>
    internal CancellationToken CancellationToken => _cancellationToken;

    /// <summary>Whether its caller does not see that it is a batch.</summary>
    internal bool HidesPlaces { get; set; }

    /// <summary>The program's own operator, if it is a reduction by one.</summary>
    internal Combiner? Combiner { get; init; }

    /// <summary>What a native call that issues this operation takes as the function to call at its end.</summary>
    internal static delegate* unmanaged[Cdecl]<void*, nc_error*, void> Completion => &OnCompleted;

    /// <summary>Copies what lies on the caller's stack to where it stays, and says where everything lies.</summary>
    internal void Place(ref Operation operation, ReadOnlySpan<ulong> sendCounts, ReadOnlySpan<ulong> receiveCounts)
    {
        bool isSplit = operation.Request.operation == nc_operation.NC_SPLIT;
        int items = (isSplit ? 1 : 0) + sendCounts.Length + receiveCounts.Length;
        if (items > 0)
        {
            _native = (byte*)NativeMemory.AllocZeroed((nuint)items, sizeof(ulong));
        }

        if (isSplit)
        {
            operation.Request.new_group = _newGroup = (nc_group**)_native;
        }

        var counts = (ulong*)_native;
        sendCounts.CopyTo(new Span<ulong>(counts, sendCounts.Length));
        receiveCounts.CopyTo(new Span<ulong>(counts + sendCounts.Length, receiveCounts.Length));
        operation.Place(
            _send.Pointer,
            _receive.Pointer,
            sendCounts.IsEmpty ? null : counts,
            receiveCounts.IsEmpty ? null : counts + sendCounts.Length
        );
    }

    /// <summary>
    /// What the native library hands to <see cref="Completion"/>. From now on the operation keeps itself, and its
    /// group, alive.
    /// </summary>
    internal void* Root()
    {
        _self = GCHandle.Alloc(this);
        return (void*)GCHandle.ToIntPtr(_self);
    }

    /// <summary>
    /// Where the native library is to write the handle by which the operation can be cancelled; <see langword="null"/>:
    /// nobody is going to.
    /// </summary>
    internal nc_work** WorkSlot(nc_work** slot)
    {
        if (!_cancellationToken.CanBeCanceled)
        {
            return null;
        }

        _work = new WorkHandle();
        return slot;
    }

    /// <summary>The operation has been issued. It may have ended already.</summary>
    internal void Issued(nc_work* work)
    {
        if (_work is not null)
        {
            _work.Own(work);
            _registration = _cancellationToken.UnsafeRegister(static handle => ((WorkHandle)handle!).Cancel(), _work);
        }

        Part();
    }

    /// <summary>The operation is about to be issued.</summary>
    internal void Observe(in ObservedOperation operation) => _observation = Observation.Begin(_group, operation);

    /// <summary>The operation was not issued, so that its end will not be reported.</summary>
    /// <param name="failure">Why.</param>
    internal void NotIssued(Exception? failure)
    {
        _ = ReleaseBuffers();
        _work?.Dispose();
        _observation.End(_group, failure);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnCompleted(void* context, nc_error* error) =>
        ((AsyncOperation)GCHandle.FromIntPtr((nint)context).Target!).Complete(error);

    // Runs on a thread of the native library, or on that of whoever cancels: nothing may be thrown here.
    private void Complete(nc_error* error)
    {
        Exception? failure = null;
        DistributedGroup? made = null;
        try
        {
            if (error is not null)
            {
                nc_error seen = *error;
                seen.index = HidesPlaces ? -1 : seen.index;
                failure = _group.Failure(&seen, _cancellationToken, Combiner?.Failure);
            }
            else if (_newGroup is not null && *_newGroup is not null)
            {
                made = _group.Adopt(*_newGroup, _start);
            }
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        bool isCancelled = failure is OperationCanceledException;
        Exception? unpinning = ReleaseBuffers();
        failure ??= unpinning;
        Part();
        _observation.End(_group, failure);
        if (failure is null)
        {
            TrySetResult(made);
        }
        else if (isCancelled)
        {
            TrySetCanceled(_cancellationToken);
        }
        else
        {
            TrySetException(failure);
        }
    }

    // What the program's own code threw when its memory was unpinned.
    private Exception? ReleaseBuffers()
    {
        Exception? sendFailure = Unpin(ref _send);
        Exception? receiveFailure = Unpin(ref _receive);
        foreach (ref MemoryHandle buffer in _more.AsSpan())
        {
            sendFailure ??= Unpin(ref buffer);
        }

        Combiner?.Dispose();
        NativeMemory.Free(_native);
        _native = null;
        _newGroup = null;
        if (_self.IsAllocated)
        {
            _self.Free();
        }

        return sendFailure ?? receiveFailure;
    }

    /// <summary>Unpins memory.</summary>
    /// <returns>
    /// What the program's own code threw, if the memory is of a manager of its own; <see langword="null"/>: nothing.
    /// </returns>
    internal static Exception? Unpin(ref MemoryHandle memory)
    {
        try
        {
            memory.Dispose();
            return null;
        }
        catch (Exception exception)
        {
            return exception;
        }
    }

    private void Part()
    {
        if (Interlocked.Decrement(ref _parties) == 0)
        {
            // Without waiting for a callback that is running: it can be this very thread.
            _registration.Unregister();
            _work?.Dispose();
        }
    }
}
