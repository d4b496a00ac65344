using System.Numerics.Tensors;
using NativeCollectives.Worker.Reference;

namespace NativeCollectives.Worker;

/// <summary>
/// The cases of the upstream suites that concern collectives, under their names there: MLX (common, ring, mpi, nccl
/// files), mlx-swift's pull request 371, JACCL's examples. Those about layers and training (average_gradients,
/// shard_linear, shard_predicate, clip_grad_norm_sharded, fully_shard_grads, all_gather_vjp, donation) come with the
/// layers; jaccl_all_gather_factory_validation comes with that backend.
/// </summary>
internal static class UpstreamScenarios
{
    public static Dictionary<string, Action<Scenario>> All { get; } =
        new()
        {
            ["test_all_reduce"] = TestAllReduce,
            ["test_all_reduce_extra"] = TestAllReduceExtra,
            ["test_all_gather"] = TestAllGather,
            ["test_send_recv"] = TestSendReceive,
            ["test_groups"] = TestGroups,
            ["test_all_reduce_split"] = TestAllReduceSplit,
            ["test_all_gather_split"] = TestAllGatherSplit,
            ["test_mixed"] = TestMixed,
            ["test_send_recv_ping_pong"] = TestPingPong,
            ["test_sum_scatter"] = TestSumScatter,
            ["allreduce_bench"] = AllReduceBench,
            ["minimal_barrier"] = MinimalBarrier,
            ["swift_pair"] = SwiftPair,
        };

    // all_sum against sum(0), all_max and all_min exact.
    private static void TestAllReduce(Scenario scenario)
    {
        AllReduce<sbyte, IntegerElement<sbyte>>(scenario, 0);
        AllReduce<byte, IntegerElement<byte>>(scenario, 0);
        AllReduce<int, IntegerElement<int>>(scenario, 0);
        AllReduce<uint, IntegerElement<uint>>(scenario, 0);
        AllReduce<float, FloatElement<float>>(scenario, 1e-6);
        AllReduce<Half, HalfElement>(scenario, 5e-3);
        AllReduce<BFloat16, BFloat16Element>(scenario, 1e-1);
    }

    private static void TestAllReduceExtra(Scenario scenario)
    {
        AllReduce<short, IntegerElement<short>>(scenario, 0);
        AllReduce<ushort, IntegerElement<ushort>>(scenario, 0);
        AllReduce<Complex64, ComplexElement>(scenario, 1e-6);
    }

    private static void AllReduce<T, TElement>(Scenario scenario, double tolerance)
        where T : unmanaged
        where TElement : IElement<T>
    {
        foreach (var length in Lengths(scenario))
        {
            var all = new T[scenario.Size][];
            for (var rank = 0; rank < scenario.Size; rank++)
            {
                // uniform in [0, 10), cast to the type
                all[rank] = new T[length];
                for (var i = 0; i < length; i++)
                {
                    all[rank][i] = Uniform<T>(Samples.At(scenario.Command.Seed, rank, i));
                }
            }
            var mine = all[scenario.Rank];
            var result = new T[length];

            scenario.Group.AllReduce<T>(mine, result, ReduceOp.Sum);
            for (var i = 0; i < length; i++)
            {
                if (!IsSum<T, TElement>(all, i, result[i], tolerance))
                {
                    throw new ScenarioException(
                        $"{typeof(T).Name}[{length}]: sum {i} is {result[i]}, not that of "
                            + string.Join(", ", all.Select(operand => operand[i]))
                    );
                }
            }
            scenario.Group.AllReduce<T>(mine, result, ReduceOp.Max);
            Scenario.Same<T>(
                result,
                Definitions.Reduce<T, TElement>(all, ReduceOp.Max),
                $"max of {typeof(T).Name}[{length}]"
            );
            scenario.Group.AllReduce<T>(mine, result, ReduceOp.Min);
            Scenario.Same<T>(
                result,
                Definitions.Reduce<T, TElement>(all, ReduceOp.Min),
                $"min of {typeof(T).Name}[{length}]"
            );
        }
    }

