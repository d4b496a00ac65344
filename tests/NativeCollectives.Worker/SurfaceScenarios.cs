using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace NativeCollectives.Worker;

/// <summary>
/// The forms that are generated for every operation: single values, whole arrays, tensors asynchronously, blocks of
/// different lengths of tensors, operators of the program's own on tensors, lengths that the others do not know.
/// </summary>
internal static unsafe class SurfaceScenarios
{
    public static Dictionary<string, Action<Scenario>> All { get; } =
        new()
        {
            ["values"] = Values,
            ["array_forms"] = ArrayForms,
            ["tensors_async"] = TensorsAsync,
            ["tensor_counts"] = TensorCounts,
            ["functions"] = Functions,
            ["variable_lengths"] = VariableLengths,
            ["raw_exchange"] = RawExchange,
            ["batch_of_all"] = BatchOfAll,
        };

    private static int Sum(int size) => size * (size - 1) / 2;

    private static void Values(Scenario scenario)
    {
        var (group, rank, size) = (scenario.Group, scenario.Rank, scenario.Size);
        var last = size - 1;
        int[] ranks = [.. Enumerable.Range(0, size)];
        Scenario.True(group.AllReduce(rank) == Sum(size), "AllReduce");
        Scenario.True(group.AllReduce(rank + 0.5f, ReduceOp.Max) == last + 0.5f, "AllReduce, maximum");
        Scenario.True(group.Reduce(rank, last) == (rank == last ? Sum(size) : null), "Reduce");
        Scenario.Same<int>(group.AllGather(rank), ranks, "AllGather");
        Gathered(group.Gather(rank, last), last, "Gather");
        Scenario.True(group.Broadcast(rank, last) == last, "Broadcast");
        Scenario.True(group.Scan(rank) == Sum(rank + 1), "Scan");

        Scenario.True(group.AllReduceAsync(rank).Result == Sum(size), "AllReduceAsync");
        Scenario.True(group.ReduceAsync(rank, 0, ReduceOp.Max).Result == (rank == 0 ? last : null), "ReduceAsync");
        Scenario.Same<int>(group.AllGatherAsync(rank).Result, ranks, "AllGatherAsync");
        Gathered(group.GatherAsync(rank, 0).Result, 0, "GatherAsync");
        Scenario.True(group.BroadcastAsync((long)rank, last).Result == last, "BroadcastAsync");
        Scenario.True(group.ScanAsync(rank).Result == Sum(rank + 1), "ScanAsync");

        void Gathered(int[]? values, int root, string what)
        {
            Scenario.True(values is null == (rank != root), $"{what}: who gets it");
            Scenario.Same<int>(values ?? ranks, ranks, what);
        }
    }

    private static void ArrayForms(Scenario scenario)
    {
        var (group, rank, size) = (scenario.Group, scenario.Rank, scenario.Size);
        var last = size - 1;
        int[] pair = [rank, 10 * rank];
        int[] pairs = [.. Enumerable.Range(0, size).SelectMany(r => new[] { r, 10 * r })];
        int[] blocks = [.. Enumerable.Range(0, 2 * size)];

        int[] sum = [rank];
        group.AllReduceAsync(sum).Wait();
        Scenario.Same<int>(sum, [Sum(size)], "AllReduceAsync");
        Scenario.Same<int>(group.ReduceScatter(blocks), [2 * rank * size, ((2 * rank) + 1) * size], "ReduceScatter");
        Scenario.Same<int>(
            group.ReduceScatterAsync(blocks, ReduceOp.Max).Result,
            [2 * rank, (2 * rank) + 1],
            "ReduceScatterAsync"
        );
        Scenario.Same<int>(group.AllGatherAsync(pair).Result, pairs, "AllGatherAsync");
        var gathered = group.Gather(pair, last);
        Scenario.True(gathered is null == (rank != last), "Gather: who gets it");
        Scenario.Same<int>(gathered ?? pairs, pairs, "Gather");
        Scenario.Same<int>(group.GatherAsync(pair, last).Result ?? pairs, pairs, "GatherAsync");
        Scenario.Same<int>(
            group.AllToAll([.. Enumerable.Range(0, size).Select(r => (100 * rank) + r)]),
            [.. Enumerable.Range(0, size).Select(r => (100 * r) + rank)],
            "AllToAll"
        );
        Scenario.Same<int>(group.Scatter(rank == 0 ? blocks : [], 0), [2 * rank, (2 * rank) + 1], "Scatter");
        Scenario.Same<int>(
            group.ScatterAsync(rank == last ? blocks : null, last).Result,
            [2 * rank, (2 * rank) + 1],
            "ScatterAsync"
        );
        if (size > 1)
        {
            Scenario.Throws<ArgumentException>(
                () => group.Scatter(rank == 0 ? new int[size + 1] : [], 0),
                "what cannot be divided, on every rank"
            );
        }

        int[] root = rank == 0 ? [7] : new int[1];
        group.BroadcastAsync(root, 0).Wait();
        Scenario.Same<int>(root, [7], "BroadcastAsync");
        var (right, left) = ((rank + 1) % size, (rank + last) % size);
        int[] came = new int[2];
        group.SendReceiveAsync(pair, right, came, left).Wait();
        Scenario.Same<int>(came, [left, 10 * left], "SendReceiveAsync");
        Scenario.True(!group.IsFaulted, "the group is not faulted");
    }

