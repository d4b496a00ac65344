using NativeCollectives.Interop;

namespace NativeCollectives;

/// <summary>
/// The native groups that exist. A process that ends without leaving its groups looks like a crash to its peers; so at
/// its end the groups that are left over are left in order, those included whose managed side is gone and not yet
/// finalized.
/// </summary>
internal static unsafe class LiveGroups
{
    private static readonly Lock _lock = new();
    private static readonly HashSet<nint> _groups = [];
    private static bool _subscribed;

    internal static int Count
    {
        get
        {
            lock (_lock)
            {
                return _groups.Count;
            }
        }
    }

    internal static void Add(nint group)
    {
        lock (_lock)
        {
            if (!_subscribed)
            {
                _subscribed = true;
                AppDomain.CurrentDomain.ProcessExit += static (_, _) => LeaveAll();
            }

            _groups.Add(group);
        }
    }

    /// <summary>To be called before the group is destroyed.</summary>
    internal static void Remove(nint group)
    {
        lock (_lock)
        {
            _groups.Remove(group);
        }
    }

    /// <summary>Leaves every group. None can be destroyed meanwhile, and leaving does not wait for anybody.</summary>
    internal static void LeaveAll()
    {
        lock (_lock)
        {
            foreach (nint group in _groups)
            {
                NativeMethods.nc_group_close((nc_group*)group);
            }
        }
    }
}
