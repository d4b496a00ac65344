using System.Runtime.InteropServices;
using NativeCollectives.Interop;

namespace NativeCollectives;

/// <summary>An operation that was enqueued, for as long as it may have to be cancelled.</summary>
internal sealed unsafe class WorkHandle : SafeHandle
{
    internal WorkHandle()
        : base(0, ownsHandle: true) { }

    public override bool IsInvalid => handle == 0;

    internal void Own(nc_work* work) => SetHandle((nint)work);

    /// <summary>Cancels the operation. Nothing happens if it has ended.</summary>
    internal void Cancel()
    {
        bool rented = false;
        try
        {
            DangerousAddRef(ref rented);
            NativeMethods.nc_work_cancel((nc_work*)handle);
        }
        catch (ObjectDisposedException)
        {
            // It has ended.
        }
        finally
        {
            if (rented)
            {
                DangerousRelease();
            }
        }
    }

    protected override bool ReleaseHandle()
    {
        NativeMethods.nc_work_release((nc_work*)handle);
        return true;
    }
}
