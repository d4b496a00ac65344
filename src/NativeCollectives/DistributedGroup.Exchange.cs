using System.Buffers;
using System.Numerics.Tensors;
using NativeCollectives.Interop;

namespace NativeCollectives;

// Operations that are made of several requests: batches, and a send and a receive at once, which is a batch of two
// whose places its caller does not see.
public sealed partial class DistributedGroup
{
    private const string ExchangeName = "SendReceive";

    /// <summary>The operations on native memory, by pointers.</summary>
    public RawCollectives Raw => new(this);

    /// <summary>
    /// Collects operations that are issued together: exchanges of messages that cannot deadlock, and many small
    /// operations in the time of few.
    /// </summary>
    /// <param name="stream">
    /// For operations on device memory: the stream that they take their place on, so that executing them does not wait
    /// for the device. With <see cref="CudaStream.None"/> (the default) they begin after what was put on the default
    /// stream before, and have ended when <see cref="CollectiveBatch.Execute"/> returns.
    /// </param>
    /// <returns>An empty batch.</returns>
    /// <remarks>
    /// NCCL's <c>ncclGroupStart</c> and torch.distributed's <c>batch_isend_irecv</c>.
    /// </remarks>
    public CollectiveBatch Batch(CudaStream stream = default) => new(this, stream);

    private unsafe void Exchange<T>(
        ReadOnlySpan<T> input,
        int destination,
        Span<T> output,
        int source,
        int tag,
        TimeSpan? timeout
    )
        where T : unmanaged
    {
        fixed (
            T* sent = input,
                received = output
        )
        {
            Exchange(
                sent,
                input.Length,
                destination,
                received,
                output.Length,
                source,
                ElementType.Of<T>(),
                tag,
                timeout
            );
        }
    }

    private Task ExchangeAsync<T>(
        ReadOnlyMemory<T> input,
        int destination,
        Memory<T> output,
        int source,
        int tag,
        TimeSpan? timeout,
        CancellationToken cancellationToken
    )
        where T : unmanaged
    {
        if (!IsWithItself(destination, source))
        {
            return Exchange(default)
                .Send(input, destination, tag)
                .Receive(output, source, tag)
                .ExecuteAsync(timeout, cancellationToken);
        }

        Check.Length(nameof(output), output.Length, input.Length, Check.AsManyAsInput);
        return CopyAsync(Exchange(default).ExecuteAsync(timeout, cancellationToken), () => input.CopyTo(output));
    }

    internal void Exchange<T>(
        DeviceSpan<T> input,
        int destination,
        DeviceSpan<T> output,
        int source,
        int tag,
        CudaStream stream,
        TimeSpan? timeout
    )
        where T : unmanaged =>
        Exchange(stream).Send(input, destination, tag).Receive(output, source, tag).Execute(timeout);

    internal Task ExchangeAsync<T>(
        DeviceSpan<T> input,
        int destination,
        DeviceSpan<T> output,
        int source,
        int tag,
        CudaStream stream,
        TimeSpan? timeout,
        CancellationToken cancellationToken
    )
        where T : unmanaged =>
        Exchange(stream)
            .Send(input, destination, tag)
            .Receive(output, source, tag)
            .ExecuteAsync(timeout, cancellationToken);

    internal unsafe void Exchange<T>(
        in ReadOnlyTensorSpan<T> input,
        int destination,
        in TensorSpan<T> output,
        int source,
        int tag,
        TimeSpan? timeout
    )
        where T : unmanaged
    {
        if (IsWithItself(destination, source))
        {
            Check.SameShape(nameof(output), output.Lengths, input.Lengths);
        }

        using DenseTensor<T> outputs = DenseTensor<T>.ForOutput(output, nameof(output));
        using DenseTensor<T> inputs = DenseTensor<T>.ForInput(input, nameof(input));
        fixed (
            T* sent = inputs,
                received = outputs
        )
        {
            Exchange(
                sent,
                input.FlattenedLength,
                destination,
                received,
                output.FlattenedLength,
                source,
                ElementType.Of<T>(),
                tag,
                timeout
            );
        }

        outputs.CopyBack(output);
    }