    // (7,), (10,), (1024,); (1024, 1024) in small groups
    private static IEnumerable<int> Lengths(Scenario scenario) =>
        scenario.Size <= 4 ? [7, 10, 1024, 1024 * 1024] : [7, 10, 1024];

    // Exactly, or within a share of it.
    private static bool IsSum<T, TElement>(T[][] all, int index, T actual, double tolerance)
        where T : unmanaged
        where TElement : IElement<T>
    {
        if (tolerance == 0)
        {
            var exact = all[0][index];
            for (var rank = 1; rank < all.Length; rank++)
            {
                exact = TElement.Sum(exact, all[rank][index]);
            }
            return EqualityComparer<T>.Default.Equals(exact, actual);
        }
        var (real, imaginary) = (0.0, 0.0);
        foreach (var operand in all)
        {
            var (x, y) = Wide(operand[index]);
            (real, imaginary) = (real + x, imaginary + y);
        }
        var (a, b) = Wide(actual);
        return double.Hypot(a - real, b - imaginary) <= tolerance * double.Hypot(real, imaginary);
    }

    // Of a type that is known here a boxed value never comes to be.
    private static T Uniform<T>(ulong random)
        where T : unmanaged
    {
        var value = (random >> 11) * (10.0 / (1ul << 53));
        return typeof(T) == typeof(float) ? (T)(object)(float)value
            : typeof(T) == typeof(Half) ? (T)(object)(Half)value
            : typeof(T) == typeof(BFloat16) ? (T)(object)(BFloat16)(float)value
            : typeof(T) == typeof(Complex64)
                ? (T)(object)new Complex64((float)value, (float)((Samples.Mix(random) >> 11) * (10.0 / (1ul << 53))))
            : typeof(T) == typeof(sbyte) ? (T)(object)(sbyte)value
            : typeof(T) == typeof(byte) ? (T)(object)(byte)value
            : typeof(T) == typeof(short) ? (T)(object)(short)value
            : typeof(T) == typeof(ushort) ? (T)(object)(ushort)value
            : typeof(T) == typeof(int) ? (T)(object)(int)value
            : typeof(T) == typeof(uint) ? (T)(object)(uint)value
            : throw new ArgumentException(typeof(T).Name);
    }

    private static (double Real, double Imaginary) Wide<T>(T value)
        where T : unmanaged =>
        typeof(T) == typeof(float) ? ((float)(object)value, 0)
        : typeof(T) == typeof(Half) ? ((double)(Half)(object)value, 0)
        : typeof(T) == typeof(BFloat16) ? ((float)(BFloat16)(object)value, 0)
        : typeof(T) == typeof(Complex64) ? (((Complex64)(object)value).Real, ((Complex64)(object)value).Imaginary)
        : throw new ArgumentException(typeof(T).Name);

    // ones (2, 2, 4) become ones (2N, 2, 4)
    private static void TestAllGather(Scenario scenario)
    {
        AllGather<sbyte>(scenario, 1);
        AllGather<byte>(scenario, 1);
        AllGather<int>(scenario, 1);
        AllGather<uint>(scenario, 1);
        AllGather(scenario, 1f);
        AllGather(scenario, (Half)1f);
        AllGather(scenario, (BFloat16)1f);
        // test_all_gather_extra
        AllGather<short>(scenario, 1);
        AllGather<ushort>(scenario, 1);
        AllGather(scenario, new Complex64(1, 0));
    }

    private static void AllGather<T>(Scenario scenario, T one)
        where T : unmanaged
    {
        var mine = Tensor.Create(Enumerable.Repeat(one, 16).ToArray(), [2, 2, 4]);
        var everyone = scenario.Group.AllGather(mine);
        Scenario.Same(
            everyone,
            Tensor.Create(Enumerable.Repeat(one, 16 * scenario.Size).ToArray(), [2 * scenario.Size, 2, 4]),
            $"all_gather of {typeof(T).Name}"
        );
    }

