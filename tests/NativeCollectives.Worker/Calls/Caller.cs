namespace NativeCollectives.Worker;

/// <summary>
/// Calls operations of a group by one of their forms. Operands are given as parts of managed arrays; a caller that
/// works on other memory moves them there and back. An asynchronous one only issues: nothing has ended before
/// <see cref="Finish"/>.
/// </summary>
internal abstract class Caller<T>(DistributedGroup group, TimeSpan? timeout) : IDisposable
    where T : unmanaged
{
    private readonly List<Task> _issued = [];

    protected DistributedGroup Group { get; } = group;
    protected TimeSpan? Timeout { get; } = timeout;

    public static Caller<T> Of(DistributedGroup group, CallPlace place, CallForm form, TimeSpan? timeout = null)
    {
        var isAsync = form == CallForm.Async;
        return place switch
        {
            CallPlace.Host when isAsync => new MemoryCaller<T>(group, timeout),
            CallPlace.Host => new SpanCaller<T>(group, timeout),
            CallPlace.Pointer => new PointerCaller<T>(group, timeout, isAsync),
            CallPlace.Device => new DeviceCaller<T>(group, timeout, isAsync, isOnStream: false),
            CallPlace.Stream => new DeviceCaller<T>(group, timeout, isAsync, isOnStream: true),
            _ => throw new ArgumentOutOfRangeException(nameof(place)),
        };
    }

    /// <summary>Whether operations have not ended when they have been called.</summary>
    public abstract bool IsAsync { get; }

    public abstract void AllReduce(Memory<T> input, Memory<T> output, ReduceOp op);
    public abstract void AllGather(Memory<T> input, Memory<T> output);
    public abstract void AllGather(Memory<T> input, Memory<T> output, long[] counts);
    public abstract void ReduceScatter(Memory<T> input, Memory<T> output, ReduceOp op);
    public abstract void ReduceScatter(Memory<T> input, Memory<T> output, long[] counts, ReduceOp op);
    public abstract void Broadcast(Memory<T> buffer, int root);
    public abstract void Reduce(Memory<T> input, Memory<T> output, ReduceOp op, int root);
    public abstract void Gather(Memory<T> input, Memory<T> output, int root);
    public abstract void Gather(Memory<T> input, Memory<T> output, long[] counts, int root);
    public abstract void Scatter(Memory<T> input, Memory<T> output, int root);
    public abstract void Scatter(Memory<T> input, Memory<T> output, long[] counts, int root);
    public abstract void AllToAll(Memory<T> input, Memory<T> output);
    public abstract void AllToAll(Memory<T> input, long[] inputCounts, Memory<T> output, long[] outputCounts);
    public abstract void Send(Memory<T> buffer, int destination);
    public abstract void Receive(Memory<T> buffer, int source);

    /// <summary>Waits for what was issued, and brings the results into the arrays.</summary>
    public void Finish()
    {
        foreach (var task in _issued)
        {
            task.GetAwaiter().GetResult();
        }
        _issued.Clear();
        Bring();
    }

    /// <summary>Frees what the caller has made; operations that were issued have ended by then, well or not.</summary>
    public void Dispose()
    {
        foreach (var task in _issued)
        {
            ((IAsyncResult)task).AsyncWaitHandle.WaitOne();
        }
        Free();
    }

    protected void Issue(Task task) => _issued.Add(task);

    /// <summary>Brings the results into the arrays.</summary>
    protected virtual void Bring() { }

    protected virtual void Free() { }
}
