using System.Numerics.Tensors;

namespace NativeCollectives.Worker;

/// <summary>Exchanges, batches, scans, operators of the program's own and subgroups.</summary>
internal static class ExchangeScenarios
{
    public static Dictionary<string, Action<Scenario>> All { get; } =
        new()
        {
            ["exchange_circle"] = Circle,
            ["exchange_large_circle"] = LargeCircle,
            ["exchange_mistakes"] = Mistakes,
            ["batch_of_many"] = OfMany,
            ["batch_again"] = Again,
            ["batch_async"] = Async,
            ["batch_allocates_nothing"] = AllocatesNothing,
            ["scan"] = Scan,
            ["function"] = Function,
            ["function_throws"] = FunctionThrows,
            ["bitwise"] = Bitwise,
            ["supports_of_ring"] = SupportsOfRing,
            ["supports_of_nccl"] = SupportsOfNccl,
            ["subgroup"] = Subgroup,
            ["subgroup_lists_differ"] = SubgroupListsDiffer,
        };

    private static int Right(Scenario scenario) => (scenario.Rank + 1) % scenario.Size;

    private static int Left(Scenario scenario) => (scenario.Rank + scenario.Size - 1) % scenario.Size;

    private static float[] Numbers(int rank, int count) =>
        [.. Enumerable.Range(0, count).Select(i => (rank * 1000) + (i % 997))];

    private static void Circle(Scenario scenario)
    {
        var group = scenario.Group;
        foreach (var count in new[] { 0, 1, 1000, 300_000 })
        {
            // Lengths differ from rank to rank.
            int Length(int rank) => count + rank;
            var sent = Numbers(scenario.Rank, Length(scenario.Rank));
            var expected = Numbers(Left(scenario), Length(Left(scenario)));
            var received = new float[expected.Length];
            group.SendReceive<float>(sent, Right(scenario), received, Left(scenario));
            Scenario.Same<float>(received, expected, $"{count} on spans");

            received.AsSpan().Clear();
            group.SendReceiveAsync<float>(sent, Right(scenario), received, Left(scenario)).Wait();
            Scenario.Same<float>(received, expected, $"{count} on memories");

            // The other way round, and tensors.
            var fromRight = Tensor.Create<float>(new float[Length(Right(scenario))]);
            group.SendReceive(
                Tensor.Create<float>(sent).AsReadOnlyTensorSpan(),
                Left(scenario),
                fromRight.AsTensorSpan(),
                Right(scenario)
            );
            Scenario.Same(
                fromRight,
                Tensor.Create<float>(Numbers(Right(scenario), Length(Right(scenario)))),
                $"{count} on tensors"
            );
        }

        float[] own = [1, 2, 3];
        var copy = new float[3];
        group.SendReceive<float>(own, scenario.Rank, copy, scenario.Rank);
        Scenario.Same<float>(copy, own, "with itself");
        copy.AsSpan().Clear();
        group.SendReceiveAsync<float>(own, scenario.Rank, copy, scenario.Rank).Wait();
        Scenario.Same<float>(copy, own, "with itself, asynchronously");
    }

    private static void LargeCircle(Scenario scenario)
    {
        var sent = new int[16 << 20];
        sent.AsSpan().Fill(scenario.Rank + 1);
        var received = new int[sent.Length];
        scenario.Group.SendReceive<int>(sent, Right(scenario), received, Left(scenario));
        Scenario.True(!received.AsSpan().ContainsAnyExcept(Left(scenario) + 1), "by SendReceive");
        received.AsSpan().Clear();
        scenario.Group.Batch().Send<int>(sent, Right(scenario)).Receive<int>(received, Left(scenario)).Execute();
        Scenario.True(!received.AsSpan().ContainsAnyExcept(Left(scenario) + 1), "by a batch");
    }