    // Even ranks send to the right and then receive from the left, odd ones the other way round.
    private static void TestSendReceive(Scenario scenario)
    {
        SendReceive<sbyte, IntegerElement<sbyte>>(scenario);
        SendReceive<byte, IntegerElement<byte>>(scenario);
        SendReceive<short, IntegerElement<short>>(scenario);
        SendReceive<ushort, IntegerElement<ushort>>(scenario);
        SendReceive<int, IntegerElement<int>>(scenario);
        SendReceive<uint, IntegerElement<uint>>(scenario);
        SendReceive<float, FloatElement<float>>(scenario);
        SendReceive<Half, HalfElement>(scenario);
        SendReceive<BFloat16, BFloat16Element>(scenario);
        SendReceive<Complex64, ComplexElement>(scenario);
    }

    private static void SendReceive<T, TElement>(Scenario scenario)
        where T : unmanaged
        where TElement : IElement<T>
    {
        var right = (scenario.Rank + 1) % scenario.Size;
        var left = (scenario.Rank + scenario.Size - 1) % scenario.Size;
        foreach (var length in Lengths(scenario))
        {
            T[] Of(int rank)
            {
                var operand = new T[length];
                for (var i = 0; i < length; i++)
                {
                    operand[i] = TElement.FromBits(Samples.At(scenario.Command.Seed, rank, i));
                }
                return operand;
            }

            var mine = Of(scenario.Rank);
            T[] received;
            if (scenario.Rank % 2 == 0)
            {
                scenario.Group.Send<T>(mine, right);
                received = scenario.Group.ReceiveLike<T>(mine, left);
            }
            else
            {
                received = scenario.Group.ReceiveLike<T>(mine, left);
                scenario.Group.Send<T>(mine, right);
            }
            Scenario.Same<T>(mine, Of(scenario.Rank), "own operand");
            Scenario.Same<T>(received, Of(left), $"{typeof(T).Name}[{length}] of the left neighbour");
        }
    }

    // rank % 2 and rank // 2
    private static void TestGroups(Scenario scenario)
    {
        Scenario.True(scenario.Rank >= 0 && scenario.Rank < scenario.Size, "rank in range");
        using var alternating = scenario.Group.Split(scenario.Rank % 2);
        Scenario.True(alternating.Size == (scenario.Size + 1 - (scenario.Rank % 2)) / 2, "size of rank % 2");
        Scenario.True(alternating.Rank == scenario.Rank / 2, "rank of rank % 2");
        using var pair = scenario.Group.Split(scenario.Rank / 2);
        Scenario.True(pair.Size == Math.Min(2, scenario.Size - (scenario.Rank / 2 * 2)), "size of rank / 2");
        Scenario.True(pair.Rank == scenario.Rank % 2, "rank of rank / 2");
    }

    private static void TestAllReduceSplit(Scenario scenario)
    {
        using var half = scenario.Group.Split(scenario.Rank % 2);
        var inside = new Scenario(half, scenario.Command, scenario.Data, scenario.Announce);
        AllReduce<float, FloatElement<float>>(inside, 1e-6);
        AllReduce<Half, HalfElement>(inside, 5e-3);
        AllReduce<BFloat16, BFloat16Element>(inside, 1e-1);
    }

    private static void TestAllGatherSplit(Scenario scenario)
    {
        using var half = scenario.Group.Split(scenario.Rank % 2);
        var inside = new Scenario(half, scenario.Command, scenario.Data, scenario.Announce);
        AllGather(inside, 1f);
        AllGather(inside, (Half)1f);
        AllGather(inside, (BFloat16)1f);
    }

    // The sum over pairs, gathered over the group of all ranks of equal parity, is arange(n).reshape(n / 2, 2).sum(-1).
    private static void TestMixed(Scenario scenario)
    {
        using var alternating = scenario.Group.Split(scenario.Rank % 2);
        using var pair = scenario.Group.Split(scenario.Rank / 2);
        int[] value = [scenario.Rank];
        pair.AllSum<int>(value);
        var sums = alternating.AllGather<int>(value);
        Scenario.Same<int>(
            sums,
            Enumerable.Range(0, scenario.Size / 2).Select(i => (4 * i) + 1).ToArray(),
            "sums of pairs"
        );
    }

