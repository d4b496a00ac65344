using NativeCollectives.Interop;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Waits until every rank has come here.</summary>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeout"/> is not positive and finite.</exception>
    /// <exception cref="ObjectDisposedException">The group has been disposed, before or meanwhile.</exception>
    /// <exception cref="CollectiveException">
    /// The operation failed and ended the group, or an earlier one had: the derived type tells how.
    /// </exception>
    /// <remarks>MPI's <c>MPI_Barrier</c>.</remarks>
    public unsafe void Barrier(TimeSpan? timeout = null)
    {
        Operation operation = Begin(nc_operation.NC_BARRIER, default, 0, timeout);
        Run(ref operation, null, null);
    }

    /// <summary>Issues <see cref="Barrier(TimeSpan?)"/> and returns.</summary>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>A task that completes when every rank has come here.</returns>
    /// <inheritdoc cref="Barrier(TimeSpan?)" path="/exception"/>
    public unsafe Task BarrierAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Operation operation = Begin(nc_operation.NC_BARRIER, default, 0, timeout);
        return RunAsync(ref operation, null, null, cancellationToken);
    }
}