    internal void Exchange<T>(
        Tensor<T> input,
        int destination,
        Tensor<T> output,
        int source,
        int tag,
        TimeSpan? timeout
    )
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        Exchange(input.AsReadOnlyTensorSpan(), destination, output.AsTensorSpan(), source, tag, timeout);
    }

    internal Task ExchangeAsync<T>(
        Tensor<T> input,
        int destination,
        Tensor<T> output,
        int source,
        int tag,
        TimeSpan? timeout,
        CancellationToken cancellationToken
    )
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        CollectiveDataType type = ElementType.Of<T>();
        var sent = new PinnedTensor<T>(input);
        var received = new PinnedTensor<T>(output);
        received.PrepareOutput(isReadToo: false);
        if (IsWithItself(destination, source))
        {
            Check.SameShape(nameof(output), output.Lengths, input.Lengths);
            return CopyAsync(
                Exchange(default).ExecuteAsync(timeout, cancellationToken),
                () => input.AsReadOnlyTensorSpan().CopyTo(output.AsTensorSpan())
            );
        }

        sent.PrepareInput();
        Task running = Exchange(default)
            .Add(BeginSend(type, input.FlattenedLength, destination, tag, null), sent.Pin, null)
            .Add(BeginReceive(type, output.FlattenedLength, source, tag, null), null, received.Pin)
            .ExecuteAsync(timeout, cancellationToken);
        return received.IsCopied ? received.CopyBackAfter(running) : running;
    }

    internal unsafe void Exchange(
        void* input,
        long inputCount,
        int destination,
        void* output,
        long outputCount,
        int source,
        CollectiveDataType type,
        int tag,
        TimeSpan? timeout
    )
    {
        Check.Count(inputCount, 1, type);
        Check.Count(outputCount, 1, type);
        Check.NotNull(nameof(input), input, inputCount);
        Check.NotNull(nameof(output), output, outputCount);
        if (IsWithItself(destination, source))
        {
            Check.Length(nameof(output), outputCount, inputCount, Check.AsManyAsInput);
            _ = Timeouts.Of(timeout);
            // Takes a place in the group's order, so that a group that has ended says so.
            Execute(null, 0, new ObservedOperation(ExchangeName, type, 0, 0, false));
            long bytes = inputCount * ElementType.SizeOf(type);
            Buffer.MemoryCopy(input, output, bytes, bytes);
            return;
        }

        Operation send = BeginSend(type, inputCount, destination, tag, timeout);
        Operation receive = BeginReceive(type, outputCount, source, tag, timeout);
        send.Place(input, null, null, null);
        receive.Place(null, output, null, null);
        // The two as one operation, whose buffers must not overlap.
        Operation both = send;
        both.ReceivedBytes = receive.ReceivedBytes;
        both.Place(input, output, null, null);
        nc_request** requests = stackalloc nc_request*[2];
        requests[0] = &send.Request;
        requests[1] = &receive.Request;
        Execute(
            requests,
            2,
            new ObservedOperation(ExchangeName, type, send.SentBytes, receive.ReceivedBytes, IsAsynchronous: false)
        );
    }

    internal unsafe Task ExchangeAsync(
        void* input,
        long inputCount,
        int destination,
        void* output,
        long outputCount,
        int source,
        CollectiveDataType type,
        int tag,
        TimeSpan? timeout,
        CancellationToken cancellationToken
    )
    {
        Check.Count(inputCount, 1, type);
        Check.Count(outputCount, 1, type);
        Check.NotNull(nameof(input), input, inputCount);
        Check.NotNull(nameof(output), output, outputCount);
        if (IsWithItself(destination, source))
        {
            Check.Length(nameof(output), outputCount, inputCount, Check.AsManyAsInput);
            long bytes = inputCount * ElementType.SizeOf(type);
            return CopyAsync(
                Exchange(default).ExecuteAsync(timeout, cancellationToken),
                () => Buffer.MemoryCopy(input, output, bytes, bytes)
            );
        }

        return Exchange(default)
            .Add(BeginSend(type, inputCount, destination, tag, null), () => new MemoryHandle(input), null)
            .Add(BeginReceive(type, outputCount, source, tag, null), null, () => new MemoryHandle(output))
            .ExecuteAsync(timeout, cancellationToken);
    }

    private static async Task CopyAsync(Task before, Action copy)
    {
        await before.ConfigureAwait(false);
        copy();
    }

    private CollectiveBatch Exchange(CudaStream stream) => new(this, stream) { Name = ExchangeName };

    private bool IsWithItself(int destination, int source) => destination == Rank && source == Rank;
}
