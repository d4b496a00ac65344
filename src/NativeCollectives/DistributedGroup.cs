using NativeCollectives.Interop;

namespace NativeCollectives;

/// <summary>This process as one rank of a group whose ranks reduce, gather and exchange data with each other.</summary>
/// <remarks>
/// <para>
/// A collective operation is complete when every rank has issued it, with the same operator and root, equal element
/// types, and counts that fit together; all ranks must issue their operations in the same order. What the ranks of one
/// group do does not touch another group.
/// </para>
/// <para>
/// Every member may be used from several threads at once. The operations of a group, blocking or asynchronous, run one
/// at a time in the order in which they were issued. Where several threads issue operations, the program must see to it
/// that the order is the same on all ranks.
/// </para>
/// <para>
/// An asynchronous operation has its place in the order when its method returns; its buffers are pinned and must not be
/// touched until its task has completed. Cancelling one that has not started takes it out of this rank's order; one
/// that is running ends the group, because the ranks can no longer be kept in step. With a token that is cancelled
/// beforehand nothing is issued.
/// </para>
/// <para>
/// Mistakes of the caller, such as buffers of the wrong length, are <see cref="ArgumentException"/>s; they are found
/// before any byte moves, and the group stays usable. Any other failure of an operation is a
/// <see cref="CollectiveException"/> and ends the group: see <see cref="IsFaulted"/>. What the output buffers then hold
/// is undefined.
/// </para>
/// <para>
/// Element types are <see cref="bool"/>, <see cref="sbyte"/>, <see cref="short"/>, <see cref="int"/>,
/// <see cref="long"/>, <see cref="byte"/>, <see cref="ushort"/>, <see cref="uint"/>, <see cref="ulong"/>,
/// <see cref="Half"/>, <see cref="BFloat16"/>, <see cref="float"/>, <see cref="double"/> and <see cref="Complex64"/>.
/// </para>
/// <para>
/// Buffers lie in host memory, or, where the backend is NCCL, in the memory of the group's device: see
/// <see cref="DeviceSpan{T}"/> and <see cref="DeviceBuffer{T}"/>. An operation on device memory that is given a CUDA
/// stream takes its place on it: its blocking form returns when the operation is on the stream, and the task of its
/// asynchronous form completes when the device has finished it. A failure after a blocking form has returned ends the
/// group, and the next call throws it. Without a stream the operation begins when the device has done what was put on
/// its default stream before, and has ended when the call returns or its task completes.
/// </para>
/// <para>In a group of one every collective is the identity: it copies its input to its output.</para>
/// </remarks>
public sealed partial class DistributedGroup : IDisposable, IAsyncDisposable
{
    private readonly GroupHandle _handle;
    private Exception? _firstFailure;
    private int _disposed;

    internal DistributedGroup(GroupHandle handle, CollectiveObserver? observer = null, string? name = null)
    {
        _handle = handle;
        Observer = observer;
        OperationObserver = observer is { WantsOperations: true } ? observer : null;
        Name = name;
        using GroupHandle.Lease lease = handle.Rent();
        Rank = lease.Rank;
        Size = lease.Size;
        Backend = BackendNames.Find(lease.Backend);
        Device = lease.Device;
    }

    // For tests of what is found out before the native group is asked.
    internal DistributedGroup(GroupHandle handle, int rank, int size)
        : this(handle)
    {
        Rank = rank;
        Size = size;
    }

    /// <summary>
    /// The name that the program gave to the group, or to the one that it was split from:
    /// <see cref="DistributedGroupOptions.Name"/>.
    /// </summary>
    public string? Name { get; }

    /// <summary>The number of this process within the group, from 0 to <see cref="Size"/> - 1.</summary>
    public int Rank { get; }

    /// <summary>The number of ranks.</summary>
    public int Size { get; }

    /// <summary>
    /// What moves the bytes; <see cref="BackendKind.None"/> for a group of one that needs nothing for that.
    /// </summary>
    public BackendKind Backend { get; }

    /// <summary>Its name, for messages.</summary>
    internal string BackendName => BackendNames.Of(Backend);

    /// <summary>
    /// The ordinal of the CUDA device that the group works on, whose memory operations on a <see cref="DeviceSpan{T}"/>
    /// take; <see langword="null"/> if the group works on host memory only.
    /// </summary>
    public int? Device { get; }

    /// <summary>Who is told what the group does; those split from it have the same.</summary>
    internal CollectiveObserver? Observer { get; }

    /// <summary>The same, if it wants to know of operations.</summary>
    internal CollectiveObserver? OperationObserver { get; }

    /// <summary>
    /// Whether a failure has ended the group: a lost peer, a timeout, ranks out of step, an abort. Every call then
    /// throws at once a new exception of the first failure's type, whose <see cref="Exception.InnerException"/> is the
    /// first failure.
    /// </summary>
    /// <remarks>
    /// A faulted group is to be disposed; a new one can be formed at once, on the same addresses too.
    /// </remarks>
    public bool IsFaulted => _firstFailure is not null || NativeStatus is not (nc_status.NC_OK or nc_status.NC_CLOSED);

    /// <summary>Whether the group was split from another one.</summary>
    internal bool IsSplit { get; init; }

    /// <summary>What ended the group, in words; <see langword="null"/> as long as nothing has.</summary>
    internal unsafe string? FailureMessage
    {
        get
        {
            if (Volatile.Read(ref _firstFailure) is { } first)
            {
                return first.Message;
            }

            if (IsDisposed)
            {
                return null;
            }

            try
            {
                using GroupHandle.Lease lease = _handle.Rent();
                var error = new nc_error { size = (uint)sizeof(nc_error) };
                return NativeMethods.nc_group_status(lease.Group, &error) is nc_status.NC_OK or nc_status.NC_CLOSED
                    ? null
                    : CollectiveErrors.Describe(&error, BackendName, Rank).Message;
            }
            catch (ObjectDisposedException)
            {
                return null;
            }
        }
    }

    private bool IsDisposed => Volatile.Read(ref _disposed) != 0;

    // What ended the native group; OK as long as nothing has, and when nobody can tell any more.
    private unsafe nc_status NativeStatus
    {
        get
        {
            if (IsDisposed)
            {
                return nc_status.NC_OK;
            }

            try
            {
                using GroupHandle.Lease lease = _handle.Rent();
                return NativeMethods.nc_group_status(lease.Group, null);
            }
            catch (ObjectDisposedException)
            {
                return nc_status.NC_OK;
            }
        }
    }

    /// <summary>
    /// Leaves the group. Operations under way on other threads end with an <see cref="ObjectDisposedException"/>; it
    /// waits neither for them nor for a peer, whatever state peers are in. If nothing was under way, peers still
    /// receive everything that was sent to them.
    /// </summary>
    /// <remarks>
    /// A group that becomes unreachable without having been disposed frees everything too, and the end of the process
    /// leaves the groups that are left over. The groups split from this one are independent of it.
    /// </remarks>
    public void Dispose()
    {
        bool isFirst = Interlocked.Exchange(ref _disposed, 1) == 0;
        _handle.Leave();
        _handle.Dispose();
        if (isFirst)
        {
            Observation.Disposed(this);
        }
    }

    /// <summary>Leaves the group, as <see cref="Dispose"/> does; there is nothing to wait for.</summary>
    /// <returns>A completed task.</returns>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>A short description, such as <c>rank 1 of 4 (ring)</c>.</summary>
    /// <returns>The description.</returns>
    public override string ToString() => $"rank {Rank} of {Size} ({BackendName})";
}
