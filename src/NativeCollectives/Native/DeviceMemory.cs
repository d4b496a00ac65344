using System.Buffers;
using System.Runtime.InteropServices;
using NativeCollectives.Interop;

namespace NativeCollectives;

/// <summary>
/// Memory of a device. It is given back when it has been disposed, or has become unreachable, and no operation uses it
/// any more.
/// </summary>
internal sealed unsafe class DeviceMemory : SafeHandle, IPinnable
{
    private readonly int _device;

    // A handle that operations use is not closed before they have ended.
    private volatile bool _isDisposed;

    private DeviceMemory(int device)
        : base(0, ownsHandle: true) => _device = device;

    // That of no bytes has no address, and nothing to give back.
    public override bool IsInvalid => handle == 0;

    internal int Device => _device;

    /// <summary>Takes memory.</summary>
    /// <param name="device">The device's ordinal.</param>
    /// <param name="bytes">How much; 0: none, at the address 0.</param>
    internal static DeviceMemory Allocate(int device, long bytes)
    {
        NativeCore.Require();
        var memory = new DeviceMemory(device);
        var error = new nc_error { size = (uint)sizeof(nc_error) };
        void* address = null;
        fixed (byte* backend = BackendName)
        {
            Check(NativeMethods.nc_device_allocate(backend, device, (ulong)bytes, &address, &error), &error);
        }

        memory.SetHandle((nint)address);
        return memory;
    }

    /// <summary>How many devices there are.</summary>
    internal static int CountDevices(string backend)
    {
        NativeCore.Require();
        using var strings = new NativeStrings();
        var error = new nc_error { size = (uint)sizeof(nc_error) };
        int count = 0;
        nc_status status = NativeMethods.nc_device_count(strings.Add(backend), &count, &error);
        return status == nc_status.NC_OK ? count : throw CollectiveErrors.Describe(&error, backend, -1);
    }

    /// <summary>Keeps the memory until the lease is disposed.</summary>
    /// <exception cref="ObjectDisposedException">It has been disposed.</exception>
    internal Lease Rent() => new(this);

    /// <summary>Where the memory lies.</summary>
    /// <exception cref="ObjectDisposedException">It has been disposed.</exception>
    internal nint Address => _isDisposed ? throw Disposed() : handle;

    /// <summary>
    /// Copies between this memory and another, after everything that was put on the device's default stream before.
    /// </summary>
    internal void Copy(void* destination, void* source, long bytes, nc_copy_direction direction)
    {
        using Lease lease = Rent();
        if (bytes == 0)
        {
            return;
        }

        var error = new nc_error { size = (uint)sizeof(nc_error) };
        fixed (byte* backend = BackendName)
        {
            Check(
                NativeMethods.nc_device_copy(backend, _device, destination, source, (ulong)bytes, direction, &error),
                &error
            );
        }
    }

    /// <summary>Keeps the memory until the handle is disposed.</summary>
    /// <exception cref="ObjectDisposedException">It has been disposed.</exception>
    internal MemoryHandle Keep(nint address)
    {
        AddReference();
        return new MemoryHandle((void*)address, pinnable: this);
    }

    MemoryHandle IPinnable.Pin(int elementIndex) => Keep(handle);

    void IPinnable.Unpin() => DangerousRelease();

    protected override void Dispose(bool disposing)
    {
        _isDisposed = true;
        base.Dispose(disposing);
    }

    protected override bool ReleaseHandle()
    {
        // Waits for nobody: the native library gives the memory back once the device has done what uses it.
        fixed (byte* backend = BackendName)
        {
            _ = NativeMethods.nc_device_free(backend, _device, (void*)handle, null);
        }

        return true;
    }

    private static ReadOnlySpan<byte> BackendName => "nccl\0"u8;

    private static void Check(nc_status status, nc_error* error)
    {
        if (status != nc_status.NC_OK)
        {
            throw CollectiveErrors.Describe(error, NcclConfiguration.Name, -1);
        }
    }

    private static ObjectDisposedException Disposed() => new("NativeCollectives.DeviceBuffer");

    private void AddReference()
    {
        if (_isDisposed)
        {
            throw Disposed();
        }

        bool added = false;
        try
        {
            DangerousAddRef(ref added);
        }
        catch (ObjectDisposedException)
        {
            throw Disposed();
        }
    }

    internal readonly ref struct Lease
    {
        private readonly DeviceMemory? _owner;

        internal Lease(DeviceMemory owner)
        {
            owner.AddReference();
            _owner = owner;
        }

        public void Dispose() => _owner?.DangerousRelease();
    }
}