    // 10 rounds of doubling in pairs: 1024 at the even rank, 512 at the odd one.
    private static void TestPingPong(Scenario scenario)
    {
        using var pair = scenario.Group.Split(scenario.Rank / 2);
        var other = 1 - pair.Rank;
        float[] value = [1];
        for (var round = 0; round < 10; round++)
        {
            if (pair.Rank == round % 2)
            {
                value[0] *= 2;
                pair.Send<float>(value, other);
            }
            else
            {
                pair.Receive<float>(value, other);
            }
        }
        Scenario.True(value[0] == 1024, $"after ten rounds the value is {value[0]}, expected is 1024");
    }

    private static void TestSumScatter(Scenario scenario)
    {
        SumScatter<float, FloatElement<float>>(scenario);
        SumScatter<Half, HalfElement>(scenario);
        SumScatter<BFloat16, BFloat16Element>(scenario);
    }

    // Against a slice of the sum; whole numbers below eight, so that every order of addition gives the same.
    private static void SumScatter<T, TElement>(Scenario scenario)
        where T : unmanaged
        where TElement : IElement<T>
    {
        foreach (var rows in new[] { 8, 64, 1024 })
        {
            var length = rows / scenario.Size * scenario.Size;
            var all = Enumerable
                .Range(0, scenario.Size)
                .Select(rank =>
                    Enumerable
                        .Range(0, length)
                        .Select(i => TElement.FromSmall((int)(Samples.At(scenario.Command.Seed, rank, i) % 8)))
                        .ToArray()
                )
                .ToArray();
            var share = length / scenario.Size;
            var scattered = scenario.Group.SumScatter<T>(all[scenario.Rank]);
            Scenario.Same<T>(
                scattered,
                Definitions.Reduce<T, TElement>(all, ReduceOp.Sum).AsSpan(scenario.Rank * share, share),
                $"sum_scatter of {typeof(T).Name}[{length}]"
            );
            var sum = new T[length];
            scenario.Group.AllReduce<T>(all[scenario.Rank], sum, ReduceOp.Sum);
            Scenario.Same<T>(scattered, sum.AsSpan(scenario.Rank * share, share), "slice of all_sum");
        }
    }

    // values rank + 1, so that the sum is N (N + 1) / 2
    private static void AllReduceBench(Scenario scenario)
    {
        for (var length = 256; length <= 1 << 20; length *= 4)
        {
            var values = Enumerable.Repeat(scenario.Rank + 1f, length).ToArray();
            scenario.Group.AllSum<float>(values);
            Scenario.Same<float>(
                values,
                Enumerable.Repeat(scenario.Size * (scenario.Size + 1) / 2f, length).ToArray(),
                $"sum of {length}"
            );
        }
    }

