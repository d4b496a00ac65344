using System.Diagnostics;
using NativeCollectives.Interop;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>
    /// Divides the group: the ranks that give the same color form a new group, which is independent of this one.
    /// </summary>
    /// <param name="color">Which group this rank joins, from 0.</param>
    /// <param name="key">
    /// The order of the ranks within the new group: by key, then by rank in this group. Negative (the default): the
    /// rank in this group.
    /// </param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <returns>The new group. The caller disposes it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="color"/> is negative, or <paramref name="timeout"/> is not positive and finite.
    /// </exception>
    /// <exception cref="NotSupportedException">The group's backend cannot do this. The group stays usable.</exception>
    /// <exception cref="RendezvousException">The new group could not be formed. This group stays usable.</exception>
    /// <exception cref="ObjectDisposedException">The group has been disposed, before or meanwhile.</exception>
    /// <exception cref="CollectiveException">
    /// The operation failed and ended the group, or an earlier one had: the derived type tells how.
    /// </exception>
    /// <remarks>
    /// MPI's <c>MPI_Comm_split</c>, MLX's <c>Group.split</c>. Every rank of this group takes part, by this method or by
    /// <see cref="SkipSplit(TimeSpan?)"/>. The new group has this one's operation timeout and sends its progress
    /// messages the same way.
    /// </remarks>
    public DistributedGroup Split(int color, int key = -1, TimeSpan? timeout = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(color);
        return MemberOf(RunSplit(color, key, timeout));
    }

    /// <summary>Takes part in a split of the group without joining a new one.</summary>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Split(int, int, TimeSpan?)" path="/exception"/>
    /// <remarks>The color <c>MPI_UNDEFINED</c> of <c>MPI_Comm_split</c>.</remarks>
    public void SkipSplit(TimeSpan? timeout = null) => RunSplit(-1, -1, timeout)?.Dispose();

    /// <summary>Issues <see cref="Split(int, int, TimeSpan?)"/> and returns.</summary>
    /// <param name="color">Which group this rank joins, from 0.</param>
    /// <param name="key">
    /// The order of the ranks within the new group: by key, then by rank in this group. Negative (the
    /// default): the rank in this group.
    /// </param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>The new group, once it is formed. The caller disposes it.</returns>
    /// <inheritdoc cref="Split(int, int, TimeSpan?)" path="/exception"/>
    public Task<DistributedGroup> SplitAsync(
        int color,
        int key = -1,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentOutOfRangeException.ThrowIfNegative(color);
        return MemberOf(RunSplitAsync(color, key, timeout, cancellationToken));
    }

    /// <summary>Issues <see cref="SkipSplit(TimeSpan?)"/> and returns.</summary>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>A task that completes when the operation has ended on this rank.</returns>
    /// <inheritdoc cref="Split(int, int, TimeSpan?)" path="/exception"/>
    public Task SkipSplitAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        RunSplitAsync(-1, -1, timeout, cancellationToken);

    // Who gives a color is a member.
    private DistributedGroup MemberOf(DistributedGroup? part) =>
        part
        ?? throw new CollectiveException("The native library made no group.")
        {
            Backend = BackendName,
            Rank = Rank,
            Operation = nameof(Split),
        };

    private async Task<DistributedGroup> MemberOf(Task<DistributedGroup?> split) =>
        MemberOf(await split.ConfigureAwait(false));

    private unsafe DistributedGroup? RunSplit(int color, int key, TimeSpan? timeout)
    {
        Operation operation = BeginSplit(color, key, timeout);
        long start = Stopwatch.GetTimestamp();
        nc_group* part = null;
        operation.Request.new_group = &part;
        Run(ref operation, null, null);
        return part is null ? null : Adopt(part, start);
    }

    private Task<DistributedGroup?> RunSplitAsync(
        int color,
        int key,
        TimeSpan? timeout,
        CancellationToken cancellationToken
    )
    {
        Operation operation = BeginSplit(color, key, timeout);
        return cancellationToken.IsCancellationRequested
            ? Task.FromCanceled<DistributedGroup?>(cancellationToken)
            : EnqueueAsync(ref operation, default, default, default, default, cancellationToken);
    }

    private Operation BeginSplit(int color, int key, TimeSpan? timeout)
    {
        Operation operation = Begin(nc_operation.NC_SPLIT, default, 0, timeout);
        operation.Request.color = color;
        operation.Request.key = key;
        return operation;
    }
}
