using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using NativeCollectives.Interop;

namespace NativeCollectives;

/// <summary>
/// A native group. It is destroyed when it has been disposed, or has become unreachable, and no call on it is running
/// any more.
/// </summary>
internal sealed unsafe class GroupHandle : SafeHandle
{
    private LogChannel? _log;
    private GCHandle _onFault;
    private LiveGroupCounts.Sort? _counted;

    internal GroupHandle()
        : base(0, ownsHandle: true) { }

    public override bool IsInvalid => handle == 0;

    /// <summary>Where the group's messages go; the groups that are split from it share it.</summary>
    internal LogChannel? Log => _log;

    /// <summary>Takes over a native group, and with it one reference to the channel of its messages.</summary>
    internal void Own(nc_group* group, LogChannel? log)
    {
        _log = log;
        SetHandle((nint)group);
        LiveGroups.Add(handle);
    }

    /// <summary>Keeps the native group from being destroyed while a call on it is running.</summary>
    /// <exception cref="ObjectDisposedException">It has been disposed.</exception>
    internal Lease Rent() => new(this);

    /// <summary>Has something done once when a failure ends the group; at once if one has. For one caller.</summary>
    internal void OnFault(Action tell)
    {
        using Lease lease = Rent();
        _onFault = GCHandle.Alloc(tell);
        var error = new nc_error { size = (uint)sizeof(nc_error) };
        _ = NativeMethods.nc_group_on_fault(lease.Group, &Faulted, (void*)GCHandle.ToIntPtr(_onFault), &error);
    }

    /// <summary>The group has been counted, and is to be no more when it is destroyed.</summary>
    internal void CountAs(LiveGroupCounts.Sort sort) => _counted = sort;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Faulted(void* context, nc_error* error) =>
        ((Action)GCHandle.FromIntPtr((nint)context).Target!)();

    /// <summary>
    /// Leaves the group in order, so that running and later calls fail and peers receive what was sent to them. Does
    /// not wait for anybody.
    /// </summary>
    internal void Leave()
    {
        bool rented = false;
        try
        {
            DangerousAddRef(ref rented);
            NativeMethods.nc_group_close((nc_group*)handle);
        }
        catch (ObjectDisposedException)
        {
            // Gone already.
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
        LiveGroups.Remove(handle);
        if (_counted is not null)
        {
            LiveGroupCounts.Remove(_counted);
        }

        NativeMethods.nc_group_destroy((nc_group*)handle);
        if (_onFault.IsAllocated)
        {
            _onFault.Free();
        }

        _log?.Release();
        return true;
    }

    internal readonly ref struct Lease
    {
        private readonly GroupHandle _owner;

        internal Lease(GroupHandle owner)
        {
            bool rented = false;
            try
            {
                owner.DangerousAddRef(ref rented);
            }
            catch (ObjectDisposedException)
            {
                throw new ObjectDisposedException(typeof(DistributedGroup).FullName);
            }

            _owner = owner;
        }

        internal nc_group* Group => (nc_group*)_owner.handle;

        internal int Rank => NativeMethods.nc_group_rank(Group);

        internal int Size => NativeMethods.nc_group_size(Group);

        internal string Backend => Utf8StringMarshaller.ConvertToManaged(NativeMethods.nc_group_backend(Group)) ?? "";

        internal int? Device => NativeMethods.nc_group_device(Group) is >= 0 and var device ? device : null;

        public void Dispose() => _owner.DangerousRelease();
    }
}
