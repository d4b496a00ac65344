namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>The sum of the ranks' inputs, element by element; every rank gets its own block of it.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">
    /// What this rank contributes: <see cref="Size"/> blocks of the output's length, one for each rank.
    /// </param>
    /// <param name="output">The own block of the result. In place: the own block of the input.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="ReduceScatter{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    /// <remarks>MLX's <c>sum_scatter</c>; the same as <c>ReduceScatter</c> with <see cref="ReduceOp.Sum"/>.</remarks>
    public void SumScatter<T>(ReadOnlySpan<T> input, Span<T> output, TimeSpan? timeout = null)
        where T : unmanaged => ReduceScatter(input, output, ReduceOp.Sum, timeout);

    /// <summary>The sum of the ranks' inputs, element by element; every rank gets its own block of it.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: <see cref="Size"/> blocks, one for each rank.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <returns>The own block of the result.</returns>
    /// <inheritdoc cref="ReduceScatter{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    /// <remarks>MLX's <c>sum_scatter</c>; the same as <c>ReduceScatter</c> with <see cref="ReduceOp.Sum"/>.</remarks>
    public T[] SumScatter<T>(ReadOnlySpan<T> input, TimeSpan? timeout = null)
        where T : unmanaged
    {
        T[] output = NewArray<T>(nameof(input), Check.Divide(nameof(input), input.Length, Size));
        SumScatter(input, output, timeout);
        return output;
    }

    /// <inheritdoc cref="SumScatterAsync{T}(ReadOnlyMemory{T}, Memory{T}, TimeSpan?, CancellationToken)"/>
    public Task SumScatterAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged => ReduceScatterAsync(input, output, ReduceOp.Sum, null, cancellationToken);

    /// <summary>Issues <see cref="SumScatter{T}(ReadOnlySpan{T}, Span{T}, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">
    /// What this rank contributes: <see cref="Size"/> blocks of the output's length, one for each rank.
    /// </param>
    /// <param name="output">The own block of the result. In place: the own block of the input.</param>
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
    /// <inheritdoc cref="ReduceScatter{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public Task SumScatterAsync<T>(
        ReadOnlyMemory<T> input,
        Memory<T> output,
        TimeSpan? timeout,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged => ReduceScatterAsync(input, output, ReduceOp.Sum, timeout, cancellationToken);

    /// <inheritdoc cref="SumScatterAsync{T}(ReadOnlyMemory{T}, TimeSpan?, CancellationToken)"/>
    public Task<T[]> SumScatterAsync<T>(ReadOnlyMemory<T> input, CancellationToken cancellationToken = default)
        where T : unmanaged => SumScatterAsync(input, timeout: null, cancellationToken);

    /// <summary>Issues <see cref="SumScatter{T}(ReadOnlySpan{T}, TimeSpan?)"/> and returns.</summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What this rank contributes: <see cref="Size"/> blocks, one for each rank.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>The own block of the result, once the operation has ended on this rank.</returns>
    /// <inheritdoc cref="ReduceScatter{T}(ReadOnlySpan{T}, Span{T}, ReduceOp, TimeSpan?)" path="/exception"/>
    public Task<T[]> SumScatterAsync<T>(
        ReadOnlyMemory<T> input,
        TimeSpan? timeout,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        T[] output = NewArray<T>(nameof(input), Check.Divide(nameof(input), input.Length, Size));
        return Returning(SumScatterAsync(input, output, timeout, cancellationToken), output);
    }
}
