using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NativeCollectives.Worker;

/// <summary>
/// Operations on device memory: their order among what a program puts on streams, their company, and what they cost.
/// </summary>
internal static unsafe class DeviceScenarios
{
    private const int Length = 20_000;

    public static Dictionary<string, Action<Scenario>> All { get; } =
        new()
        {
            ["device_on_stream"] = OnStream,
            ["device_on_stream_async"] = OnStreamAsync,
            ["device_on_two_streams"] = OnTwoStreams,
            ["device_on_default_stream"] = OnDefaultStream,
            ["device_behind_default_stream"] = BehindDefaultStream,
            ["device_mixed"] = Mixed,
            ["device_buffer_disposed_meanwhile"] = BufferDisposedMeanwhile,
            ["device_buffer_forgotten_meanwhile"] = BufferForgottenMeanwhile,
            ["device_host_pointer"] = HostPointer,
            ["device_other_device"] = OtherDevice,
            ["device_allocates_nothing"] = AllocatesNothing,
            ["device_refused_on_host"] = RefusedOnHost,
            ["device_on_stream_begun"] = OnStreamBegun,
            ["device_on_stream_failing"] = OnStreamFailing,
            ["device_on_stream_held"] = OnStreamHeld,
            ["device_on_stream_async_held"] = OnStreamAsyncHeld,
            ["device_cancelled"] = Cancelled,
        };

    // Work of the program's own before, between and after operations, all on one stream, which the host never waits for
    // until the end.
    private static void OnStream(Scenario scenario)
    {
        var group = scenario.Group;
        using var stream = new ProgramStream(group.Device!.Value);
        using var values = new DeviceBuffer<int>(Length, group.Device.Value);
        using var copy = new DeviceBuffer<int>(Length, group.Device.Value);
        for (var round = 0; round < 20; round++)
        {
            using var first = new Pinned<int>([.. Enumerable.Range(round, Length)]);
            using var second = new Pinned<int>([.. Enumerable.Repeat(scenario.Rank, Length)]);
            using var result = new Pinned<int>(new int[Length]);
            using var last = new Pinned<int>(new int[Length]);
            stream.CopyTo(values.Address, first.Pointer, first.Bytes);
            group.AllReduce(values.Span, ReduceOp.Sum, new(stream.Handle));
            stream.CopyWithin(copy.Address, values.Address, first.Bytes);
            stream.CopyTo(values.Address, second.Pointer, second.Bytes);
            group.AllReduce(values.Span, ReduceOp.Max, new(stream.Handle));
            group.AllReduce(copy.Span, ReduceOp.Sum, new(stream.Handle));
            stream.CopyFrom(copy.Address, result.Pointer, result.Bytes);
            stream.CopyFrom(values.Address, last.Pointer, last.Bytes);
            stream.Synchronize();
            var times = scenario.Size * scenario.Size;
            Scenario.True(
                !result.Array.Where((value, i) => value != (round + i) * times).Any(),
                $"sums of sums in round {round}"
            );
            Scenario.True(last.Array.All(value => value == scenario.Size - 1), $"maxima in round {round}");
        }
    }

    private static void OnStreamAsync(Scenario scenario)
    {
        var group = scenario.Group;
        using var stream = new ProgramStream(group.Device!.Value);
        using var values = new DeviceBuffer<int>(Length, group.Device.Value);
        for (var round = 0; round < 20; round++)
        {
            using var first = new Pinned<int>([.. Enumerable.Range(round, Length)]);
            stream.CopyTo(values.Address, first.Pointer, first.Bytes);
            var one = group.AllReduceAsync(values.Span, ReduceOp.Sum, new(stream.Handle));
            var two = group.AllReduceAsync(values.Span, ReduceOp.Sum, new(stream.Handle));
            two.GetAwaiter().GetResult();
            Scenario.True(one.IsCompletedSuccessfully, "the first has ended before the second");
            // The task has completed: whoever reads the memory now finds the result, on whatever stream.
            var times = scenario.Size * scenario.Size;
            Scenario.True(!values.ToArray().Where((value, i) => value != (round + i) * times).Any(), $"round {round}");
        }
    }

