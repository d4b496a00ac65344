using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using NativeCollectives.Interop;

namespace NativeCollectives;

/// <summary>
/// The way from the native library, while it forms a group, to the program's side channel. However that behaves, the
/// native library goes on in time.
/// </summary>
internal sealed class SideChannel : IDisposable
{
    private readonly JacclSideChannel _gather;
    private readonly CancellationToken _cancellationToken;
    private GCHandle _self;

    /// <summary>A way to a side channel.</summary>
    /// <param name="gather">The side channel.</param>
    /// <param name="cancellationToken">Ends the wait for it.</param>
    internal SideChannel(JacclSideChannel gather, CancellationToken cancellationToken)
    {
        _gather = gather;
        _cancellationToken = cancellationToken;
        _self = GCHandle.Alloc(this);
    }

    internal static unsafe delegate* unmanaged[Cdecl]<
        void*,
        int,
        int,
        void*,
        ulong,
        void*,
        long,
        nc_error*,
        nc_status> Callback => &OnGather;

    internal unsafe void* Context => (void*)GCHandle.ToIntPtr(_self);

    /// <summary>What the side channel has thrown.</summary>
    internal Exception? Failure { get; private set; }

    /// <summary>Ends the way: the native library does not use it any more.</summary>
    public void Dispose() => _self.Free();

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static unsafe nc_status OnGather(
        void* context,
        int rank,
        int size,
        void* own,
        ulong bytes,
        void* all,
        long timeoutMs,
        nc_error* error
    )
    {
        try
        {
            var channel = (SideChannel)GCHandle.FromIntPtr((nint)context).Target!;
            int length = checked((int)bytes);
            var gathered = new Span<byte>(all, checked(length * size));
            (nc_status status, string? failure) = channel.Gather(
                rank,
                size,
                new ReadOnlySpan<byte>(own, length),
                gathered,
                timeoutMs
            );
            return failure is null ? status : Fail(error, status, failure);
        }
        catch (Exception exception)
        {
            return Fail(error, nc_status.NC_INTERNAL_ERROR, exception.Message);
        }
    }

    private (nc_status Status, string? Failure) Gather(
        int rank,
        int size,
        ReadOnlySpan<byte> own,
        Span<byte> all,
        long timeoutMs
    )
    {
        // Has no timer and no link to another token, so that it need not be disposed: a side channel that comes late
        // may still look at its token.
        var ending = new CancellationTokenSource();
        CancellationTokenRegistration registration = _cancellationToken.UnsafeRegister(
            static source => Cancel((CancellationTokenSource)source!),
            ending
        );
        Task<byte[]?> gathering = Start(rank, size, own.ToArray(), ending.Token);
        try
        {
            int limit = (int)Math.Clamp(timeoutMs, 0, int.MaxValue);
            return Task.WaitAny([gathering], limit, _cancellationToken) == 0
                ? Take(gathering.GetAwaiter().GetResult(), rank, size, own, all)
                : (nc_status.NC_RENDEZVOUS_FAILED, $"the side channel did not return within {limit} ms");
        }
        catch (OperationCanceledException) when (_cancellationToken.IsCancellationRequested)
        {
            return (nc_status.NC_CANCELLED, "forming the group was cancelled");
        }
        catch (Exception exception)
        {
            Failure = exception;
            return (nc_status.NC_RENDEZVOUS_FAILED, $"the side channel failed: {exception.Message}");
        }
        finally
        {
            // Nothing here waits for a callback of the side channel's.
            if (!gathering.IsCompletedSuccessfully)
            {
                Forget(gathering);
                Forget(ending.CancelAsync());
            }

            registration.Unregister();
        }
    }

    // On the thread of whoever cancels forming, who has nothing to do with what the side channel does then.
    private static void Cancel(CancellationTokenSource ending)
    {
        try
        {
            ending.Cancel();
        }
        catch (AggregateException)
        {
            // The side channel's own code.
        }
    }

    private Task<byte[]?> Start(int rank, int size, byte[] own, CancellationToken cancellationToken) =>
        Task.Run(
            async () =>
            {
                Task<byte[]>? gathering = _gather(rank, size, own, cancellationToken);
                return gathering is null ? null : await gathering.ConfigureAwait(false);
            },
            CancellationToken.None
        );

    private static (nc_status Status, string? Failure) Take(
        byte[]? gathered,
        int rank,
        int size,
        ReadOnlySpan<byte> own,
        Span<byte> all
    )
    {
        string? failure =
            gathered is null ? "the side channel returned null"
            : gathered.Length != all.Length
                ? $"the side channel returned {gathered.Length} bytes, but {size} ranks that give {own.Length} each "
                    + $"have {all.Length}"
            : !gathered.AsSpan(rank * own.Length, own.Length).SequenceEqual(own)
                ? $"the side channel returned other bytes in the place of rank {rank} than this rank gave: they are "
                    + "not those of the ranks in rank order"
            : null;
        if (failure is not null)
        {
            return (nc_status.NC_RENDEZVOUS_FAILED, failure);
        }

        gathered.CopyTo(all);
        return (nc_status.NC_OK, null);
    }

    // Nobody waits for the task any more; its exception is nobody's.
    private static void Forget(Task task) =>
        task.ContinueWith(
            static ended => ended.Exception,
            CancellationToken.None,
            TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default
        );

    private static unsafe nc_status Fail(nc_error* error, nc_status status, string message)
    {
        if (error is not null)
        {
            *error = new nc_error
            {
                size = error->size,
                status = status,
                rank = -1,
                peer = -1,
                index = -1,
            };
            var text = new Span<byte>(error->message, NativeMethods.NC_MESSAGE_SIZE);
            Encoding.UTF8.GetEncoder().Convert(message, text[..^1], flush: true, out _, out int written, out _);
            text[written] = 0;
        }

        return status;
    }
}
