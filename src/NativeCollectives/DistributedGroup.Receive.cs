using NativeCollectives.Interop;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Receives elements from another rank, which sends equally many.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">Where they go.</param>
    /// <param name="source">
    /// The rank they come from. A ring, be it JACCL's, reaches only the next and the previous rank, as MLX's do.
    /// </param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <exception cref="ArgumentException">
    /// <typeparamref name="T"/> is not an element type, a length is wrong, or buffers overlap in another way than the
    /// in-place form.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A rank or operator does not exist, or <paramref name="timeout"/> is not positive and finite.
    /// </exception>
    /// <exception cref="NotSupportedException">The group's backend cannot do this. The group stays usable.</exception>
    /// <exception cref="ObjectDisposedException">The group has been disposed, before or meanwhile.</exception>
    /// <exception cref="CollectiveException">
    /// The operation failed and ended the group, or an earlier one had: the derived type tells how.
    /// </exception>
    /// <remarks>MPI's <c>MPI_Recv</c>, NCCL's <c>ncclRecv</c>, MLX's <c>recv</c>.</remarks>
    public void Receive<T>(Span<T> buffer, int source, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Operation operation = BeginReceive(ElementType.Of<T>(), buffer.Length, source, timeout);
        Run(ref operation, default, buffer);
    }

    /// <summary>Receives elements from another rank, which sends equally many.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="count">How many.</param>
    /// <param name="source">The rank they come from.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <returns>The elements.</returns>
    /// <inheritdoc cref="Receive{T}(Span{T}, int, TimeSpan?)" path="/exception"/>
    public T[] Receive<T>(int count, int source, TimeSpan? timeout = null)
        where T : unmanaged
    {
        T[] buffer = NewReceived<T>(count, source);
        Receive(buffer.AsSpan(), source, timeout);
        return buffer;
    }

    /// <summary>Receives elements into a native buffer from another rank, which sends equally many.</summary>
    /// <param name="buffer">Where they go.</param>
    /// <param name="count">Elements of the buffer.</param>
    /// <param name="type">The element type.</param>
    /// <param name="source">The rank they come from.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Receive{T}(Span{T}, int, TimeSpan?)" path="/exception"/>
    public unsafe void Receive(void* buffer, long count, CollectiveDataType type, int source, TimeSpan? timeout = null)
    {
        Operation operation = BeginReceive(buffer, count, type, source, timeout);
        Run(ref operation, null, buffer);
    }

    /// <inheritdoc cref="ReceiveAsync{T}(Memory{T}, int, TimeSpan?, CancellationToken)"/>
    public Task ReceiveAsync<T>(Memory<T> buffer, int source, CancellationToken cancellationToken = default)
        where T : unmanaged => ReceiveAsync(buffer, source, null, cancellationToken);

    /// <summary>Issues <see cref="Receive{T}(Span{T}, int, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">Where the elements go.</param>
    /// <param name="source">The rank they come from.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>
    /// A task that completes when the operation has ended on this rank; until then the buffers must not be touched.
    /// </returns>
    /// <inheritdoc cref="Receive{T}(Span{T}, int, TimeSpan?)" path="/exception"/>
    public Task ReceiveAsync<T>(
        Memory<T> buffer,
        int source,
        TimeSpan? timeout,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Operation operation = BeginReceive(ElementType.Of<T>(), buffer.Length, source, timeout);
        return RunAsync(ref operation, default, buffer, cancellationToken);
    }

    /// <inheritdoc cref="ReceiveAsync{T}(int, int, TimeSpan?, CancellationToken)"/>
    public Task<T[]> ReceiveAsync<T>(int count, int source, CancellationToken cancellationToken = default)
        where T : unmanaged => ReceiveAsync<T>(count, source, null, cancellationToken);

    /// <summary>Issues <see cref="Receive{T}(int, int, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="count">How many elements.</param>
    /// <param name="source">The rank they come from.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>The elements, once they are here.</returns>
    /// <inheritdoc cref="Receive{T}(Span{T}, int, TimeSpan?)" path="/exception"/>
    public Task<T[]> ReceiveAsync<T>(
        int count,
        int source,
        TimeSpan? timeout,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        T[] buffer = NewReceived<T>(count, source);
        return Returning(ReceiveAsync(buffer.AsMemory(), source, timeout, cancellationToken), buffer);
    }

    /// <summary>Issues <see cref="Receive(void*, long, CollectiveDataType, int, TimeSpan?)"/> and returns.</summary>
    /// <param name="buffer">Where the elements go.</param>
    /// <param name="count">Elements of the buffer.</param>
    /// <param name="type">The element type.</param>
    /// <param name="source">The rank they come from.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>
    /// A task that completes when the operation has ended on this rank; until then the buffers must not be touched.
    /// </returns>
    /// <inheritdoc cref="Receive{T}(Span{T}, int, TimeSpan?)" path="/exception"/>
    public unsafe Task ReceiveAsync(
        void* buffer,
        long count,
        CollectiveDataType type,
        int source,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        Operation operation = BeginReceive(buffer, count, type, source, timeout);
        return RunAsync(ref operation, null, buffer, cancellationToken);
    }

    // What can be wrong is found before memory is taken.
    private T[] NewReceived<T>(int count, int source)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        Check.Peer(nameof(source), source, Rank, Size);
        return NewArray<T>(nameof(count), count);
    }

    internal Operation BeginReceive(CollectiveDataType type, long count, int source, TimeSpan? timeout)
    {
        Check.Peer(nameof(source), source, Rank, Size);
        Operation operation = Begin(nc_operation.NC_RECEIVE, type, timeout);
        operation.Request.peer = source;
        operation.Request.count = (ulong)count;
        operation.ReceivedBytes = count * ElementType.SizeOf(type);
        return operation;
    }

    private unsafe Operation BeginReceive(
        void* buffer,
        long count,
        CollectiveDataType type,
        int source,
        TimeSpan? timeout
    )
    {
        Check.Count(count, 1, type);
        Check.NotNull(nameof(buffer), buffer, count);
        return BeginReceive(type, count, source, timeout);
    }
}
