using System.Buffers;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using NativeCollectives.Interop;

namespace NativeCollectives;

// How operations reach the native library: blocking ones through Execute, asynchronous ones through EnqueueAsync,
// whatever their buffers are made of.
public sealed partial class DistributedGroup
{
    /// <summary>Runs an operation on spans, which are pinned for the call.</summary>
    internal unsafe void Run<T>(
        ref Operation operation,
        ReadOnlySpan<T> send,
        Span<T> receive,
        ReadOnlySpan<ulong> sendCounts = default,
        ReadOnlySpan<ulong> receiveCounts = default
    )
        where T : unmanaged
    {
        fixed (
            T* sendBuffer = send,
                receiveBuffer = receive
        )
        {
            Run(ref operation, sendBuffer, receiveBuffer, sendCounts, receiveCounts);
        }
    }

    /// <summary>Runs an operation on memory that stays where it is.</summary>
    internal unsafe void Run(
        ref Operation operation,
        void* send,
        void* receive,
        ReadOnlySpan<ulong> sendCounts = default,
        ReadOnlySpan<ulong> receiveCounts = default
    )
    {
        fixed (
            ulong* sendLengths = sendCounts,
                receiveLengths = receiveCounts
        )
        {
            operation.Place(send, receive, sendLengths, receiveLengths);
            Execute(ref operation);
        }
    }

    /// <summary>Issues an operation on memories, which are pinned until it has ended.</summary>
    internal unsafe Task RunAsync<T>(
        ref Operation operation,
        ReadOnlyMemory<T> send,
        Memory<T> receive,
        CancellationToken cancellationToken,
        ReadOnlySpan<ulong> sendCounts = default,
        ReadOnlySpan<ulong> receiveCounts = default,
        Combiner? combiner = null
    )
        where T : unmanaged
    {
        if (cancellationToken.IsCancellationRequested)
        {
            combiner?.Dispose();
            return Task.FromCanceled(cancellationToken);
        }

        MemoryHandle sendHandle = default;
        MemoryHandle receiveHandle;
        try
        {
            sendHandle = operation.SentBytes == 0 ? default : send.Pin();
            receiveHandle = operation.ReceivedBytes == 0 ? default : receive.Pin();
        }
        catch
        {
            _ = AsyncOperation.Unpin(ref sendHandle);
            combiner?.Dispose();
            throw;
        }

        return EnqueueAsync(
            ref operation,
            sendHandle,
            receiveHandle,
            sendCounts,
            receiveCounts,
            cancellationToken,
            combiner
        );
    }

    /// <summary>Issues an operation on memory that stays where it is.</summary>
    internal unsafe Task RunAsync(
        ref Operation operation,
        void* send,
        void* receive,
        CancellationToken cancellationToken,
        ReadOnlySpan<ulong> sendCounts = default,
        ReadOnlySpan<ulong> receiveCounts = default
    ) =>
        cancellationToken.IsCancellationRequested
            ? Task.FromCanceled(cancellationToken)
            : EnqueueAsync(
                ref operation,
                new MemoryHandle(send),
                new MemoryHandle(receive),
                sendCounts,
                receiveCounts,
                cancellationToken
            );

    /// <summary>Runs an operation on device memory, which is kept for the call.</summary>
    internal unsafe void RunOnDevice<T>(
        ref Operation operation,
        DeviceSpan<T> send,
        DeviceSpan<T> receive,
        CudaStream stream,
        ReadOnlySpan<ulong> sendCounts = default,
        ReadOnlySpan<ulong> receiveCounts = default
    )
        where T : unmanaged
    {
        operation.PlaceOnDevice(stream);
        using DeviceMemory.Lease sent = send.Rent();
        using DeviceMemory.Lease received = receive.Rent();
        Run(ref operation, (void*)send.Address, (void*)receive.Address, sendCounts, receiveCounts);
    }