    // A matrix that does not lie in memory as it is read: every second column of a wider one.
    private static Tensor<float> Sparse(int rows, int columns, Func<int, float> value)
    {
        var whole = Tensor.CreateFromShape<float>([rows, 2 * columns]);
        var sparse = whole.Slice([NRange.All, new NRange(0, columns)]);
        Dense(rows, columns, value).AsReadOnlyTensorSpan().CopyTo(sparse.AsTensorSpan());
        Scenario.True(rows < 2 || !sparse.IsDense, "it is not dense");
        return sparse;
    }

    // Rows in the middle of a taller one: they lie as they are read, but not at the beginning of the memory.
    private static Tensor<float> Middle(int rows, int columns, Func<int, float> value)
    {
        var whole = Tensor.CreateFromShape<float>([rows + 2, columns]);
        var middle = whole.Slice([new NRange(1, rows + 1), NRange.All]);
        Dense(rows, columns, value).AsReadOnlyTensorSpan().CopyTo(middle.AsTensorSpan());
        Scenario.True(middle.IsDense, "it is dense");
        return middle;
    }

    private static Tensor<float> Dense(int rows, int columns, Func<int, float> value) =>
        Tensor.Create([.. Enumerable.Range(0, rows * columns).Select(value)], [rows, columns]);

    private static void TensorsAsync(Scenario scenario)
    {
        var (group, rank, size) = (scenario.Group, scenario.Rank, scenario.Size);
        var last = size - 1;
        foreach (var make in new Func<int, int, Func<int, float>, Tensor<float>>[] { Dense, Sparse, Middle })
        {
            var own = make(2, 3, i => i + rank);
            var sum = Dense(2, 3, i => (i * size) + Sum(size));
            var output = make(2, 3, _ => -1);
            group.AllReduceAsync(own, output).Wait();
            Scenario.Same(output, sum, "AllReduceAsync");
            group.AllReduceAsync(output, ReduceOp.Max).Wait();
            Scenario.Same(output, sum, "AllReduceAsync in place");
            group.AllReduceAsync(own, output, static (all, next) => TensorPrimitives.Add(all, next, all)).Wait();
            Scenario.Same(output, sum, "AllReduceAsync by a function");
            var reduced = make(2, 3, _ => -1);
            group.ReduceAsync(own, rank == last ? reduced : null, last).Wait();
            Scenario.Same(reduced, rank == last ? sum : Dense(2, 3, _ => -1), "ReduceAsync");
            var all = Dense(2 * size, 3, i => (i % 6) + (i / 6));
            var joined = make(2 * size, 3, _ => -1);
            group.AllGatherAsync(own, joined).Wait();
            Scenario.Same(joined, all, "AllGatherAsync");
            Scenario.Same(group.AllGatherAsync(own).Result, all, "AllGatherAsync, result");
            Scenario.Same(group.GatherAsync(own, 0).Result ?? all, all, "GatherAsync");
            var part = make(2, 3, _ => -1);
            group.ScatterAsync(rank == 0 ? joined : null, part, 0).Wait();
            Scenario.Same(part, own, "ScatterAsync");
            group.ReduceScatterAsync(joined, part, ReduceOp.Max).Wait();
            Scenario.Same(part, own, "ReduceScatterAsync");
            Scenario.Same(group.ReduceScatterAsync(joined, ReduceOp.Min).Result, own, "ReduceScatterAsync, result");
            var exchanged = group.AllToAllAsync(joined).Result;
            Scenario.Same(exchanged, Dense(2 * size, 3, i => (i % 6) + rank), "AllToAllAsync");
            var root = make(2, 3, i => rank == last ? i : -1);
            group.BroadcastAsync(root, last).Wait();
            Scenario.Same(root, Dense(2, 3, i => i), "BroadcastAsync");
            group.ScanAsync(own, output).Wait();
            Scenario.Same(output, Dense(2, 3, i => (i * (rank + 1)) + Sum(rank + 1)), "ScanAsync");
            var (right, left) = ((rank + 1) % size, (rank + last) % size);
            group.SendReceiveAsync(own, right, output, left).Wait();
            Scenario.Same(output, Dense(2, 3, i => i + left), "SendReceiveAsync");
            if (size > 1 && rank < 2)
            {
                var message = rank == 0 ? group.SendAsync(own, 1) : group.ReceiveAsync(output, 0);
                message.Wait();
                Scenario.Same(output, rank == 0 ? output : Dense(2, 3, i => i), "ReceiveAsync");
            }
        }
    }