    // Operations of one group run in the order of issue, whatever streams they are on, and on none.
    private static void OnTwoStreams(Scenario scenario)
    {
        var group = scenario.Group;
        using var left = new ProgramStream(group.Device!.Value);
        using var right = new ProgramStream(group.Device.Value);
        using var values = new DeviceBuffer<long>(Length, group.Device.Value);
        for (var round = 0; round < 10; round++)
        {
            values.CopyFrom([.. Enumerable.Range(round, Length).Select(i => (long)i)]);
            group.AllReduce(values.Span, ReduceOp.Sum, new(left.Handle));
            group.AllReduce(values.Span, ReduceOp.Sum, new(right.Handle));
            group.AllReduce(values.Span, ReduceOp.Sum, new(left.Handle));
            group.AllReduce(values.Span);
            group.AllReduceAsync(values.Span, ReduceOp.Sum, new(right.Handle)).GetAwaiter().GetResult();
            var times = (long)Math.Pow(scenario.Size, 5);
            Scenario.True(!values.ToArray().Where((value, i) => value != (round + i) * times).Any(), $"round {round}");
        }
    }

    // 0 is a stream too.
    private static void OnDefaultStream(Scenario scenario)
    {
        var group = scenario.Group;
        CudaDriver.Use(group.Device!.Value);
        using var values = new DeviceBuffer<int>(Length, group.Device.Value);
        for (var round = 0; round < 10; round++)
        {
            using var first = new Pinned<int>([.. Enumerable.Range(round, Length)]);
            using var result = new Pinned<int>(new int[Length]);
            CudaDriver.CopyToDevice(values.Address, first.Pointer, first.Bytes, 0);
            group.AllReduce(values.Span, ReduceOp.Sum, CudaStream.Default);
            CudaDriver.CopyToHost(result.Pointer, values.Address, result.Bytes, 0);
            CudaDriver.Synchronize(0);
            Scenario.True(
                !result.Array.Where((value, i) => value != (round + i) * scenario.Size).Any(),
                $"round {round}"
            );
        }
    }

    // Without a stream, an operation begins after what is on the default stream, and has ended when it returns.
    private static void BehindDefaultStream(Scenario scenario)
    {
        var group = scenario.Group;
        CudaDriver.Use(group.Device!.Value);
        using var values = new DeviceBuffer<int>(Length, group.Device.Value);
        for (var round = 0; round < 20; round++)
        {
            using var first = new Pinned<int>([.. Enumerable.Range(round, Length)]);
            CudaDriver.CopyToDevice(values.Address, first.Pointer, first.Bytes, 0);
            if (round % 2 == 0)
            {
                group.AllReduce(values.Span);
            }
            else
            {
                group.AllReduceAsync(values.Span).GetAwaiter().GetResult();
            }
            Scenario.True(
                !values.ToArray().Where((value, i) => value != (round + i) * scenario.Size).Any(),
                $"round {round}"
            );
        }
    }

    // Host and device memory, blocking and asynchronous, with a stream and without, and a barrier, in one order.
    private static void Mixed(Scenario scenario)
    {
        var group = scenario.Group;
        using var stream = new ProgramStream(group.Device!.Value);
        using var device = new DeviceBuffer<float>(Length, group.Device.Value);
        using var other = new DeviceBuffer<float>(Length, group.Device.Value);
        for (var round = 0; round < 15; round++)
        {
            float[] expected = [.. Enumerable.Range(round, Length).Select(i => (float)i * scenario.Size)];
            float[] host = [.. Enumerable.Range(round, Length).Select(i => (float)i)];
            float[] queued = [.. host];
            device.CopyFrom(host);
            other.CopyFrom(host);
            var first = group.AllSumAsync<float>(queued);
            group.AllReduce(device.Span, ReduceOp.Sum, new(stream.Handle));
            var second = group.AllReduceAsync(other.Span);
            group.AllSum<float>(host);
            group.Barrier();
            // Their ends are told by another thread, which may be a moment behind the barrier.
            Task.WaitAll(first, second);
            stream.Synchronize();
            Scenario.Same<float>(host, expected, $"host memory in round {round}");
            Scenario.Same<float>(queued, expected, $"host memory, asynchronous, in round {round}");
            Scenario.Same<float>(device.ToArray(), expected, $"device memory on a stream in round {round}");
            Scenario.Same<float>(other.ToArray(), expected, $"device memory, asynchronous, in round {round}");
        }
    }

