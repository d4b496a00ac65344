using NativeCollectives.Interop;

namespace NativeCollectives;

/// <summary>
/// An operation whose arguments have been checked: what is left to do is to say where its buffers lie.
/// </summary>
internal unsafe struct Operation
{
    /// <summary>What the native library is asked for.</summary>
    internal nc_request Request;

    /// <summary>Bytes that this rank gives; 0: the send buffer is not used.</summary>
    internal long SentBytes;

    /// <summary>Bytes that this rank gets; 0: the receive buffer is not used.</summary>
    internal long ReceivedBytes;

    /// <summary>Whether there is an in-place form.</summary>
    internal bool MayBeInPlace;

    /// <summary>
    /// In the in-place form, where the send buffer begins, in bytes from the beginning of the receive buffer.
    /// </summary>
    internal long InPlaceOffset;

    /// <summary>Says where the buffers lie. They must stay there until the operation has ended.</summary>
    /// <exception cref="ArgumentException">
    /// They overlap in a way that would let the operation read what it has written.
    /// </exception>
    internal void Place(void* send, void* receive, ulong* sendCounts, ulong* receiveCounts)
    {
        Request.send_buffer = SentBytes == 0 ? null : send;
        Request.receive_buffer = ReceivedBytes == 0 ? null : receive;
        Request.send_counts = sendCounts;
        Request.receive_counts = receiveCounts;
        if (SentBytes == 0 || ReceivedBytes == 0)
        {
            return;
        }

        bool overlap = (byte*)send < (byte*)receive + ReceivedBytes && (byte*)receive < (byte*)send + SentBytes;
        if (overlap && !(MayBeInPlace && (byte*)send - (byte*)receive == InPlaceOffset))
        {
            ThrowOverlap();
        }
    }

    /// <summary>Says that the buffers lie in device memory.</summary>
    /// <param name="stream">The stream that the operation takes its place on; none: it takes the group's.</param>
    internal void PlaceOnDevice(CudaStream stream)
    {
        Request.flags |= NativeMethods.NC_REQUEST_DEVICE;
        if (!stream.IsNone)
        {
            Request.flags |= NativeMethods.NC_REQUEST_STREAM;
            Request.stream = (void*)stream.Handle;
        }
    }

    /// <summary>What an observer is told of it.</summary>
    internal readonly ObservedOperation Observed(bool isAsynchronous) =>
        new(
            CollectiveErrors.NameOf(Request.operation) ?? "",
            Request.operation is nc_operation.NC_BARRIER or nc_operation.NC_SPLIT
                ? null
                : (CollectiveDataType)Request.data_type,
            SentBytes,
            ReceivedBytes,
            isAsynchronous
        );

    private readonly void ThrowOverlap()
    {
        string allowed =
            !MayBeInPlace ? "This operation has no in-place form."
            : Request.operation
                is nc_operation.NC_ALL_REDUCE
                    or nc_operation.NC_REDUCE
                    or nc_operation.NC_SCAN
                    or nc_operation.NC_EXCLUSIVE_SCAN
                ? "In place, both are the same memory."
            : Request.operation is nc_operation.NC_ALL_GATHER or nc_operation.NC_GATHER
                ? "In place, the input is the own rank's block of the output."
            : "In place, the output is the own rank's block of the input.";
        throw new ArgumentException($"The output overlaps the input. {allowed}", "output");
    }
}