    // Rank r has r + 1 rows.
    private static void TensorCounts(Scenario scenario)
    {
        var (group, rank, size) = (scenario.Group, scenario.Rank, scenario.Size);
        long[] counts = [.. Enumerable.Range(0, size).Select(r => r + 1L)];
        var rows = (int)counts.Sum();
        var before = (int)counts[..rank].Sum();
        var all = Dense(rows, 3, i => i);
        Tensor<float> Own(Func<float, float>? change = null) =>
            Dense(rank + 1, 3, i => change is null ? (before * 3) + i : change((before * 3) + i));

        foreach (var make in new Func<int, int, Func<int, float>, Tensor<float>>[] { Dense, Sparse, Middle })
        {
            var output = make(rows, 3, _ => -1);
            group.AllGather(Own(), output, counts);
            Scenario.Same(output, all, "AllGather");
            output = make(rows, 3, _ => -1);
            group.AllGatherAsync(Own(), output, counts).Wait();
            Scenario.Same(output, all, "AllGatherAsync");
            output = make(rows, 3, _ => -1);
            group.Gather(Own(), rank == 0 ? output : null, counts, 0);
            Scenario.Same(output, rank == 0 ? all : Dense(rows, 3, _ => -1), "Gather");
            var own = make(rank + 1, 3, _ => -1);
            group.Scatter(rank == size - 1 ? all : null, own, counts, size - 1);
            Scenario.Same(own, Own(), "Scatter");
            own = make(rank + 1, 3, _ => -1);
            group.ReduceScatterAsync(all, own, counts).Wait();
            Scenario.Same(own, Own(value => value * size), "ReduceScatterAsync");
        }

        // Each gives rank r so many rows.
        long[] one = [.. Enumerable.Repeat(rank + 1L, size)];
        var received = Dense(size * (rank + 1), 3, _ => -1);
        group.AllToAll(all, counts, received, one);
        Scenario.Same(
            received,
            Dense(size * (rank + 1), 3, i => (before * 3) + (i % (3 * (rank + 1)))),
            "AllToAll of rows"
        );
        Scenario.Throws<ArgumentException>(
            () => group.AllGather(Own(), Tensor.CreateFromShape<float>([rows, 4]), counts),
            "rows of another length"
        );
        Scenario.Throws<ArgumentException>(
            () => group.AllGather(Dense(rank + 2, 3, _ => 0), all, counts),
            "more rows than the count says"
        );
    }

    // Subtraction from the left: neither commutative nor associative, so the order of ranks shows.
    private static void Functions(Scenario scenario)
    {
        var (group, rank, size) = (scenario.Group, scenario.Rank, scenario.Size);
        static void Subtract(Span<float> all, ReadOnlySpan<float> next) => TensorPrimitives.Subtract(all, next, all);
        float Upto(int ranks, float first) => first - Enumerable.Range(1, Math.Max(0, ranks - 1)).Sum();

        var own = Dense(2, 2, i => i == 0 || rank > 0 ? rank : i);
        var whole = Dense(2, 2, i => Upto(size, i));
        var output = Dense(2, 2, _ => -1);
        group.AllReduce(own, output, Subtract);
        Scenario.Same(output, whole, "AllReduce");
        output = Dense(2, 2, _ => -1);
        group.Reduce(own, rank == 0 ? output : null, 0, Subtract);
        Scenario.Same(output, rank == 0 ? whole : Dense(2, 2, _ => -1), "Reduce");
        group.ScanAsync(own, output, Subtract).Wait();
        Scenario.Same(output, Dense(2, 2, i => Upto(rank + 1, i)), "ScanAsync");
        output = Dense(2, 2, _ => -1);
        group.ExclusiveScan(own, output, Subtract);
        Scenario.Same(output, Dense(2, 2, i => rank == 0 ? -1 : Upto(rank, i)), "ExclusiveScan");
        var block = Tensor.CreateFromShape<float>([1]);
        var blocks = Tensor.Create([.. Enumerable.Range(0, size).Select(i => rank == 0 ? i : (float)rank)]);
        group.ReduceScatterAsync(blocks, block, Subtract).Wait();
        Scenario.Same(block, Tensor.Create([Upto(size, rank)]), "ReduceScatterAsync");
    }

