using NativeCollectives.Interop;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Copies the root's buffer to every rank.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">At the root what is sent, elsewhere the result: equally long on every rank.</param>
    /// <param name="root">The rank whose buffer it is.</param>
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
    /// <remarks>MPI's <c>MPI_Bcast</c>, NCCL's <c>ncclBcast</c>.</remarks>
    public void Broadcast<T>(Span<T> buffer, int root, TimeSpan? timeout = null)
        where T : unmanaged
    {
        Operation operation = BeginBroadcast(ElementType.Of<T>(), buffer.Length, root, timeout);
        Run(ref operation, buffer, buffer);
    }

    /// <summary>Copies the root's native buffer to every rank.</summary>
    /// <param name="buffer">At the root what is sent, elsewhere the result.</param>
    /// <param name="count">Elements of the buffer.</param>
    /// <param name="type">The element type.</param>
    /// <param name="root">The rank whose buffer it is.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Broadcast{T}(Span{T}, int, TimeSpan?)" path="/exception"/>
    public unsafe void Broadcast(void* buffer, long count, CollectiveDataType type, int root, TimeSpan? timeout = null)
    {
        Operation operation = BeginBroadcast(buffer, count, type, root, timeout);
        Run(ref operation, buffer, buffer);
    }

    /// <inheritdoc cref="BroadcastAsync{T}(Memory{T}, int, TimeSpan?, CancellationToken)"/>
    public Task BroadcastAsync<T>(Memory<T> buffer, int root, CancellationToken cancellationToken = default)
        where T : unmanaged => BroadcastAsync(buffer, root, null, cancellationToken);

    /// <summary>Issues <see cref="Broadcast{T}(Span{T}, int, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">At the root what is sent, elsewhere the result: equally long on every rank.</param>
    /// <param name="root">The rank whose buffer it is.</param>
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
    /// <inheritdoc cref="Broadcast{T}(Span{T}, int, TimeSpan?)" path="/exception"/>
    public Task BroadcastAsync<T>(
        Memory<T> buffer,
        int root,
        TimeSpan? timeout,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        Operation operation = BeginBroadcast(ElementType.Of<T>(), buffer.Length, root, timeout);
        return RunAsync(ref operation, buffer, buffer, cancellationToken);
    }

    /// <summary>Issues <see cref="Broadcast(void*, long, CollectiveDataType, int, TimeSpan?)"/> and returns.</summary>
    /// <param name="buffer">At the root what is sent, elsewhere the result.</param>
    /// <param name="count">Elements of the buffer.</param>
    /// <param name="type">The element type.</param>
    /// <param name="root">The rank whose buffer it is.</param>
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
    /// <inheritdoc cref="Broadcast{T}(Span{T}, int, TimeSpan?)" path="/exception"/>
    public unsafe Task BroadcastAsync(
        void* buffer,
        long count,
        CollectiveDataType type,
        int root,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        Operation operation = BeginBroadcast(buffer, count, type, root, timeout);
        return RunAsync(ref operation, buffer, buffer, cancellationToken);
    }

    internal Operation BeginBroadcast(CollectiveDataType type, long count, int root, TimeSpan? timeout)
    {
        Check.Root(root, Size);
        Operation operation = Begin(nc_operation.NC_BROADCAST, type, timeout);
        operation.Request.peer = root;
        operation.Request.count = (ulong)count;
        long bytes = count * ElementType.SizeOf(type);
        operation.SentBytes = Rank == root ? bytes : 0;
        operation.ReceivedBytes = Rank == root ? 0 : bytes;
        return operation;
    }

    private unsafe Operation BeginBroadcast(
        void* buffer,
        long count,
        CollectiveDataType type,
        int root,
        TimeSpan? timeout
    )
    {
        Check.Count(count, 1, type);
        Check.NotNull(nameof(buffer), buffer, count);
        return BeginBroadcast(type, count, root, timeout);
    }
}
