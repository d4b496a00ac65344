using System.Runtime.InteropServices.Marshalling;
using NativeCollectives.Interop;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>
    /// Ends the group: every pending and later call of it throws a <see cref="GroupAbortedException"/>, and the peers
    /// get to know, as of a lost peer where the backend cannot tell them more. From any thread, at any time.
    /// </summary>
    /// <param name="reason">Why, for the exceptions' messages on this rank; <see langword="null"/>: not told.</param>
    /// <exception cref="ObjectDisposedException">The group has been disposed.</exception>
    /// <remarks>
    /// The counterpart of NCCL's <c>ncclCommAbort</c>. Nothing happens to a group that has failed already: its first
    /// failure stays.
    /// </remarks>
    public unsafe void Abort(string? reason = null)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        byte* text = Utf8StringMarshaller.ConvertToUnmanaged(reason);
        try
        {
            using GroupHandle.Lease lease = _handle.Rent();
            NativeMethods.nc_group_abort(lease.Group, text);
        }
        finally
        {
            Utf8StringMarshaller.Free(text);
        }
    }

    /// <summary>What a peer sent cannot be used, so that the ranks are no longer in step: ends the group.</summary>
    internal CollectiveMismatchException OutOfStep(string reason)
    {
        Abort(reason);
        return new CollectiveMismatchException($"What a peer sent cannot be used: {reason}.")
        {
            Backend = BackendName,
            Rank = Rank,
        };
    }
}