    // Nobody leaves the barrier before the last one has come: the test compares the times.
    private static void MinimalBarrier(Scenario scenario)
    {
        for (var round = 0; round < 20; round++)
        {
            // a different rank is late each time
            if (round % scenario.Size == scenario.Rank)
            {
                Thread.SpinWait(200_000);
            }
            var came = System.Diagnostics.Stopwatch.GetTimestamp();
            scenario.Group.Barrier();
            var left = System.Diagnostics.Stopwatch.GetTimestamp();
            scenario.Data[$"came{round}"] = came.ToString(System.Globalization.CultureInfo.InvariantCulture);
            scenario.Data[$"left{round}"] = left.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
        float[] sum = [scenario.Rank + 1];
        scenario.Group.AllSum<float>(sum);
        Scenario.True(sum[0] == scenario.Size * (scenario.Size + 1) / 2f, "sum after the barriers");
    }

    // mlx-swift's multi-process cases, two ranks
    private static void SwiftPair(Scenario scenario)
    {
        var (group, rank) = (scenario.Group, scenario.Rank);
        var other = 1 - rank;

        T[] Pick<T>(T[] first, T[] second) => [.. rank == 0 ? first : second];

        var sum = Pick<float>([1, 2, 3], [4, 5, 6]);
        group.AllSum<float>(sum);
        Scenario.Same<float>(sum, [5, 7, 9], "allSum");

        Scenario.Same<float>(
            group.AllGather<float>(Pick<float>([1, 2, 3], [4, 5, 6])),
            [1, 2, 3, 4, 5, 6],
            "allGather"
        );

        var max = Pick<float>([1, 5, 3], [4, 2, 6]);
        group.AllMax<float>(max);
        Scenario.Same<float>(max, [4, 5, 6], "allMax");

        var min = Pick<float>([1, 5, 3], [4, 2, 6]);
        group.AllMin<float>(min);
        Scenario.Same<float>(min, [1, 2, 3], "allMin");

        PassOn<float>([10, 20, 30], "sendRecv");
        PassOn<Half>([(Half)10, (Half)20, (Half)30], "sendRecv, float16");
        PassOn([10, 20, 30], "sendRecv, int32");
        PassOn<BFloat16>([(BFloat16)10f, (BFloat16)20f, (BFloat16)30f], "sendRecv, bfloat16");

        if (rank == 0)
        {
            group.Send<float>([42, 43, 44], other);
        }
        else
        {
            Scenario.Same<float>(group.ReceiveLike<float>(new float[3], other), [42, 43, 44], "recvLike");
        }

        float[] value = [1];
        for (var round = 0; round < 10; round++)
        {
            if (round % 2 == rank)
            {
                group.Send<float>(value, other);
            }
            else
            {
                group.Receive<float>(value, other);
                value[0] *= 2;
            }
        }
        // The last of the ten messages was received by rank 0, which doubled it once more than rank 1.
        Scenario.True(value[0] == (rank == 0 ? 1024 : 512), $"ping-pong: {value[0]}");

        var halves = Pick<Half>([(Half)10, (Half)20, (Half)30], [(Half)40, (Half)50, (Half)60]);
        group.AllSum<Half>(halves);
        Scenario.Same<Half>(halves, [(Half)50, (Half)70, (Half)90], "allSum, float16");
        var integers = Pick([10, 20, 30], [40, 50, 60]);
        group.AllSum<int>(integers);
        Scenario.Same<int>(integers, [50, 70, 90], "allSum, int32");

        var matrix = Tensor.Create(Pick<float>([1, 2, 3, 4, 5, 6], [10, 20, 30, 40, 50, 60]), [2, 3]);
        group.AllReduce(matrix);
        Scenario.Same(matrix, Tensor.Create<float>([11, 22, 33, 44, 55, 66], [2, 3]), "allSum, [2, 3]");

        Scenario.Same<Half>(
            group.AllGather<Half>(Pick<Half>([(Half)1, (Half)2], [(Half)3, (Half)4])),
            [(Half)1, (Half)2, (Half)3, (Half)4],
            "allGather, float16"
        );
        Scenario.Same<int>(group.AllGather<int>(Pick([10], [20])), [10, 20], "allGather, int32");
        Scenario.Same(
            group.AllGather(Tensor.Create(Pick<float>([1, 2, 3, 4], [5, 6, 7, 8]), [2, 2])),
            Tensor.Create<float>([1, 2, 3, 4, 5, 6, 7, 8], [4, 2]),
            "allGather, 2-D"
        );
        Scenario.Same<float>(group.SumScatter<float>([1, 2, 3, 4]), Pick<float>([2, 4], [6, 8]), "sumScatter");

        // A split leaves the parent as it was.
        using (var alone = group.Split(rank))
        {
            Scenario.True(alone.Size == 1 && alone.Rank == 0, "a group of one");
        }
        sum = Pick<float>([1, 2, 3], [4, 5, 6]);
        group.AllSum<float>(sum);
        Scenario.Same<float>(sum, [5, 7, 9], "allSum after a split");

        void PassOn<T>(T[] content, string what)
            where T : unmanaged
        {
            if (rank == 0)
            {
                group.Send<T>(content, other);
            }
            else
            {
                Scenario.Same<T>(group.ReceiveLike<T>(content, other), content, what);
            }
        }
    }
}
