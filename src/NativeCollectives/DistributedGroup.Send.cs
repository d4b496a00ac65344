using NativeCollectives.Interop;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Sends elements to another rank, which receives equally many.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">What is sent.</param>
    /// <param name="destination">
    /// The rank it goes to. A ring, be it JACCL's, reaches only the next and the previous rank, as MLX's do.
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
    /// <remarks>
    /// MPI's <c>MPI_Send</c>, NCCL's <c>ncclSend</c>, MLX's <c>send</c>. When it returns, the buffer may be used again;
    /// the peer need not have received yet.
    /// </remarks>
    public void Send<T>(ReadOnlySpan<T> buffer, int destination, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Operation operation = BeginSend(ElementType.Of<T>(), buffer.Length, destination, timeout);
        Run(ref operation, buffer, default);
    }

    /// <summary>Sends elements of a native buffer to another rank, which receives equally many.</summary>
    /// <param name="buffer">What is sent.</param>
    /// <param name="count">Elements of the buffer.</param>
    /// <param name="type">The element type.</param>
    /// <param name="destination">The rank it goes to.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Send{T}(ReadOnlySpan{T}, int, TimeSpan?)" path="/exception"/>
    public unsafe void Send(
        void* buffer,
        long count,
        CollectiveDataType type,
        int destination,
        TimeSpan? timeout = null
    )
    {
        Operation operation = BeginSend(buffer, count, type, destination, timeout);
        Run(ref operation, buffer, null);
    }

    /// <inheritdoc cref="SendAsync{T}(ReadOnlyMemory{T}, int, TimeSpan?, CancellationToken)"/>
    public Task SendAsync<T>(ReadOnlyMemory<T> buffer, int destination, CancellationToken cancellationToken = default)
        where T : unmanaged => SendAsync(buffer, destination, null, cancellationToken);

    /// <summary>Issues <see cref="Send{T}(ReadOnlySpan{T}, int, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">What is sent.</param>
    /// <param name="destination">The rank it goes to.</param>
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
    /// <inheritdoc cref="Send{T}(ReadOnlySpan{T}, int, TimeSpan?)" path="/exception"/>
    public Task SendAsync<T>(
        ReadOnlyMemory<T> buffer,
        int destination,
        TimeSpan? timeout,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Operation operation = BeginSend(ElementType.Of<T>(), buffer.Length, destination, timeout);
        return RunAsync(ref operation, buffer, default, cancellationToken);
    }

    /// <summary>Issues <see cref="Send(void*, long, CollectiveDataType, int, TimeSpan?)"/> and returns.</summary>
    /// <param name="buffer">What is sent.</param>
    /// <param name="count">Elements of the buffer.</param>
    /// <param name="type">The element type.</param>
    /// <param name="destination">The rank it goes to.</param>
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
    /// <inheritdoc cref="Send{T}(ReadOnlySpan{T}, int, TimeSpan?)" path="/exception"/>
    public unsafe Task SendAsync(
        void* buffer,
        long count,
        CollectiveDataType type,
        int destination,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        Operation operation = BeginSend(buffer, count, type, destination, timeout);
        return RunAsync(ref operation, buffer, null, cancellationToken);
    }

    internal Operation BeginSend(CollectiveDataType type, long count, int destination, TimeSpan? timeout)
    {
        Check.Peer(nameof(destination), destination, Rank, Size);
        Operation operation = Begin(nc_operation.NC_SEND, type, timeout);
        operation.Request.peer = destination;
        operation.Request.count = (ulong)count;
        operation.SentBytes = count * ElementType.SizeOf(type);
        return operation;
    }

    private unsafe Operation BeginSend(
        void* buffer,
        long count,
        CollectiveDataType type,
        int destination,
        TimeSpan? timeout
    )
    {
        Check.Count(count, 1, type);
        Check.NotNull(nameof(buffer), buffer, count);
        return BeginSend(type, count, destination, timeout);
    }
}
