namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Receives as many elements as a buffer has from another rank, which sends equally many.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="template">The buffer whose length counts; it is neither read nor written.</param>
    /// <param name="source">The rank they come from.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <returns>The elements.</returns>
    /// <inheritdoc cref="Receive{T}(Span{T}, int, TimeSpan?)" path="/exception"/>
    /// <remarks>MLX's <c>recv_like</c>.</remarks>
    public T[] ReceiveLike<T>(ReadOnlySpan<T> template, int source, TimeSpan? timeout = null)
        where T : unmanaged => Receive<T>(template.Length, source, timeout);

    /// <inheritdoc cref="ReceiveLikeAsync{T}(ReadOnlyMemory{T}, int, TimeSpan?, CancellationToken)"/>
    public Task<T[]> ReceiveLikeAsync<T>(
        ReadOnlyMemory<T> template,
        int source,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged => ReceiveAsync<T>(template.Length, source, null, cancellationToken);

    /// <summary>Issues <see cref="ReceiveLike{T}(ReadOnlySpan{T}, int, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="template">The buffer whose length counts; it is neither read nor written.</param>
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
    public Task<T[]> ReceiveLikeAsync<T>(
        ReadOnlyMemory<T> template,
        int source,
        TimeSpan? timeout,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged => ReceiveAsync<T>(template.Length, source, timeout, cancellationToken);
}