    private static void Mistakes(Scenario scenario)
    {
        var group = scenario.Group;
        var buffer = new int[8];
        Throws<ArgumentException>(
            () => group.SendReceive<int>(buffer, Right(scenario), buffer, Left(scenario)),
            "overlapping buffers"
        );
        Throws<ArgumentException>(
            () => group.SendReceive<int>(buffer, scenario.Rank, new int[3], scenario.Rank),
            "a copy of another length"
        );
        Throws<ArgumentOutOfRangeException>(
            () => group.SendReceive<int>(buffer, scenario.Size, new int[3], Left(scenario)),
            "no such rank"
        );
        Throws<ArgumentException>(() => group.Batch().Send<int>(buffer, scenario.Rank), "to itself");
        Throws<ArgumentException>(
            () => group.Batch().AllReduce<float>(new float[1], ReduceOp.BitwiseOr),
            "bits of floats"
        );
        Throws<ArgumentOutOfRangeException>(() => group.Batch().Execute(TimeSpan.Zero), "no time");
        Throws<ArgumentException>(() => group.Scan<int>(buffer, new int[8], ReduceOp.Average), "average of a scan");
        Throws<ArgumentException>(() => group.CreateSubgroup([]), "nobody");
        Throws<ArgumentException>(() => group.CreateSubgroup([0, 0]), "twice");
        Throws<ArgumentException>(() => group.CreateSubgroup([scenario.Size]), "not a rank");
        Throws<ArgumentNullException>(() => group.AllReduce<int>(buffer, buffer, (ReduceFunction<int>)null!), "null");
        group.Batch().Execute();
        group.Barrier();
    }

    private static CollectiveBatch Many(Scenario scenario, out Action check)
    {
        var group = scenario.Group;
        var size = scenario.Size;
        var batch = group.Batch();
        var checks = new List<Action>();
        for (var i = 0; i < 5; i++)
        {
            var number = i;
            var ints = new int[1000 + i];
            ints.AsSpan().Fill(scenario.Rank + i);
            batch.AllReduce<int>(ints, ReduceOp.Sum);
            checks.Add(() =>
                Scenario.Same<int>(
                    ints,
                    Enumerable.Repeat((size * (size - 1) / 2) + (number * size), 1000 + number).ToArray(),
                    $"sum {number}"
                )
            );
        }

        var gathered = new float[7 * size];
        batch.AllGather<float>(Numbers(scenario.Rank, 7), gathered);
        checks.Add(() =>
            Scenario.Same<float>(
                gathered,
                Enumerable.Range(0, size).SelectMany(rank => Numbers(rank, 7)).ToArray(),
                "all-gather"
            )
        );
        var scattered = new long[3];
        batch.ReduceScatter<long>(
            Enumerable.Range(0, 3 * size).Select(i => (long)i).ToArray(),
            scattered,
            ReduceOp.Sum
        );
        checks.Add(() =>
            Scenario.Same<long>(
                scattered,
                [.. Enumerable.Range(3 * scenario.Rank, 3).Select(i => (long)i * size)],
                "reduce-scatter"
            )
        );
        var sentByRoot = new byte[9];
        sentByRoot.AsSpan().Fill((byte)(scenario.Rank == size - 1 ? 77 : 0));
        batch.Broadcast<byte>(sentByRoot, size - 1);
        checks.Add(() => Scenario.True(!sentByRoot.AsSpan().ContainsAnyExcept((byte)77), "broadcast"));
        var exchanged = new int[2 * size];
        batch.AllToAll<int>(Enumerable.Range(0, 2 * size).Select(i => (scenario.Rank * 100) + i).ToArray(), exchanged);
        checks.Add(() =>
            Scenario.Same<int>(
                exchanged,
                [
                    .. Enumerable
                        .Range(0, size)
                        .SelectMany(rank =>
                            new[] { (rank * 100) + (2 * scenario.Rank), (rank * 100) + (2 * scenario.Rank) + 1 }
                        ),
                ],
                "all-to-all"
            )
        );
        // Behind the collectives, which changes nothing.
        var fromLeft = new float[50_000];
        batch.Send<float>(Numbers(scenario.Rank, 50_000), Right(scenario)).Receive<float>(fromLeft, Left(scenario));
        checks.Add(() => Scenario.Same<float>(fromLeft, Numbers(Left(scenario), 50_000), "message"));
        check = () => checks.ForEach(one => one());
        Scenario.True(batch.Count == 11, "how many there are");
        return batch;
    }