    // What an asynchronous operation works on stays until it has ended.
    private static void BufferDisposedMeanwhile(Scenario scenario)
    {
        var group = scenario.Group;
        var result = new DeviceBuffer<int>(Length, group.Device!.Value);
        for (var round = 0; round < 10; round++)
        {
            var input = new DeviceBuffer<int>(Length, group.Device.Value);
            input.CopyFrom([.. Enumerable.Range(round, Length)]);
            var sum = group.AllReduceAsync(input.Span, result.Span, ReduceOp.Sum);
            input.Dispose();
            Scenario.Throws<ObjectDisposedException>(
                () => group.AllReduce(input.Span),
                "a call with a disposed buffer"
            );
            sum.GetAwaiter().GetResult();
            Scenario.True(
                !result.ToArray().Where((value, i) => value != (round + i) * scenario.Size).Any(),
                $"round {round}"
            );
        }
        result.Dispose();
        result.Dispose();
        Scenario.Throws<ObjectDisposedException>(() => result.CopyTo(new int[1]), "a copy from a disposed buffer");
    }

    private static void BufferForgottenMeanwhile(Scenario scenario)
    {
        var tasks = Enumerable.Range(0, 20).Select(round => Forget(scenario.Group, round)).ToList();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        foreach (var task in tasks)
        {
            task.GetAwaiter().GetResult();
        }
        GC.Collect();
        GC.WaitForPendingFinalizers();

        [MethodImpl(MethodImplOptions.NoInlining)]
        static Task Forget(DistributedGroup group, int round)
        {
            var buffer = new DeviceBuffer<int>(Length, group.Device!.Value);
            buffer.CopyFrom([.. Enumerable.Range(round, Length)]);
            return group.AllReduceAsync(buffer.Span);
        }
    }

    // Host memory is no device memory: an error of every rank's, before anything begins.
    private static void HostPointer(Scenario scenario)
    {
        var group = scenario.Group;
        using var device = new DeviceBuffer<int>(4, group.Device!.Value);
        device.CopyFrom([1, 2, 3, 4]);
        var host = (int*)NativeMemory.Alloc(4, sizeof(int));
        using var stream = new ProgramStream(group.Device.Value);
        foreach (var on in new[] { CudaStream.None, new CudaStream(stream.Handle) })
        {
            var error = Scenario.Throws<ArgumentException>(
                () => group.AllReduce(device.Span, new DeviceSpan<int>((nint)host, 4), ReduceOp.Sum, on),
                "a host pointer to write to"
            );
            Scenario.True(
                error.Message.Contains("device memory", StringComparison.Ordinal),
                $"the message is {error.Message}"
            );
            Scenario.Throws<ArgumentException>(
                () => group.AllReduce(new DeviceSpan<int>((nint)host, 4), stream: on),
                "a host pointer in place"
            );
            Scenario.Throws<ArgumentException>(
                () => group.AllReduceAsync(new DeviceSpan<int>((nint)host, 4), stream: on).GetAwaiter().GetResult(),
                "a host pointer, asynchronously"
            );
        }
        NativeMemory.Free(host);
        Works(scenario);
    }

    // So is memory of another device.
    private static void OtherDevice(Scenario scenario)
    {
        var group = scenario.Group;
        using var elsewhere = new DeviceBuffer<int>(4, 1 - group.Device!.Value);
        var error = Scenario.Throws<ArgumentException>(
            () => group.AllReduce(elsewhere.Span),
            "memory of another device"
        );
        Scenario.True(error.Message.Contains("device", StringComparison.Ordinal), $"the message is {error.Message}");
        Works(scenario);
    }

