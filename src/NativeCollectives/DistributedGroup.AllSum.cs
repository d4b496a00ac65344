namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>The sum of the ranks' inputs, element by element; every rank gets the whole result.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">The result, of the input's length. In place: the input's memory.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    /// <remarks>MLX's <c>all_sum</c>; the same as <c>AllReduce</c> with <see cref="ReduceOp.Sum"/>.</remarks>
    public void AllSum<T>(ReadOnlySpan<T> input, Span<T> output, TimeSpan? timeout = null)
        where T : unmanaged => AllReduce(input, output, ReduceOp.Sum, timeout);

    /// <summary>
    /// The sum of the ranks' buffers, element by element, in place; every rank gets the whole result.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">What this rank contributes, and then the result.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    /// <remarks>MLX's <c>all_sum</c>; the same as <c>AllReduce</c> with <see cref="ReduceOp.Sum"/>.</remarks>
    public void AllSum<T>(Span<T> buffer, TimeSpan? timeout = null)
        where T : unmanaged => AllReduce(buffer, ReduceOp.Sum, timeout);

    /// <inheritdoc cref="AllSumAsync{T}(ReadOnlyMemory{T}, Memory{T}, TimeSpan?, CancellationToken)"/>
    public Task AllSumAsync<T>(ReadOnlyMemory<T> input, Memory<T> output, CancellationToken cancellationToken = default)
        where T : unmanaged => AllReduceAsync(input, output, ReduceOp.Sum, null, cancellationToken);

    /// <summary>Issues <see cref="AllSum{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes.</param>
    /// <param name="output">The result, of the input's length. In place: the input's memory.</param>
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
    /// <inheritdoc cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public Task AllSumAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        TimeSpan? timeout,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged => AllReduceAsync(input, output, ReduceOp.Sum, timeout, cancellationToken);

    /// <inheritdoc cref="AllSumAsync{T}(Memory{T}, TimeSpan?, CancellationToken)"/>
    public Task AllSumAsync<T>(Memory<T> buffer, CancellationToken cancellationToken = default)
        where T : unmanaged => AllReduceAsync(buffer, ReduceOp.Sum, null, cancellationToken);

    /// <summary>Issues <see cref="AllSum{T}(Span{T}, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="buffer">What this rank contributes, and then the result.</param>
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
    /// <inheritdoc cref="AllReduce{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public Task AllSumAsync<T>(Memory<T> buffer, TimeSpan? timeout, CancellationToken cancellationToken = default)
        where T : unmanaged => AllReduceAsync(buffer, ReduceOp.Sum, timeout, cancellationToken);
}
