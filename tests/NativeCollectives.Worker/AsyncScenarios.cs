namespace NativeCollectives.Worker;

/// <summary>Asynchronous operations: their order, their company, their cancellation.</summary>
internal static class AsyncScenarios
{
    public static Dictionary<string, Action<Scenario>> All { get; } =
        new()
        {
            ["async_in_order"] = InOrder,
            ["async_mixed_with_sync"] = MixedWithSync,
            ["async_from_threads"] = FromThreads,
            ["async_cancelled_before"] = CancelledBefore,
            ["async_cancelled_while_queued"] = CancelledWhileQueued,
            ["async_cancelled_while_running"] = CancelledWhileRunning,
            ["async_pinned"] = Pinned,
        };

    // Results tell that they ran in the order of issue: another order would pair different operations of the ranks.
    private static void InOrder(Scenario scenario)
    {
        const int Operations = 300;
        var buffers = new long[Operations][];
        var tasks = new Task[Operations];
        for (var i = 0; i < Operations; i++)
        {
            buffers[i] =
            [
                .. Enumerable.Range(0, 1 + (i * 37 % 900)).Select(k => (long)((i * 1000) + scenario.Rank + k)),
            ];
            tasks[i] = i % 5 == 4 ? scenario.Group.BarrierAsync() : scenario.Group.AllSumAsync<long>(buffers[i]);
        }
        // Whenever one has ended, so have all that were issued before it.
        foreach (var i in new[] { 10, 100, 50, 200, 299 })
        {
            tasks[i].GetAwaiter().GetResult();
            Scenario.True(
                tasks.Take(i).All(task => task.IsCompletedSuccessfully),
                $"operation {i} ended before an earlier one"
            );
        }
        for (var i = 0; i < Operations; i++)
        {
            if (i % 5 != 4)
            {
                long ranks = scenario.Size * (scenario.Size - 1) / 2;
                Scenario.True(
                    !buffers[i].Where((value, k) => value != (scenario.Size * ((i * 1000L) + k)) + ranks).Any(),
                    $"operation {i}"
                );
            }
        }
    }

    // A synchronous call runs after what was issued before it, and before what is issued later.
    private static void MixedWithSync(Scenario scenario)
    {
        for (var round = 0; round < 50; round++)
        {
            var shared = new int[] { 1, 1, 1 };
            var first = scenario.Group.AllSumAsync<int>(shared);
            var gather = new int[scenario.Size];
            var second = scenario.Group.AllGatherAsync<int>(new[] { scenario.Rank + round }, gather);
            int[] third = [round];
            scenario.Group.AllSum<int>(third);
            var last = new int[] { 5 };
            var fourth = scenario.Group.AllSumAsync<int>(last);
            Scenario.Same<int>(shared, [scenario.Size, scenario.Size, scenario.Size], "first");
            Scenario.Same<int>(gather, Enumerable.Range(round, scenario.Size).ToArray(), "second");
            Scenario.True(third[0] == round * scenario.Size, "third");
            Task.WaitAll(first, second, fourth);
            Scenario.True(last[0] == 5 * scenario.Size, "fourth");
        }
    }

    // Several threads on one group: any order fits, as all ranks issue the same operations with the same operands.
    private static void FromThreads(Scenario scenario)
    {
#pragma warning disable NC0003 // any order fits, as said above
        Parallel.For(
            0,
            6,
            new ParallelOptions { MaxDegreeOfParallelism = 6 },
            thread =>
            {
                for (var round = 0; round < 60; round++)
                {
                    var values = Enumerable.Range(0, 100).ToArray();
                    if (thread % 2 == 0)
                    {
                        scenario.Group.AllSum<int>(values);
                    }
                    else
                    {
                        scenario.Group.AllSumAsync<int>(values).GetAwaiter().GetResult();
                    }
                    Scenario.True(
                        !values.Where((value, i) => value != i * scenario.Size).Any(),
                        $"thread {thread}, round {round}"
                    );
                }
            }
        );
#pragma warning restore NC0003
    }

