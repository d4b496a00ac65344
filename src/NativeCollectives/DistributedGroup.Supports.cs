using NativeCollectives.Interop;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Whether the group's backend can do something here; nothing is tried.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="type">The element type.</param>
    /// <param name="op">How elements are combined, if the operation does that.</param>
    /// <param name="peer">
    /// The other rank of a send or receive; <see langword="null"/>: the next rank.
    /// </param>
    /// <param name="onDevice">Whether the buffers lie in the memory of the group's device.</param>
    /// <param name="tag">The tag of a send or receive; only 0 where the backend's wire has none.</param>
    /// <returns>Whether such an operation would not be a <see cref="NotSupportedException"/>.</returns>
    /// <exception cref="ArgumentException">
    /// There is no such operation: an operator that the type does not have, a peer that is no other rank.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The group has been disposed.</exception>
    public unsafe bool Supports(
        CollectiveOperation operation,
        CollectiveDataType type = CollectiveDataType.Float32,
        ReduceOp op = ReduceOp.Sum,
        int? peer = null,
        bool onDevice = false,
        int tag = 0
    )
    {
        bool isMessage = operation is CollectiveOperation.Send or CollectiveOperation.Receive;
        var request = new nc_request
        {
            size = (uint)sizeof(nc_request),
            operation = (nc_operation)operation,
            data_type = (nc_data_type)type,
            reduce_op = (nc_reduce_op)op,
            peer = peer ?? (isMessage ? (Rank + 1) % Size : 0),
            flags = onDevice ? NativeMethods.NC_REQUEST_DEVICE : 0,
            tag = tag,
        };
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        using GroupHandle.Lease lease = _handle.Rent();
        var error = new nc_error { size = (uint)sizeof(nc_error) };
        return NativeMethods.nc_group_supports(lease.Group, &request, &error) switch
        {
            nc_status.NC_OK => true,
            nc_status.NC_NOT_SUPPORTED => false,
            _ => throw CollectiveErrors.Describe(&error, BackendName, Rank),
        };
    }
}
