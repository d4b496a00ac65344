namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>How many devices a backend can work on.</summary>
    /// <param name="backend">The backend, which works on device memory: <see cref="BackendKind.Nccl"/>.</param>
    /// <returns>The number of devices; their ordinals count from 0.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="backend"/> is no backend.</exception>
    /// <exception cref="NotSupportedException">The backend works on host memory only.</exception>
    /// <exception cref="BackendUnavailableException">The backend cannot be used on this machine.</exception>
    /// <exception cref="CollectiveException">The CUDA driver failed.</exception>
    public static int DeviceCount(BackendKind backend)
    {
        string name = BackendNames.Of(backend);
        return backend is BackendKind.Nccl
            ? DeviceMemory.CountDevices(name)
            : throw new NotSupportedException($"The backend {name} has no devices: it works on host memory only.");
    }

    /// <summary>Allocates memory for elements on the group's device.</summary>
    /// <typeparam name="T">
    /// The type of the elements; operations take those listed at <see cref="DistributedGroup"/>.
    /// </typeparam>
    /// <param name="length">How many elements; may be 0.</param>
    /// <returns>The memory, which is not initialized. The caller disposes it; it is independent of the group.</returns>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="length"/> is negative or more than memory can hold.
    /// </exception>
    /// <exception cref="NotSupportedException">The group works on host memory only.</exception>
    /// <exception cref="CollectiveOutOfMemoryException">The device has not that much memory left.</exception>
    /// <exception cref="CollectiveException">The CUDA driver failed.</exception>
    public DeviceBuffer<T> AllocateDevice<T>(long length)
        where T : unmanaged =>
        Device is { } device
            ? new DeviceBuffer<T>(length, device)
            : throw new NotSupportedException(
                $"A group of the backend {BackendName} has no device: it works on host memory only."
            );
}
