namespace NativeCollectives.Worker;

/// <summary>Where the operands of an operation lie, and by which of its forms it is called.</summary>
public enum CallPlace
{
    /// <summary>Managed memory: spans and memories.</summary>
    Host,

    /// <summary>Native memory: pointers and counts.</summary>
    Pointer,

    /// <summary>Device memory, without a stream.</summary>
    Device,

    /// <summary>
    /// Device memory, on a stream of the caller's that also carries the copies to and from the device.
    /// </summary>
    Stream,
}