    private static void CancelledBefore(Scenario scenario)
    {
        var task = scenario.Group.AllSumAsync<int>(
            new int[3],
            cancellationToken: new CancellationToken(canceled: true)
        );
        Scenario.True(task.IsCanceled, "the task is cancelled");
        Scenario.True(!scenario.Group.IsFaulted, "the group is not faulted");
        int[] value = [1];
        scenario.Group.AllSum<int>(value);
        Scenario.True(value[0] == scenario.Size, "a sum afterwards");
    }

    // Rank 0 waits for its right neighbour; what it queued behind that is cancelled, and never seen by the others.
    private static void CancelledWhileQueued(Scenario scenario)
    {
        if (scenario.Rank == 0)
        {
            using var source = new CancellationTokenSource();
            var received = new int[1];
            var running = scenario.Group.ReceiveAsync<int>(received, 1);
            var queued = scenario.Group.AllSumAsync<int>(new int[5], cancellationToken: source.Token);
            source.Cancel();
            var exception = Scenario.Throws<OperationCanceledException>(
                () => queued.GetAwaiter().GetResult(),
                "the queued operation"
            );
            Scenario.True(exception.CancellationToken == source.Token, "the caller's token");
            Scenario.True(queued.IsCanceled, "the task is cancelled");
            Scenario.True(!running.IsCompleted, "the running operation goes on");
            scenario.Announce();
            running.GetAwaiter().GetResult();
            Scenario.True(received[0] == 77, "what was received");
        }
        else if (scenario.Rank == 1)
        {
            // The test starts this rank's part only after it has heard from rank 0.
            scenario.Group.Send<int>([77], 0);
        }
        Scenario.True(!scenario.Group.IsFaulted, "the group is not faulted");
        int[] value = [1];
        scenario.Group.AllSum<int>(value);
        Scenario.True(value[0] == scenario.Size, "a sum afterwards");
    }

    // Rank 0 gives up an operation that has begun: its group is at an end, and so are the others'.
    private static void CancelledWhileRunning(Scenario scenario)
    {
        if (scenario.Rank != 0)
        {
            scenario.Group.Barrier();
            // Ranks 1 and 2 wait for each other, and nobody sends anything: on this wire any byte would do for what
            // rank 0 waits for.
            scenario.Group.Receive<int>(new int[1], 3 - scenario.Rank);
            return;
        }
        scenario.Group.Barrier();
        // Cancelled before it has begun it would only leave the order: tried until it was caught running.
        for (var patience = 1000; !scenario.Group.IsFaulted && patience < 1 << 30; patience *= 2)
        {
            using var source = new CancellationTokenSource();
            var running = scenario.Group.ReceiveAsync<int>(new int[1], 1, cancellationToken: source.Token);
            Thread.SpinWait(patience);
            source.Cancel();
            var exception = Scenario.Throws<OperationCanceledException>(
                () => running.GetAwaiter().GetResult(),
                "the running operation"
            );
            Scenario.True(exception.CancellationToken == source.Token, "the caller's token");
        }
        Scenario.True(scenario.Group.IsFaulted, "the group is faulted");
        try
        {
            scenario.Group.Barrier();
        }
        catch (Exception later)
        {
            scenario.Data["later"] = later.GetType().Name;
            scenario.Data["cause"] = later.InnerException?.GetType().Name ?? "";
            return;
        }
        throw new ScenarioException("a call on the faulted group succeeded");
    }

    // Buffers stay where they are while garbage collections move everything else.
    private static void Pinned(Scenario scenario)
    {
        var tasks = new List<(Task Task, int[] Buffer)>();
        for (var i = 0; i < 100; i++)
        {
            var buffer = Enumerable.Range(i, 5000).ToArray();
            tasks.Add((scenario.Group.AllSumAsync<int>(buffer), buffer));
            if (i % 10 == 0)
            {
                GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
            }
        }
        for (var i = 0; i < tasks.Count; i++)
        {
            tasks[i].Task.GetAwaiter().GetResult();
            Scenario.True(
                !tasks[i].Buffer.Where((value, k) => value != (i + k) * scenario.Size).Any(),
                $"operation {i}"
            );
        }
    }
}