    private static void AllocatesNothing(Scenario scenario)
    {
        var group = scenario.Group;
        var size = group.Size;
        var stream = ProgramStream.Of(group.Device!.Value);
        using var one = new DeviceBuffer<float>(64, group.Device.Value);
        using var another = new DeviceBuffer<float>(64, group.Device.Value);
        using var all = new DeviceBuffer<float>(64 * size, group.Device.Value);
        using var everything = new DeviceBuffer<float>(64 * size, group.Device.Value);
        long[] counts = [.. Enumerable.Repeat(64L, size)];
        var host = new float[64];
        var timeout = TimeSpan.FromSeconds(30);

        for (var i = 0; i < 50; i++)
        {
            Once(default);
            Once(new CudaStream(stream.Handle));
            stream.Synchronize();
        }
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            Once(default);
            Once(new CudaStream(stream.Handle));
            stream.Synchronize();
        }
        scenario.Data["allocated"] = (GC.GetAllocatedBytesForCurrentThread() - before).ToString(
            CultureInfo.InvariantCulture
        );

        void Once(CudaStream on)
        {
            group.AllReduce(one.Span, ReduceOp.Sum, on);
            group.AllReduce(one.Span, another.Span, ReduceOp.Max, on, timeout);
            group.AllGather(one.Span, all.Span, on);
            group.AllGather(one.Span, all.Span, counts, on);
            group.ReduceScatter(all.Span, one.Span, ReduceOp.Min, on);
            group.ReduceScatter(all.Span, one.Span, counts, ReduceOp.Min, on);
            group.Broadcast(one.Span, 0, on);
            group.Reduce(one.Span, group.Rank == 0 ? another.Span : default, 0, ReduceOp.Max, on);
            group.Gather(one.Span, group.Rank == 0 ? all.Span : default, 0, on);
            group.Scatter(group.Rank == 0 ? all.Span : default, one.Span, 0, on);
            group.AllToAll(all.Span, everything.Span, on);
            group.AllToAll(all.Span, counts, everything.Span, counts, on);
            group.AllMax<float>(host);
            group.Barrier();
        }
    }

    // Device memory in a group that knows none.
    private static void RefusedOnHost(Scenario scenario)
    {
        Scenario.True(scenario.Group.Device is null, "a ring has no device");
        using var buffer = new DeviceBuffer<int>(4);
        Scenario.Throws<NotSupportedException>(() => scenario.Group.AllReduce(buffer.Span), "device memory in a ring");
        Scenario.True(!scenario.Group.IsFaulted, "the group is not faulted");
    }

    // The host does not wait for an operation on a stream: rank 0 comes to the end of its calls before anybody else has
    // begun.
    private static void OnStreamBegun(Scenario scenario)
    {
        var group = scenario.Group;
        using var stream = new ProgramStream(group.Device!.Value);
        using var values = new DeviceBuffer<int>(Length, group.Device.Value);
        values.CopyFrom([.. Enumerable.Range(0, Length)]);
        group.AllReduce(values.Span, ReduceOp.Sum, new(stream.Handle));
        group.AllReduce(values.Span, ReduceOp.Sum, new(stream.Handle));
        scenario.Data["done"] = stream.IsDone ? "yes" : "no";
        scenario.Announce();
        stream.Synchronize();
        Scenario.True(
            !values.ToArray().Where((value, i) => value != i * scenario.Size * scenario.Size).Any(),
            "sums of sums"
        );
    }

    // An operation on a stream that fails after its call has returned: the group is at an end, and the next call says
    // so.
    private static void OnStreamFailing(Scenario scenario)
    {
        var group = scenario.Group;
        using var stream = new ProgramStream(group.Device!.Value);
        using var values = new DeviceBuffer<int>(Length, group.Device.Value);
        scenario.Data["after"] = "0";
        // It may also fail on its way to the stream.
        group.AllReduce(values.Span, ReduceOp.Sum, new(stream.Handle));
        var began = System.Diagnostics.Stopwatch.StartNew();
        while (!group.IsFaulted)
        {
            Scenario.True(
                began.Elapsed < TimeSpan.FromSeconds(30),
                "the failure of an operation on a stream was not noticed"
            );
            Thread.Yield();
        }
        scenario.Data["after"] = began.Elapsed.TotalSeconds.ToString(CultureInfo.InvariantCulture);
        group.AllReduce(values.Span, ReduceOp.Sum, new(stream.Handle));
    }

    // Blocking, on a stream that does not come to an end: abort or dispose ends it from elsewhere.
    private static void OnStreamHeld(Scenario scenario)
    {
        var group = scenario.Group;
        using var stream = new ProgramStream(group.Device!.Value);
        using var values = new DeviceBuffer<int>(Length, group.Device.Value);
        group.AllReduce(values.Span, ReduceOp.Sum, new(stream.Handle));
        scenario.Announce();
        // The abort lets go of the stream.
        stream.Synchronize();
        group.AllReduce(values.Span, ReduceOp.Sum, new(stream.Handle));
    }

    private static void OnStreamAsyncHeld(Scenario scenario)
    {
        var group = scenario.Group;
        using var stream = new ProgramStream(group.Device!.Value);
        using var values = new DeviceBuffer<int>(Length, group.Device.Value);
        var first = group.AllReduceAsync(values.Span, stream: new(stream.Handle), timeout: Timeout(scenario));
        var second = group.AllReduceAsync(values.Span, stream: new(stream.Handle), timeout: Timeout(scenario));
        scenario.Announce();
        try
        {
            first.GetAwaiter().GetResult();
        }
        finally
        {
            try
            {
                second.GetAwaiter().GetResult();
                scenario.Data["second"] = "none";
            }
            catch (Exception exception)
            {
                scenario.Data["second"] = exception.GetType().Name;
            }
        }
    }

    // A running operation on device memory, given up: the group is at an end.
    private static void Cancelled(Scenario scenario)
    {
        var group = scenario.Group;
        var onStream = scenario.Command.Place == CallPlace.Stream;
        using var stream = onStream ? new ProgramStream(group.Device!.Value) : null;
        using var values = new DeviceBuffer<int>(Length, group.Device!.Value);
        using var source = new CancellationTokenSource();
        // Nobody else comes.
        var before = Doubles.NcclCalls("ncclAllReduce");
        var running = group.AllReduceAsync(
            values.Span,
            stream: stream is null ? default : new(stream.Handle),
            cancellationToken: source.Token
        );
        while (!onStream && Doubles.NcclCalls("ncclAllReduce") == before)
        {
            Thread.Yield();
        }
        source.Cancel();
        var exception = Scenario.Throws<OperationCanceledException>(
            () => running.GetAwaiter().GetResult(),
            "the running operation"
        );
        Scenario.True(exception.CancellationToken == source.Token, "the caller's token");
        Scenario.True(group.IsFaulted, "the group is faulted");
        group.Barrier();
    }

    private static TimeSpan? Timeout(Scenario scenario) =>
        scenario.Command.TimeoutSeconds > 0 ? TimeSpan.FromSeconds(scenario.Command.TimeoutSeconds) : null;

    private static void Works(Scenario scenario)
    {
        Scenario.True(!scenario.Group.IsFaulted, "the group is not faulted");
        using var values = new DeviceBuffer<int>(4, scenario.Group.Device!.Value);
        values.CopyFrom([1, 2, 3, 4]);
        scenario.Group.AllReduce(values.Span);
        Scenario.Same<int>(
            values.ToArray(),
            [scenario.Size, 2 * scenario.Size, 3 * scenario.Size, 4 * scenario.Size],
            "a sum afterwards"
        );
    }

    // An array that stays where it is.
    private sealed class Pinned<T>(T[] array) : IDisposable
        where T : unmanaged
    {
        private GCHandle _handle = GCHandle.Alloc(array, GCHandleType.Pinned);

        public T[] Array { get; } = array;
        public void* Pointer => (void*)_handle.AddrOfPinnedObject();
        public long Bytes => (long)Array.Length * sizeof(T);

        public void Dispose() => _handle.Free();
    }
}
