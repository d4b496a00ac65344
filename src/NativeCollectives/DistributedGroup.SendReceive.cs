using System.Numerics.Tensors;
using NativeCollectives.Interop;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    // It is a batch of two, whose places its caller does not see.
    private const string ExchangeName = "SendReceive";

    /// <summary>
    /// Collects operations that are issued together: exchanges of messages that cannot deadlock, and many small
    /// operations in the time of few.
    /// </summary>
    /// <param name="stream">
    /// For operations on device memory: the CUDA stream that they take their place on (0: the default stream), so that
    /// executing them does not wait for the device. <see langword="null"/>: they begin after what was put on the
    /// default stream before, and have ended when <see cref="CollectiveBatch.Execute"/> returns.
    /// </param>
    /// <returns>An empty batch.</returns>
    /// <remarks>NCCL's <c>ncclGroupStart</c> and torch's <c>batch_isend_irecv</c>.</remarks>
    public CollectiveBatch Batch(nint? stream = null) => new(this, stream);

    /// <summary>
    /// Sends to one rank and receives from one, at the same time: ranks that all do so cannot wait for each other,
    /// whatever the size.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What is sent.</param>
    /// <param name="destination">
    /// The rank it goes to. A ring, be it JACCL's, reaches only the next and the previous rank.
    /// </param>
    /// <param name="output">Where what is received goes. Its length may be another one than the input's.</param>
    /// <param name="source">
    /// The rank it comes from. If both are the own rank, the input is copied to the output.
    /// </param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Send{T}(ReadOnlySpan{T}, int, TimeSpan?)" path="/exception"/>
    /// <remarks>
    /// MPI's <c>MPI_Sendrecv</c>. The peers may do the same, or send and receive by themselves.
    /// </remarks>
    public unsafe void SendReceive<T>(
        ReadOnlySpan<T> input,
        int destination,
        Span<T> output,
        int source,
        TimeSpan? timeout = null
    )
        where T : unmanaged
    {
        if (IsWithItself(destination, source))
        {
            Check.Length(nameof(output), output.Length, input.Length, Check.AsManyAsInput);
            ExecuteNothing(ElementType.Of<T>(), timeout);
            input.CopyTo(output);
            return;
        }

        fixed (
            T* sent = input,
                received = output
        )
        {
            Exchange(ElementType.Of<T>(), sent, input.Length, destination, received, output.Length, source, timeout);
        }
    }

    /// <summary>
    /// Issues <see cref="SendReceive{T}(ReadOnlySpan{T}, int, Span{T}, int, TimeSpan?)"/> and returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What is sent.</param>
    /// <param name="destination">The rank it goes to.</param>
    /// <param name="output">Where what is received goes.</param>
    /// <param name="source">The rank it comes from.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>
    /// A task that completes when both have ended on this rank; until then the buffers must not be touched.
    /// </returns>
    /// <inheritdoc cref="Send{T}(ReadOnlySpan{T}, int, TimeSpan?)" path="/exception"/>
    public Task SendReceiveAsync<T>(
        ReadOnlyMemory<T> input,
        int destination,
        Memory<T> output,
        int source,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged
    {
        if (!IsWithItself(destination, source))
        {
            return Exchange(null)
                .Send(input, destination)
                .Receive(output, source)
                .ExecuteAsync(timeout, cancellationToken);
        }

        Check.Length(nameof(output), output.Length, input.Length, Check.AsManyAsInput);
        return CopyAsync(Exchange(null).ExecuteAsync(timeout, cancellationToken), input, output);
    }

    /// <summary>
    /// Sends device memory to one rank and receives from one, at the same time: see
    /// <see cref="SendReceive{T}(ReadOnlySpan{T}, int, Span{T}, int, TimeSpan?)"/>.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What is sent.</param>
    /// <param name="destination">The rank it goes to, another than the own one.</param>
    /// <param name="output">Where what is received goes.</param>
    /// <param name="source">The rank it comes from, another than the own one.</param>
    /// <param name="stream">
    /// The CUDA stream that the operation takes its place on (0: the default stream): the call returns when it is
    /// there, without waiting for the device. <see langword="null"/>: the operation begins after what was put on the
    /// default stream before, and has ended when the call returns.
    /// </param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Send{T}(ReadOnlySpan{T}, int, TimeSpan?)" path="/exception"/>
    public void SendReceive<T>(
        DeviceSpan<T> input,
        int destination,
        DeviceSpan<T> output,
        int source,
        nint? stream = null,
        TimeSpan? timeout = null
    )
        where T : unmanaged => Exchange(stream).Send(input, destination).Receive(output, source).Execute(timeout);

    /// <summary>
    /// Issues <see cref="SendReceive{T}(DeviceSpan{T}, int, DeviceSpan{T}, int, nint?, TimeSpan?)"/> and returns.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What is sent.</param>
    /// <param name="destination">The rank it goes to, another than the own one.</param>
    /// <param name="output">Where what is received goes.</param>
    /// <param name="source">The rank it comes from, another than the own one.</param>
    /// <param name="stream">The CUDA stream that the operation takes its place on before this method returns.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>
    /// A task that completes when the device has finished both; until then the buffers must not be touched.
    /// </returns>
    /// <inheritdoc cref="Send{T}(ReadOnlySpan{T}, int, TimeSpan?)" path="/exception"/>
    public Task SendReceiveAsync<T>(
        DeviceSpan<T> input,
        int destination,
        DeviceSpan<T> output,
        int source,
        nint? stream = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where T : unmanaged =>
        Exchange(stream).Send(input, destination).Receive(output, source).ExecuteAsync(timeout, cancellationToken);

    /// <summary>
    /// Sends a tensor to one rank and receives one, at the same time: see
    /// <see cref="SendReceive{T}(ReadOnlySpan{T}, int, Span{T}, int, TimeSpan?)"/>.
    /// </summary>
    /// <typeparam name="T">The element type, one of those listed at <see cref="DistributedGroup"/>.</typeparam>
    /// <param name="input">What is sent.</param>
    /// <param name="destination">The rank it goes to.</param>
    /// <param name="output">Where what is received goes. Its shape may be another one than the input's.</param>
    /// <param name="source">The rank it comes from.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <inheritdoc cref="Send{T}(ReadOnlySpan{T}, int, TimeSpan?)" path="/exception"/>
    public unsafe void SendReceive<T>(
        in ReadOnlyTensorSpan<T> input,
        int destination,
        in TensorSpan<T> output,
        int source,
        TimeSpan? timeout = null
    )
        where T : unmanaged
    {
        if (IsWithItself(destination, source))
        {
            Check.SameShape(nameof(output), output.Lengths, input.Lengths);
            ExecuteNothing(ElementType.Of<T>(), timeout);
            input.CopyTo(output);
            return;
        }

        using DenseTensor<T> outputs = DenseTensor<T>.ForOutput(output, nameof(output));
        using DenseTensor<T> inputs = DenseTensor<T>.ForInput(input, nameof(input));
        fixed (
            T* sent = inputs,
                received = outputs
        )
        {
            Exchange(
                ElementType.Of<T>(),
                sent,
                input.FlattenedLength,
                destination,
                received,
                output.FlattenedLength,
                source,
                timeout
            );
        }

        outputs.CopyBack(output);
    }

    private static async Task CopyAsync<T>(Task before, ReadOnlyMemory<T> input, Memory<T> output)
    {
        await before.ConfigureAwait(false);
        input.CopyTo(output);
    }

    private CollectiveBatch Exchange(nint? stream) => new(this, stream) { Name = ExchangeName };

    private bool IsWithItself(int destination, int source) => destination == Rank && source == Rank;

    // Takes a place in the group's order, so that a group that has ended says so.
    private unsafe void ExecuteNothing(CollectiveDataType type, TimeSpan? timeout)
    {
        _ = Timeouts.Of(timeout);
        Execute(null, 0, new ObservedOperation(ExchangeName, type, 0, 0, false));
    }

    private unsafe void Exchange(
        CollectiveDataType type,
        void* sent,
        long sentCount,
        int destination,
        void* received,
        long receivedCount,
        int source,
        TimeSpan? timeout
    )
    {
        Operation send = BeginSend(type, sentCount, destination, timeout);
        Operation receive = BeginReceive(type, receivedCount, source, timeout);
        send.Place(sent, null, null, null);
        receive.Place(null, received, null, null);
        // The two as one operation, whose buffers must not overlap.
        Operation both = send;
        both.ReceivedBytes = receive.ReceivedBytes;
        both.Place(sent, received, null, null);
        nc_request** requests = stackalloc nc_request*[2];
        requests[0] = &send.Request;
        requests[1] = &receive.Request;
        Execute(
            requests,
            2,
            new ObservedOperation(ExchangeName, type, send.SentBytes, receive.ReceivedBytes, IsAsynchronous: false)
        );
    }
}
