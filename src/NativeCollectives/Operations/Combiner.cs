using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using NativeCollectives.Interop;

namespace NativeCollectives;

/// <summary>
/// An operator of the program's own, as the native library calls it, for as long as the operation runs.
/// </summary>
internal abstract unsafe class Combiner : IDisposable
{
    private GCHandle _self;

    /// <summary>What the program's function threw.</summary>
    internal Exception? Failure { get; private set; }

    /// <summary>Makes it the request's operator, once; it stays until it is disposed.</summary>
    internal void Place(ref Operation operation)
    {
        operation.Request.reduce_op = nc_reduce_op.NC_CUSTOM;
        operation.Request.combine = &Combine;
        _self = GCHandle.Alloc(this);
        operation.Request.combine_context = (void*)GCHandle.ToIntPtr(_self);
    }

    public void Dispose()
    {
        if (_self.IsAllocated)
        {
            _self.Free();
        }
    }

    /// <summary>Whether a failure is what the program's function threw.</summary>
    internal bool Explains(CollectiveException failure) => Failure is not null && failure.InnerException is null;

    /// <summary>The failure with what the program's function threw.</summary>
    internal CollectiveException Explain(CollectiveException failure) =>
        new(failure.Message, Failure, FailureDetails.Of(failure));

    protected abstract void Call(void* accumulated, void* next, int count);

    /// <summary>Bytes of an element.</summary>
    protected abstract int Item { get; }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Combine(void* context, void* accumulated, void* next, ulong count)
    {
        var combiner = (Combiner)GCHandle.FromIntPtr((nint)context).Target!;
        try
        {
            for (ulong done = 0; done < count; )
            {
                int part = (int)Math.Min(count - done, int.MaxValue);
                ulong offset = done * (ulong)combiner.Item;
                combiner.Call((byte*)accumulated + offset, (byte*)next + offset, part);
                done += (ulong)part;
            }

            return 0;
        }
        catch (Exception exception)
        {
            combiner.Failure = exception;
            return 1;
        }
    }
}

/// <inheritdoc/>
internal sealed unsafe class Combiner<T> : Combiner
    where T : unmanaged
{
    private readonly ReduceFunction<T> _function;

    internal Combiner(ReduceFunction<T> function)
    {
        ArgumentNullException.ThrowIfNull(function);
        _function = function;
    }

    protected override int Item => sizeof(T);

    protected override void Call(void* accumulated, void* next, int count) =>
        _function(new Span<T>(accumulated, count), new ReadOnlySpan<T>(next, count));
}