    private static void VariableLengths(Scenario scenario)
    {
        var (group, rank, size) = (scenario.Group, scenario.Rank, scenario.Size);
        var last = size - 1;
        int[] Of(int r) => [.. Enumerable.Range(100 * r, 3 * r)];
        Same(group.AllGatherVariable(Of(rank)), "AllGatherVariable");
        Same(group.AllGatherVariableAsync(Of(rank)).Result, "AllGatherVariableAsync");
        Same(Root(group.GatherVariable(Of(rank), last), last), "GatherVariable");
        Same(Root(group.GatherVariableAsync(Of(rank).AsMemory(), 0).Result, 0), "GatherVariableAsync");
        for (var sender = 0; sender < last; sender++)
        {
            if (rank == sender)
            {
                group.SendArray(Of(size), rank + 1);
                group.SendArrayAsync(Of(0), rank + 1).Wait();
            }
            else if (rank == sender + 1)
            {
                Scenario.Same<int>(group.ReceiveArrayAsync<int>(sender).Result, Of(size), "ReceiveArrayAsync");
                Scenario.Same<int>(group.ReceiveArray<int>(sender), [], "ReceiveArray of nothing");
            }
        }

        group.Barrier();

        int[][] Root(int[][]? arrays, int root)
        {
            Scenario.True(arrays is null == (rank != root), "who gets them");
            return arrays ?? [.. Enumerable.Range(0, size).Select(Of)];
        }

        void Same(int[][] arrays, string what)
        {
            Scenario.True(arrays.Length == size, $"{what}: one for each rank");
            for (var r = 0; r < size; r++)
            {
                Scenario.Same<int>(arrays[r], Of(r), $"{what}, rank {r}");
            }
        }
    }

    private static void RawExchange(Scenario scenario)
    {
        var (group, rank, size) = (scenario.Group, scenario.Rank, scenario.Size);
        var (right, left) = ((rank + 1) % size, (rank + size - 1) % size);
        const int Count = 1000;
        var memory = (int*)NativeMemory.AllocZeroed(2 * Count, sizeof(int));
        try
        {
            new Span<int>(memory, Count).Fill(rank);
            group.Raw.SendReceive(memory, Count, right, memory + Count, Count, left, CollectiveDataType.Int32);
            Scenario.True(!new Span<int>(memory + Count, Count).ContainsAnyExcept(left), "SendReceive");
            new Span<int>(memory + Count, Count).Clear();
            group
                .Raw.SendReceiveAsync(memory, Count, right, memory + Count, Count, left, CollectiveDataType.Int32)
                .Wait();
            Scenario.True(!new Span<int>(memory + Count, Count).ContainsAnyExcept(left), "SendReceiveAsync");
        }
        finally
        {
            NativeMemory.Free(memory);
        }
    }

    private static void BatchOfAll(Scenario scenario)
    {
        var (group, rank, size) = (scenario.Group, scenario.Rank, scenario.Size);
        int[] sum = [rank];
        int[] most = [rank];
        int[] reduced = new int[1];
        int[] gathered = new int[size];
        int[] everyone = new int[size];
        int[] part = new int[1];
        int[] share = new int[1];
        int[] exchanged = new int[size];
        int[] root = [rank == 0 ? 9 : 0];
        int[] ranks = [.. Enumerable.Range(0, size)];
        var batch = group
            .Batch()
            .AllReduce(sum)
            .AllReduce(most, ReduceOp.Max)
            .Reduce([rank], reduced, 0)
            .AllGather([rank], everyone)
            .Gather([rank], gathered, size - 1)
            .ReduceScatter(ranks, part)
            .Scatter(ranks, share, 0)
            .AllToAll(ranks, exchanged)
            .Broadcast(root, 0);
        batch.ExecuteAsync().Wait();
        Scenario.Same<int>(sum, [Sum(size)], "AllReduce");
        Scenario.Same<int>(most, [size - 1], "AllReduce, maximum");
        Scenario.Same<int>(reduced, [rank == 0 ? Sum(size) : 0], "Reduce");
        Scenario.Same<int>(everyone, ranks, "AllGather");
        Scenario.Same<int>(gathered, rank == size - 1 ? ranks : new int[size], "Gather");
        Scenario.Same<int>(part, [rank * size], "ReduceScatter");
        Scenario.Same<int>(share, [rank], "Scatter");
        Scenario.Same<int>(exchanged, [.. Enumerable.Repeat(rank, size)], "AllToAll");
        Scenario.Same<int>(root, [9], "Broadcast");
    }
}