    private static void OfMany(Scenario scenario)
    {
        Many(scenario, out var check).Execute();
        check();
    }

    private static void Async(Scenario scenario)
    {
        // Two under way at once, and an operation behind them.
        var first = Many(scenario, out var checkFirst).ExecuteAsync();
        var second = Many(scenario, out var checkSecond).ExecuteAsync();
        scenario.Group.Barrier();
        Scenario.True(first.IsCompletedSuccessfully || first.Wait(TimeSpan.FromSeconds(30)), "the first ends");
        Scenario.True(second.Wait(TimeSpan.FromSeconds(30)), "the second ends");
        checkFirst();
        checkSecond();
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Scenario.True(Many(scenario, out _).ExecuteAsync(null, cancelled.Token).IsCanceled, "cancelled beforehand");
        scenario.Group.Barrier();
    }

    private static void Again(Scenario scenario)
    {
        var sums = new int[10];
        sums.AsSpan().Fill(1);
        var batch = scenario.Group.Batch().AllReduce<int>(sums, ReduceOp.Sum);
        batch.Execute();
        batch.Execute();
        Scenario.True(!sums.AsSpan().ContainsAnyExcept(scenario.Size * scenario.Size), "twice");
        batch.Clear();
        batch.Execute();
        Scenario.True(batch.Count == 0 && sums[0] == scenario.Size * scenario.Size, "cleared");
    }