    /// <summary>Issues an operation on device memory, which is kept until it has ended.</summary>
    internal unsafe Task RunOnDeviceAsync<T>(
        ref Operation operation,
        DeviceSpan<T> send,
        DeviceSpan<T> receive,
        CudaStream stream,
        CancellationToken cancellationToken,
        ReadOnlySpan<ulong> sendCounts = default,
        ReadOnlySpan<ulong> receiveCounts = default
    )
        where T : unmanaged
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled(cancellationToken);
        }

        operation.PlaceOnDevice(stream);
        MemoryHandle sent = send.Keep();
        MemoryHandle received;
        try
        {
            received = receive.Keep();
        }
        catch
        {
            _ = AsyncOperation.Unpin(ref sent);
            throw;
        }

        return EnqueueAsync(ref operation, sent, received, sendCounts, receiveCounts, cancellationToken);
    }

    /// <summary>
    /// Runs an operation on tensors, which are pinned for the call; one whose elements do not lie one behind the other
    /// is copied.
    /// </summary>
    internal unsafe void Run<T>(
        ref Operation operation,
        in ReadOnlyTensorSpan<T> send,
        in TensorSpan<T> receive,
        ReadOnlySpan<ulong> sendCounts = default,
        ReadOnlySpan<ulong> receiveCounts = default,
        string sendName = "input",
        string receiveName = "output"
    )
        where T : unmanaged
    {
        // What is not used need not be of any shape.
        using DenseTensor<T> output = DenseTensor<T>.ForOutput(
            operation.ReceivedBytes == 0 ? default : receive,
            receiveName
        );
        using DenseTensor<T> input = DenseTensor<T>.ForInput(operation.SentBytes == 0 ? default : send, sendName);
        fixed (
            T* sendBuffer = input,
                receiveBuffer = output
        )
        {
            Run(ref operation, sendBuffer, receiveBuffer, sendCounts, receiveCounts);
        }

        if (operation.ReceivedBytes != 0)
        {
            output.CopyBack(receive);
        }
    }

    /// <summary>Issues an operation on tensors, which are pinned, or copied, until it has ended.</summary>
    internal Task RunAsync<T>(
        ref Operation operation,
        Tensor<T>? send,
        Tensor<T>? receive,
        CancellationToken cancellationToken,
        ReadOnlySpan<ulong> sendCounts = default,
        ReadOnlySpan<ulong> receiveCounts = default,
        Combiner? combiner = null
    )
        where T : unmanaged
    {
        if (cancellationToken.IsCancellationRequested)
        {
            combiner?.Dispose();
            return Task.FromCanceled(cancellationToken);
        }

        var output = new PinnedTensor<T>(operation.ReceivedBytes == 0 ? null : receive);
        bool isInPlace = operation.SentBytes != 0 && operation.ReceivedBytes != 0 && ReferenceEquals(send, receive);
        PinnedTensor<T> input = isInPlace ? output : new PinnedTensor<T>(operation.SentBytes == 0 ? null : send);
        MemoryHandle sendHandle = default;
        MemoryHandle receiveHandle;
        try
        {
            output.PrepareOutput(isInPlace);
            if (!isInPlace)
            {
                input.PrepareInput();
            }

            sendHandle = input.Pin();
            receiveHandle = output.Pin();
        }
        catch
        {
            _ = AsyncOperation.Unpin(ref sendHandle);
            combiner?.Dispose();
            throw;
        }

        Task running = EnqueueAsync(
            ref operation,
            sendHandle,
            receiveHandle,
            sendCounts,
            receiveCounts,
            cancellationToken,
            combiner
        );
        return output.IsCopied ? output.CopyBackAfter(running) : running;
    }

    /// <summary>Runs an operation on a tensor that it reads and writes.</summary>
    internal unsafe void RunInPlace<T>(ref Operation operation, in TensorSpan<T> buffer)
        where T : unmanaged
    {
        using DenseTensor<T> dense = DenseTensor<T>.ForBoth(buffer, nameof(buffer));
        fixed (T* memory = dense)
        {
            Run(ref operation, memory, memory);
        }

        dense.CopyBack(buffer);
    }

    /// <summary>Runs a reduction by an operator of the program's own.</summary>
    internal void RunWith<T>(ReduceFunction<T> function, ref Operation operation, ReadOnlySpan<T> send, Span<T> receive)
        where T : unmanaged
    {
        using var combiner = new Combiner<T>(function);
        combiner.Place(ref operation);
        try
        {
            Run(ref operation, send, receive);
        }
        catch (CollectiveException failure) when (combiner.Explains(failure))
        {
            throw combiner.Explain(failure);
        }
    }

    /// <inheritdoc cref="RunWith{T}(ReduceFunction{T}, ref Operation, ReadOnlySpan{T}, Span{T})"/>
    internal void RunWith<T>(
        ReduceFunction<T> function,
        ref Operation operation,
        in ReadOnlyTensorSpan<T> send,
        in TensorSpan<T> receive
    )
        where T : unmanaged
    {
        using var combiner = new Combiner<T>(function);
        combiner.Place(ref operation);
        try
        {
            Run(ref operation, send, receive);
        }
        catch (CollectiveException failure) when (combiner.Explains(failure))
        {
            throw combiner.Explain(failure);
        }
    }

    /// <summary>Issues a reduction by an operator of the program's own.</summary>
    internal Task RunWithAsync<T>(
        ReduceFunction<T> function,
        ref Operation operation,
        ReadOnlyMemory<T> send,
        Memory<T> receive,
        CancellationToken cancellationToken
    )
        where T : unmanaged
    {
        var combiner = new Combiner<T>(function);
        combiner.Place(ref operation);
        return RunAsync(ref operation, send, receive, cancellationToken, combiner: combiner);
    }

    /// <inheritdoc
    ///     cref="RunWithAsync{T}(ReduceFunction{T}, ref Operation, ReadOnlyMemory{T}, Memory{T}, CancellationToken)"/>
    internal Task RunWithAsync<T>(
        ReduceFunction<T> function,
        ref Operation operation,
        Tensor<T>? send,
        Tensor<T>? receive,
        CancellationToken cancellationToken
    )
        where T : unmanaged
    {
        var combiner = new Combiner<T>(function);
        combiner.Place(ref operation);
        return RunAsync(ref operation, send, receive, cancellationToken, combiner: combiner);
    }

    /// <summary>Every blocking operation.</summary>
    [SkipLocalsInit]
    private unsafe void Execute(ref Operation operation)
    {
        Unsafe.SkipInit(out nc_error error);
        error.size = (uint)sizeof(nc_error);
        using GroupHandle.Lease lease = _handle.Rent();
        Observation observation = default;
        if (Observation.IsWanted(this))
        {
            observation = Observation.Begin(this, operation.Observed(isAsynchronous: false));
        }

        nc_status status;
        fixed (nc_request* pinned = &operation.Request)
        {
            status = NativeMethods.nc_execute(lease.Group, pinned, &error);
        }

        End(status, &error, observation);
    }

    /// <summary>Every blocking batch.</summary>
    [SkipLocalsInit]
    internal unsafe void Execute(nc_request** requests, int count, in ObservedOperation observed)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        Unsafe.SkipInit(out nc_error error);
        error.size = (uint)sizeof(nc_error);
        using GroupHandle.Lease lease = _handle.Rent();
        Observation observation = default;
        if (Observation.IsWanted(this))
        {
            observation = Observation.Begin(this, observed);
        }

        nc_status status = NativeMethods.nc_execute_batch(lease.Group, requests, (ulong)count, &error);
        if (observed.Name == ExchangeName)
        {
            error.index = -1;
        }

        End(status, &error, observation);
    }

    private unsafe void End(nc_status status, nc_error* error, in Observation observation)
    {
        Exception? failure = status == nc_status.NC_OK ? null : Failure(error, CancellationToken.None);
        observation.End(this, failure);
        if (failure is not null)
        {
            throw failure;
        }
    }

    /// <summary>
    /// Every asynchronous operation. It is issued when this method returns, and has then its place in the order.
    /// </summary>
    private unsafe Task<DistributedGroup?> EnqueueAsync(
        ref Operation operation,
        MemoryHandle send,
        MemoryHandle receive,
        ReadOnlySpan<ulong> sendCounts,
        ReadOnlySpan<ulong> receiveCounts,
        CancellationToken cancellationToken,
        Combiner? combiner = null
    )
    {
        var pending = new AsyncOperation(this, send, receive, cancellationToken) { Combiner = combiner };
        try
        {
            pending.Place(ref operation, sendCounts, receiveCounts);
        }
        catch
        {
            pending.NotIssued(null);
            throw;
        }

        fixed (nc_request* request = &operation.Request)
        {
            ObservedOperation observed = Observation.IsWanted(this)
                ? operation.Observed(isAsynchronous: true)
                : default;
            return IssueAsync(pending, &request, 1, isBatch: false, observed);
        }
    }

    /// <summary>Issues what lies where it stays, and is copied by the call itself.</summary>
    [SkipLocalsInit]
    internal unsafe Task<DistributedGroup?> IssueAsync(
        AsyncOperation pending,
        nc_request** requests,
        int count,
        bool isBatch,
        in ObservedOperation observed
    )
    {
        Exception? failure = null;
        nc_work* work = null;
        bool issued = false;
        try
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            Unsafe.SkipInit(out nc_error error);
            error.size = (uint)sizeof(nc_error);
            using GroupHandle.Lease lease = _handle.Rent();
            pending.HidesPlaces = observed.Name == ExchangeName;
            pending.Observe(observed);
            nc_work** slot = pending.WorkSlot(&work);
            nc_status status = isBatch
                ? NativeMethods.nc_enqueue_batch(
                    lease.Group,
                    requests,
                    (ulong)count,
                    AsyncOperation.Completion,
                    pending.Root(),
                    slot,
                    &error
                )
                : NativeMethods.nc_enqueue(
                    lease.Group,
                    *requests,
                    AsyncOperation.Completion,
                    pending.Root(),
                    slot,
                    &error
                );
            issued = status == nc_status.NC_OK;

            if (!issued)
            {
                error.index = pending.HidesPlaces ? -1 : error.index;
                failure = Failure(&error, pending.CancellationToken);
            }
        }
        finally
        {
            if (!issued)
            {
                pending.NotIssued(failure);
            }
        }

        if (failure is not null)
        {
            // Mistakes of the caller are thrown by the call itself, failures by the task.
            return failure is ArgumentException or ObjectDisposedException
                ? throw failure
                : Task.FromException<DistributedGroup?>(failure);
        }

        pending.Issued(work);
        return pending.Task;
    }

    /// <summary>
    /// The exception for a failed call. The failure that ended the group is kept, for the calls that come after it.
    /// </summary>
    internal unsafe Exception Failure(nc_error* error, CancellationToken cancellationToken, Exception? cause = null)
    {
        Exception failure = CollectiveErrors.Describe(error, BackendName, Rank, cancellationToken, cause);
        if (failure is ObjectDisposedException)
        {
            return failure;
        }

        if (error->earlier != 0)
        {
            Exception first = Fault(failure);
            return CollectiveErrors.DescribeLater(first, BackendName, Rank);
        }

        nc_status end = NativeStatus;
        if (
            end != nc_status.NC_OK
            && (error->status == end || (error->status == nc_status.NC_CANCELLED && end == nc_status.NC_ABORTED))
        )
        {
            Fault(failure);
        }

        return failure;
    }

    // Keeps the failure if it is the first, and returns the first.
    private Exception Fault(Exception failure)
    {
        if (Interlocked.CompareExchange(ref _firstFailure, failure, null) is { } first)
        {
            return first;
        }

        Observation.Faulted(this, failure);
        return failure;
    }

    /// <summary>Makes a group of what a split of this one left behind.</summary>
    /// <param name="part">The new group.</param>
    /// <param name="start">When the split was asked for.</param>
    internal unsafe DistributedGroup Adopt(nc_group* part, long start)
    {
        var handle = new GroupHandle();
        LogChannel? log = _handle.Log;
        log?.AddReference();
        handle.Own(part, log);
        return Formed(new DistributedGroup(handle, Observer, Name) { IsSplit = true }, start);
    }
}