    private static void AllocatesNothing(Scenario scenario)
    {
        var sums = new float[1000];
        var received = new float[1000];
        var sent = new float[1000];
        var batch = scenario
            .Group.Batch()
            .AllReduce<float>(sums, ReduceOp.Max)
            .AllReduce<float>(received, ReduceOp.Max)
            .Send<float>(sent, Right(scenario));
        var other = new float[1000];
        batch.Receive<float>(other, Left(scenario));
        void Once()
        {
            batch.Execute();
            scenario.Group.SendReceive<float>(sent, Right(scenario), received, Left(scenario));
        }
        for (var i = 0; i < 50; i++)
        {
            Once();
        }
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 50; i++)
        {
            Once();
        }
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Scenario.True(allocated == 0, $"{allocated} bytes were allocated");
    }

    private static void Scan(Scenario scenario)
    {
        var group = scenario.Group;
        var ranks = scenario.Rank;
        foreach (var count in new[] { 1, 5, 40_001 })
        {
            int[] own = [.. Enumerable.Repeat(scenario.Rank + 1, count)];
            var result = new int[count];
            group.Scan<int>(own, result, ReduceOp.Sum);
            Scenario.True(!result.AsSpan().ContainsAnyExcept((ranks + 1) * (ranks + 2) / 2), $"inclusive, {count}");
            result.AsSpan().Fill(-1);
            group.ExclusiveScan<int>(own, result, ReduceOp.Sum);
            var before = ranks == 0 ? -1 : ranks * (ranks + 1) / 2;
            Scenario.True(!result.AsSpan().ContainsAnyExcept(before), $"exclusive, {count}");
            group.ScanAsync<int>(own, own, ReduceOp.Max).Wait();
            Scenario.True(!own.AsSpan().ContainsAnyExcept(ranks + 1), $"in place, {count}");
            group.ExclusiveScanAsync<int>(own, result, ReduceOp.Min).Wait();
            Scenario.True(!result.AsSpan().ContainsAnyExcept(ranks == 0 ? -1 : 1), $"asynchronous, {count}");
        }
    }

    // It neither commutes nor associates.
    private static void InOrder(Span<int> accumulated, ReadOnlySpan<int> next)
    {
        for (var i = 0; i < accumulated.Length; i++)
        {
            accumulated[i] = ((accumulated[i] * 3) + next[i]) % 101;
        }
    }

    private static int OfRanks(int last) =>
        Enumerable.Range(1, last).Aggregate(0, (sum, rank) => ((sum * 3) + rank) % 101);

    private static void Function(Scenario scenario)
    {
        var group = scenario.Group;
        var whole = OfRanks(scenario.Size - 1);
        foreach (var count in new[] { 1, 33, 50_003 })
        {
            var own = new int[count];
            own.AsSpan().Fill(scenario.Rank);
            var result = new int[count];
            group.AllReduce<int>(own, result, InOrder);
            Scenario.True(!result.AsSpan().ContainsAnyExcept(whole), $"all-reduce, {count}");
            result.AsSpan().Clear();
            group.AllReduceAsync<int>(own, result, InOrder).Wait();
            Scenario.True(!result.AsSpan().ContainsAnyExcept(whole), $"all-reduce, asynchronous, {count}");
            result.AsSpan().Fill(-1);
            group.Reduce<int>(own, result, scenario.Size - 1, InOrder);
            var expected = scenario.Rank == scenario.Size - 1 ? whole : -1;
            Scenario.True(!result.AsSpan().ContainsAnyExcept(expected), $"reduce, {count}");
            var blocks = new int[count * scenario.Size];
            blocks.AsSpan().Fill(scenario.Rank);
            group.ReduceScatter<int>(blocks, result, InOrder);
            Scenario.True(!result.AsSpan().ContainsAnyExcept(whole), $"reduce-scatter, {count}");
            group.Scan<int>(own, result, InOrder);
            Scenario.True(!result.AsSpan().ContainsAnyExcept(OfRanks(scenario.Rank)), $"scan, {count}");
        }
    }

    private static void FunctionThrows(Scenario scenario)
    {
        var faulted = scenario.Group.Faulted;
        Scenario.True(!faulted.IsCancellationRequested, "not yet");
        using var told = new ManualResetEventSlim();
        faulted.Register(told.Set);
        faulted.Register(() => throw new InvalidOperationException("of what is registered"));
        var value = new int[1];
        try
        {
            scenario.Group.AllReduce<int>(
                value,
                value,
                (_, _) => throw new InvalidOperationException("the program's own")
            );
            throw new ScenarioException("the failure of the function was not seen");
        }
        catch (CollectiveException failure)
        {
            Scenario.True(
                failure is PeerLostException || failure.InnerException?.Message == "the program's own",
                failure.ToString()
            );
        }
        Scenario.True(scenario.Group.IsFaulted, "the group is faulted");
        Scenario.True(told.Wait(TimeSpan.FromSeconds(30)), "the token is cancelled");
    }

    private static void Bitwise(Scenario scenario)
    {
        ushort[] bits = [(ushort)(1 << scenario.Rank), 0x8001, (ushort)~(1 << scenario.Rank)];
        var result = new ushort[3];
        scenario.Group.AllReduce<ushort>(bits, result, ReduceOp.BitwiseOr);
        var all = (ushort)((1 << scenario.Size) - 1);
        Scenario.Same<ushort>(result, [all, 0x8001, 0xffff], "or");
        scenario.Group.AllReduce<ushort>(bits, result, ReduceOp.BitwiseAnd);
        Scenario.Same<ushort>(result, [0, 0x8001, (ushort)~all], "and");
        scenario.Group.AllReduce<ushort>(bits, result, ReduceOp.BitwiseXor);
        Scenario.Same<ushort>(
            result,
            [all, (ushort)(scenario.Size % 2 == 0 ? 0 : 0x8001), (ushort)(scenario.Size % 2 == 0 ? all : ~all)],
            "xor"
        );
    }

    // Of five ranks.
    private static void SupportsOfRing(Scenario scenario)
    {
        var group = scenario.Group;
        foreach (var operation in Enum.GetValues<CollectiveOperation>())
        {
            Scenario.True(group.Supports(operation, CollectiveDataType.Complex64), operation.ToString());
            var moves = operation is not (CollectiveOperation.Barrier or CollectiveOperation.Split);
            Scenario.True(!moves || !group.Supports(operation, onDevice: true), $"{operation} on a device");
        }
        Scenario.True(group.Supports(CollectiveOperation.Send, peer: Left(scenario)), "a neighbour");
        Scenario.True(!group.Supports(CollectiveOperation.Receive, peer: (scenario.Rank + 2) % 5), "no neighbour");
        Throws<ArgumentException>(() => group.Supports(CollectiveOperation.Send, peer: scenario.Rank), "itself");
        Throws<ArgumentException>(
            () => group.Supports(CollectiveOperation.AllReduce, op: ReduceOp.BitwiseOr),
            "bits of floats"
        );
        Throws<ArgumentException>(() => group.Supports((CollectiveOperation)99), "no operation");
        Scenario.True(!group.Supports(CollectiveOperation.Send, tag: 1), "tags");
        var (right, left) = (Right(scenario), Left(scenario));
        Throws<NotSupportedException>(() => group.Send(new int[1], right, tag: 1), "a tag");
        Throws<NotSupportedException>(
            () => group.ReceiveAsync(new int[1], left, tag: -1).GetAwaiter().GetResult(),
            "a tag below zero"
        );
        Throws<NotSupportedException>(
            () => group.SendReceive(new int[1], right, new int[1], left, 7),
            "in an exchange"
        );
        Throws<NotSupportedException>(() => group.Batch().Send(new int[1], right, 7).Execute(), "in a batch");
        Scenario.True(!group.IsFaulted, "the group is not faulted");
        group.Barrier();
    }

    private static void SupportsOfNccl(Scenario scenario)
    {
        var group = scenario.Group;
        Scenario.True(group.Supports(CollectiveOperation.AllReduce, onDevice: true), "a sum on the device");
        Scenario.True(!group.Supports(CollectiveOperation.Scan, onDevice: true), "a scan on the device");
        Scenario.True(group.Supports(CollectiveOperation.Scan), "a scan");
        Scenario.True(!group.Supports(CollectiveOperation.Reduce, CollectiveDataType.Int16), "sums of short");
        Scenario.True(group.Supports(CollectiveOperation.Gather, CollectiveDataType.Int16), "moves of short");
        Scenario.True(
            !group.Supports(
                CollectiveOperation.AllReduce,
                CollectiveDataType.Int32,
                ReduceOp.BitwiseXor,
                onDevice: true
            ),
            "bits on the device"
        );
    }

    private static void Subgroup(Scenario scenario)
    {
        var group = scenario.Group;
        Scenario.True(group.ParentRanks is null, "it has no parent");
        int[] listed = [.. Enumerable.Range(0, scenario.Size).Where(rank => rank != 1).Reverse()];
        using var part = group.CreateSubgroup(listed);
        Scenario.True(part is null == (scenario.Rank == 1), "who is not listed gets null");
        if (part is not null)
        {
            Scenario.Same<int>([.. part.ParentRanks!], listed, "parent's ranks");
            Scenario.True(part.Rank == Array.IndexOf(listed, scenario.Rank), "in the order of the list");
            Scenario.Same<int>(part.AllGather<int>([scenario.Rank]), listed, "it works");
        }
        using var again = group.CreateSubgroupAsync([0, scenario.Size - 1]).Result;
        Scenario.True(
            again is null == (scenario.Rank is not 0 && scenario.Rank != scenario.Size - 1),
            "asynchronously"
        );
        again?.Barrier();
        group.Barrier();
    }

    private static void SubgroupListsDiffer(Scenario scenario)
    {
        int[] listed = scenario.Rank == 0 ? [1, 0] : [0, 1];
        if (scenario.Rank < 2)
        {
            Throws<CollectiveMismatchException>(() => scenario.Group.CreateSubgroup(listed), "another list");
        }
        else
        {
            Scenario.True(scenario.Group.CreateSubgroup(listed) is null, "not listed");
        }
        scenario.Group.Barrier();
    }

    private static void Throws<TException>(Action action, string what)
        where TException : Exception
    {
        try
        {
            action();
        }
        catch (TException)
        {
            return;
        }
        throw new ScenarioException($"{what}: no {typeof(TException).Name}");
    }
}
