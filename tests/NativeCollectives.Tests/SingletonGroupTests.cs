using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NativeCollectives.Tests;

/// <summary>
/// A group of one, in which every collective is the identity; and what every group has in common: its life, its end,
/// its asynchronous operations.
/// </summary>
[TestFixture]
[Category("Unit")]
[CancelAfter(60_000)]
public sealed class SingletonGroupTests
{
    private DistributedGroup _group = null!;

    [SetUp]
    public void Form() => _group = DistributedGroup.Create(new DistributedGroupOptions { Backend = BackendKind.None });

    [TearDown]
    public void Leave() => _group.Dispose();

    [Test]
    public void ItsPlace()
    {
        Assert.That(
            (_group.Rank, _group.Size, _group.Backend, _group.IsFaulted),
            Is.EqualTo((0, 1, BackendKind.None, false))
        );
        Assert.That(_group.ToString(), Is.EqualTo("rank 0 of 1 (none)"));
    }

    [Test]
    public void WithoutConfigurationThereIsAGroupOfOne()
    {
        var nothing = new LaunchEnvironment(_ => null);
        foreach (BackendKind backend in new[] { BackendKind.Any, BackendKind.Ring })
        {
            using DistributedGroup group = DistributedGroup.Create(
                new DistributedGroupOptions { Backend = backend },
                nothing
            );
            Assert.That((group.Rank, group.Size, group.Backend), Is.EqualTo((0, 1, BackendKind.None)));
            Assert.That(
                () =>
                    DistributedGroup.Create(new DistributedGroupOptions { Backend = backend, Strict = true }, nothing),
                Throws.InstanceOf<BackendUnavailableException>(),
                "and nothing of it is remembered"
            );
        }
    }

    [Test]
    public void EveryOperationIsTheIdentityForEveryType()
    {
        Identity([true, false, true]);
        Identity<sbyte>([1, -2, 3]);
        Identity<short>([1, -2, 3]);
        Identity([1, -2, 3]);
        Identity<long>([1, -2, 3]);
        Identity<byte>([1, 2, 3]);
        Identity<ushort>([1, 2, 3]);
        Identity<uint>([1, 2, 3]);
        Identity<ulong>([1, 2, 3]);
        Identity([(Half)1, (Half)(-2), (Half)0.5]);
        Identity([(BFloat16)1f, (BFloat16)(-2f), BFloat16.NaN]);
        Identity([1f, -2f, float.PositiveInfinity]);
        Identity([1d, -2d, double.NaN]);
        Identity([new Complex64(1, 2), new Complex64(3, -4)]);
        Identity<float>([]);
    }

    [Test]
    public async Task EveryAsynchronousOperationIsTheIdentity()
    {
        float[] input = [1, 2, 3];
        await Same(input, output => _group.AllReduceAsync<float>(input, output, ReduceOp.Product));
        await Same(input, output => _group.AllSumAsync<float>(input, output));
        await Same(input, output => _group.AllMaxAsync<float>(input, output));
        await Same(input, output => _group.AllMinAsync<float>(input, output));
        await Same(input, output => _group.AllGatherAsync<float>(input, output));
        await Same(input, output => _group.AllGatherAsync<float>(input, output, [3]));
        await Same(input, output => _group.ReduceScatterAsync<float>(input, output, ReduceOp.Average));
        await Same(input, output => _group.ReduceScatterAsync<float>(input, output, [3], ReduceOp.Sum));
        await Same(input, output => _group.SumScatterAsync<float>(input, output));
        await Same(input, output => _group.ReduceAsync<float>(input, output, 0, ReduceOp.Min));
        await Same(input, output => _group.GatherAsync<float>(input, output, 0));
        await Same(input, output => _group.GatherAsync<float>(input, output, [3], 0));
        await Same(input, output => _group.ScatterAsync<float>(input, output, 0));
        await Same(input, output => _group.ScatterAsync<float>(input, output, [3], 0));
        await Same(input, output => _group.AllToAllAsync<float>(input, output));
        await Same(input, output => _group.AllToAllAsync<float>(input, [3], output, [3]));
        Assert.That(await _group.AllGatherAsync<float>(input), Is.EqualTo(input));
        Assert.That(await _group.SumScatterAsync<float>(input), Is.EqualTo(input));
        float[] buffer = [.. input];
        await _group.AllReduceAsync<float>(buffer, ReduceOp.Sum);
        await _group.AllSumAsync<float>(buffer);
        await _group.AllMaxAsync<float>(buffer);
        await _group.AllMinAsync<float>(buffer);
        await _group.BroadcastAsync<float>(buffer, 0);
        await _group.BarrierAsync();
        await _group.SkipSplitAsync();
        Assert.That(buffer, Is.EqualTo(input));

        static async Task Same(float[] expected, Func<float[], Task> call)
        {
            float[] output = new float[expected.Length];
            await call(output);
            Assert.That(output, Is.EqualTo(expected));
        }
    }

    [Test]
    public void ArraysAreTakenAsSpans()
    {
        float[] mine = [1, 2];
        _group.AllSum(mine);
        _group.AllReduce(mine, ReduceOp.Max);
        _group.AllReduce(mine, mine, ReduceOp.Max);
        _group.Broadcast(mine, 0);
        float[] everyone = _group.AllGather<float>(mine);
        float[] inferred = _group.AllGather(mine.AsSpan());
        float[] part = _group.SumScatter<float>(mine);
        Assert.That((everyone, inferred, part), Is.EqualTo((mine, mine, mine)));
    }

    [Test]
    public void Tensors()
    {
        Tensor<float> input = Tensor.Create([1f, 2, 3, 4, 5, 6], [2, 3]);
        Tensor<float> output = Tensor.CreateFromShape<float>([2, 3]);

        void Check(Action operation)
        {
            output.Fill(0);
            operation();
            Assert.That(Elements(output), Is.EqualTo(Elements(input)));
        }

        Check(() => _group.AllReduce(input, output, ReduceOp.Sum));
        Check(() => _group.AllReduce(input.AsReadOnlyTensorSpan(), output.AsTensorSpan(), ReduceOp.Sum));
        Check(() => _group.AllReduce(input, output));
        Check(() => _group.AllGather(input, output));
        Check(() => _group.ReduceScatter(input, output, ReduceOp.Sum));
        Check(() => _group.Reduce(input, output, 0, ReduceOp.Sum));
        Check(() => _group.Gather(input, output, 0));
        Check(() => _group.Scatter(input, output, 0));
        Check(() => _group.AllToAll(input, output));

        Tensor<float> buffer = Tensor.Create(Elements(input), [2, 3]);
        _group.AllReduce(buffer, ReduceOp.Sum);
        _group.AllReduce(buffer.AsTensorSpan(), ReduceOp.Max);
        _group.Broadcast(buffer, 0);
        Assert.That(Elements(buffer), Is.EqualTo(Elements(input)));

        Tensor<float> gathered = _group.AllGather(input);
        Assert.That(
            (gathered.Lengths.ToArray(), Elements(gathered)),
            Is.EqualTo((new nint[] { 2, 3 }, Elements(input)))
        );
        Tensor<float> scattered = _group.ReduceScatter(input);
        Assert.That(
            (scattered.Lengths.ToArray(), Elements(scattered)),
            Is.EqualTo((new nint[] { 2, 3 }, Elements(input)))
        );
        Assert.That(_group.AllGather(Tensor<float>.Empty).IsEmpty, Is.True);
        _group.AllReduce(Tensor<float>.Empty);
        _group.AllReduce(Tensor.CreateFromShape<float>([0, 3]));
    }

    [Test]
    public void TensorsThatAreNotDenseAreReadAndWrittenInTheirOwnOrder()
    {
        Tensor<float> matrix = Tensor.Create([1f, 2, 3, 4, 5, 6], [2, 3]);
        Tensor<float> transposed = Tensor.PermuteDimensions(matrix, [1, 0]);
        Tensor<float> output = Tensor.CreateFromShape<float>([3, 2]);
        Assert.That(transposed.IsDense, Is.False);
        _group.AllReduce(transposed, output, ReduceOp.Sum);
        Assert.That(Elements(output), Is.EqualTo(new float[] { 1, 4, 2, 5, 3, 6 }));

        // A window of a larger tensor: what lies around it stays.
        float[] memory = new float[12];
        var window = new TensorSpan<float>(memory, 1, [2, 3], [6, 2]);
        _group.AllGather(matrix.AsReadOnlyTensorSpan(), window);
        Assert.That(memory, Is.EqualTo(new float[] { 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6 }));
        _group.AllReduce(window);
        Assert.That(memory, Is.EqualTo(new float[] { 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6 }));
        Assert.That(Elements(_group.AllGather<float>(window)), Is.EqualTo(new float[] { 1, 2, 3, 4, 5, 6 }));

        // One row for all: stride 0.
        var repeated = new ReadOnlyTensorSpan<float>([7, 8], [3, 2], [0, 1]);
        _group.AllReduce(repeated, output.AsTensorSpan(), ReduceOp.Sum);
        Assert.That(Elements(output), Is.EqualTo(new float[] { 7, 8, 7, 8, 7, 8 }));
    }

    [Test]
    public async Task NativeBuffers()
    {
        await AllNative();
        unsafe
        {
            int* input = stackalloc int[3] { 1, 2, 3 };
            int* output = stackalloc int[3];
            const CollectiveDataType Type = CollectiveDataType.Int32;
            void Check()
            {
                Assert.That(new ReadOnlySpan<int>(output, 3).ToArray(), Is.EqualTo(new[] { 1, 2, 3 }));
                new Span<int>(output, 3).Clear();
            }

            _group.Raw.AllReduce(input, output, 3, Type, ReduceOp.Sum);
            Check();
            _group.Raw.AllGather(input, output, 3, Type);
            Check();
            _group.Raw.AllGather(input, output, [3], Type);
            Check();
            _group.Raw.ReduceScatter(input, output, 3, Type, ReduceOp.Max);
            Check();
            _group.Raw.ReduceScatter(input, output, [3], Type, ReduceOp.Max);
            Check();
            _group.Raw.Reduce(input, output, 3, Type, 0, ReduceOp.Min);
            Check();
            _group.Raw.Gather(input, output, 3, Type, 0);
            Check();
            _group.Raw.Gather(input, 3, output, [3], Type, 0);
            Check();
            _group.Raw.Scatter(input, output, 3, Type, 0);
            Check();
            _group.Raw.Scatter(input, [3], output, 3, Type, 0);
            Check();
            _group.Raw.AllToAll(input, output, 3, Type);
            Check();
            _group.Raw.AllToAll(input, [3], output, [3], Type);
            Check();
            _group.Raw.Broadcast(input, 3, Type, 0);
            _group.Raw.AllReduce(null, null, 0, Type, ReduceOp.Sum);
        }
    }

    [Test]
    public void ElementSizesAreThoseOfTheNativeLibrary()
    {
        foreach (CollectiveDataType type in Enum.GetValues<CollectiveDataType>())
        {
            Assert.That(
                (ulong)ElementType.SizeOf(type),
                Is.EqualTo(Interop.NativeMethods.nc_data_type_size((Interop.nc_data_type)type)),
                type.ToString()
            );
        }

        Assert.That(Values<CollectiveDataType>(), Is.EqualTo(Values<Interop.nc_data_type>()));
        // An operator of the program's own is no value of the managed enumeration.
        Assert.That(Values<ReduceOp>(), Is.EqualTo(Values<Interop.nc_reduce_op>().SkipLast(1)));
        // Without none, and without a batch.
        Assert.That(Values<CollectiveOperation>(), Is.EqualTo(Values<Interop.nc_operation>().Skip(1).SkipLast(1)));
        Assert.That(Values<CollectiveLogLevel>(), Is.EqualTo(Values<Interop.nc_log_level>()));

        static IEnumerable<int> Values<TEnum>()
            where TEnum : struct, Enum => Enum.GetValues<TEnum>().Select(value => Convert.ToInt32(value, null));
    }

    [Test]
    public async Task SplitsOfOne()
    {
        using DistributedGroup part = _group.Split(color: 5, key: 7);
        using DistributedGroup other = await _group.SplitAsync(color: 0);
        _group.SkipSplit();
        Assert.That((part.Rank, part.Size, other.Rank, other.Size), Is.EqualTo((0, 1, 0, 1)));
        _group.Dispose();
        Assert.That(part.AllGather<int>([4]), Is.EqualTo(new[] { 4 }), "a part outlives the whole");
        part.Abort();
        Assert.That((part.IsFaulted, other.IsFaulted), Is.EqualTo((true, false)));
    }

    [Test]
    public void BlockingOperationsAllocateNothing()
    {
        float[] input = new float[64];
        float[] output = new float[64];
        long[] counts = [64];
        TimeSpan timeout = TimeSpan.FromSeconds(10);

        void Once()
        {
            _group.AllSum(output);
            _group.AllReduce(input, output, ReduceOp.Max, timeout);
            _group.AllGather(input, output);
            _group.AllGather(input, output, counts);
            _group.ReduceScatter(input, output, counts, ReduceOp.Sum);
            _group.Broadcast(output, 0);
            _group.Reduce(input, output, 0, ReduceOp.Sum);
            _group.Gather(input, output, counts, 0);
            _group.Scatter(input, output, counts, 0);
            _group.AllToAll(input, counts, output, counts);
            _group.Barrier();
        }

        for (int i = 0; i < 100; i++)
        {
            Once();
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            Once();
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [Test]
    public async Task ADisposedGroupSaysSo()
    {
        _group.Dispose();
        _group.Dispose();
        Assert.That(
            (_group.Rank, _group.Size, _group.Backend, _group.IsFaulted),
            Is.EqualTo((0, 1, BackendKind.None, false))
        );
        Assert.That(
            () => _group.AllSum(new float[1]),
            Throws
                .InstanceOf<ObjectDisposedException>()
                .With.Property("ObjectName")
                .EqualTo("NativeCollectives.DistributedGroup")
        );
        Assert.That(() => _group.Barrier(), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(() => _group.Split(0), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(() => _group.Abort(), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(() => _group.AllSumAsync<float>(new float[1]), Throws.InstanceOf<ObjectDisposedException>());
        await _group.DisposeAsync();
    }

    [Test]
    public async Task AnAbortedGroupKeepsThrowingWithTheFirstCause()
    {
        _group.Abort("enough is enough");
        Assert.That(_group.IsFaulted, Is.True);
        GroupAbortedException first = Assert.Throws<GroupAbortedException>(() => _group.AllSum(new float[1]))!;
        Assert.That(first.Message, Does.Contain("enough is enough"));
        Assert.That(
            (first.Backend, first.Rank, first.Peer, first.Operation),
            Is.EqualTo(("none", 0, (int?)null, "AllReduce"))
        );
        GroupAbortedException second = (await Assert.ThrowsAsync<GroupAbortedException>(() => _group.BarrierAsync()))!;
        Assert.That(second, Is.Not.SameAs(first));
        Assert.That(second.InnerException, Is.InstanceOf<GroupAbortedException>());
        Assert.That(second.InnerException, Is.SameAs(first.InnerException), "the first failure");
        _group.Abort("again");
        Assert.That(
            Assert.Throws<GroupAbortedException>(() => _group.Barrier())!.Message,
            Does.Contain("enough is enough")
        );
        _group.Dispose();
        Assert.That(_group.IsFaulted, Is.True);
        Assert.That(() => _group.Barrier(), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public async Task WithACancelledTokenNothingIsIssued()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        float[] output = new float[1];
        Task[] tasks =
        [
            _group.AllReduceAsync<float>(new float[] { 1 }, output, ReduceOp.Sum, cancellationToken: source.Token),
            _group.BarrierAsync(cancellationToken: source.Token),
            _group.SplitAsync(0, cancellationToken: source.Token),
            _group.AllGatherAsync<float>(output, cancellationToken: source.Token),
            DistributedGroup.CreateAsync(cancellationToken: source.Token),
        ];
        foreach (Task task in tasks)
        {
            Assert.That(task.IsCanceled, Is.True);
            OperationCanceledException error = (await Assert.CatchAsync<OperationCanceledException>(() => task))!;
            Assert.That(error.CancellationToken, Is.EqualTo(source.Token));
        }

        unsafe
        {
            Assert.That(
                _group
                    .Raw.AllReduceAsync(
                        (void*)8,
                        (void*)8,
                        1,
                        CollectiveDataType.Int32,
                        cancellationToken: source.Token
                    )
                    .IsCanceled,
                Is.True
            );
        }

        Assert.That(output[0], Is.Zero);
        Assert.That(_group.IsFaulted, Is.False);
    }

    [Test]
    public async Task ManyOperationsUnderWayEndInTheirOrder()
    {
        using var source = new CancellationTokenSource();
        int[][] chain = [.. Enumerable.Range(0, 201).Select(_ => new int[1])];
        chain[0][0] = 42;
        await Task.WhenAll(
            Enumerable
                .Range(0, 200)
                .Select(i =>
                    _group.AllReduceAsync<int>(
                        chain[i],
                        chain[i + 1],
                        ReduceOp.Sum,
                        cancellationToken: i % 2 == 0 ? source.Token : default
                    )
                )
        );
        Assert.That(chain[200][0], Is.EqualTo(42), "each read what the one before had written");
    }

    [Test]
    public void CancellationWhileOperationsEndHarmsNothing()
    {
        for (int i = 0; i < 200; i++)
        {
            using var source = new CancellationTokenSource();
            using DistributedGroup group = _group.Split(0);
            Task[] tasks =
            [
                .. Enumerable
                    .Range(0, 8)
                    .Select(_ => group.AllSumAsync<float>(new float[16], cancellationToken: source.Token)),
            ];
            source.Cancel();
            foreach (Task task in tasks)
            {
                try
                {
                    task.GetAwaiter().GetResult();
                }
                catch (OperationCanceledException error)
                {
                    Assert.That(error.CancellationToken, Is.EqualTo(source.Token));
                }
                catch (GroupAbortedException)
                {
                    // One before it was running when it was cancelled.
                }
            }
        }
    }

    [Test]
    public async Task ThreadsMayShareAGroup()
    {
        await Task.WhenAll(
            Enumerable
                .Range(0, 4)
                .Select(thread =>
                    Task.Run(async () =>
                    {
                        int[] buffer = new int[1];
                        for (int i = 0; i < 500; i++)
                        {
                            buffer[0] = (thread * 1000) + i;
                            if (i % 2 == 0)
                            {
                                _group.AllSum(buffer);
                            }
                            else
                            {
                                await _group.AllSumAsync<int>(buffer);
                            }

                            Assert.That(buffer[0], Is.EqualTo((thread * 1000) + i));
                        }
                    })
                )
        );
    }

    [Test]
    public async Task DisposingWhileOthersUseTheGroupEndsTheirCalls()
    {
        for (int round = 0; round < 20; round++)
        {
            DistributedGroup group = DistributedGroup.Create(
                new DistributedGroupOptions { Backend = BackendKind.None }
            );
            using var started = new CountdownEvent(2);
            Task[] users =
            [
                Task.Run(() =>
                {
                    started.Signal();
                    Assert.Catch<ObjectDisposedException>(() =>
                    {
                        while (true)
                        {
                            group.AllSum(new float[8]);
                        }
                    });
                }),
                Task.Run(async () =>
                {
                    started.Signal();
                    await Assert.CatchAsync<ObjectDisposedException>(async () =>
                    {
                        while (true)
                        {
                            await group.AllSumAsync<float>(new float[8]);
                        }
                    });
                }),
            ];
            started.Wait();
            group.Dispose();
            await Task.WhenAll(users).WaitAsync(TimeSpan.FromSeconds(20));
        }
    }

    [Test]
    public void AForgottenGroupIsFreed()
    {
        int before = LiveGroups.Count;
        Forget();
        for (int i = 0; i < 50 && LiveGroups.Count > before; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.That(LiveGroups.Count, Is.LessThanOrEqualTo(before));

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Forget()
        {
            // The delegate refers to its own group, which must not keep it.
            DistributedGroup? group = null;
            group = DistributedGroup.Create(
                new DistributedGroupOptions { Backend = BackendKind.None, Log = (_, _) => _ = group?.Rank }
            );
            group.Split(0).AllSum(new float[1]);
            group.AllSumAsync<float>(new float[1]).Wait();
        }
    }

    [Test]
    public void AGroupUnderUseIsNotForgotten()
    {
        Task operation = Start();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.That(() => operation.Wait(TimeSpan.FromSeconds(10)), Is.True);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static Task Start() =>
            DistributedGroup
                .Create(new DistributedGroupOptions { Backend = BackendKind.None })
                .AllSumAsync<float>(new float[1 << 20]);
    }

    [Test]
    public async Task MemoriesOfEveryKindArePinned()
    {
        using var manager = new NativeMemoryManager(64);
        Memory<byte> native = manager.Memory;
        native.Span.Fill(3);
        byte[] output = new byte[64];
        await _group.AllGatherAsync<byte>(native, output);
        Assert.That(output, Is.All.EqualTo(3));
        Assert.That((manager.Pinned, manager.Unpinned), Is.EqualTo((1, 1)));
    }

    [Test]
    public void AvailabilityComesWithAReason()
    {
        Assert.That(DistributedGroup.IsAvailable(BackendKind.None, out string? reason), Is.True);
        Assert.That(reason, Is.Null);
        var options = new DistributedGroupOptions { Jaccl = new JacclOptions { Library = "/nowhere/libibverbs.so.1" } };
        Assert.That(DistributedGroup.IsAvailable(BackendKind.Jaccl, options, out reason), Is.False);
        Assert.That(reason, Does.Contain("/nowhere/libibverbs.so.1"));
        Assert.That(
            DistributedGroup.IsAvailable(BackendKind.Jaccl, out reason),
            Is.EqualTo(reason is null),
            "there is a reason unless it can be used"
        );

        Assert.That(
            () => DistributedGroup.IsAvailable((BackendKind)99),
            Throws.InstanceOf<ArgumentOutOfRangeException>()
        );
        var elsewhere = new DistributedGroupOptions { BackendDirectory = "/nowhere" };
        Assert.That(DistributedGroup.IsAvailable(BackendKind.Jaccl, elsewhere, out reason), Is.False);
        Assert.That(reason, Does.Contain("/nowhere"));
        Assert.That(DistributedGroup.IsAvailable(BackendKind.Any, elsewhere, out reason), Is.False);
        Assert.That(reason, Does.Contain("/nowhere"));
        elsewhere.Ring = new RingOptions
        {
            Rank = 0,
            Hosts =
            [
                ["127.0.0.1:1"],
                ["127.0.0.1:2"],
            ],
        };
        elsewhere.Backend = BackendKind.Ring;
        Assert.That(
            () => DistributedGroup.Create(elsewhere),
            Throws.InstanceOf<BackendUnavailableException>().With.Message.Contains("/nowhere")
        );
        Assert.That(
            () => DistributedGroup.Create(new DistributedGroupOptions { BackendDirectory = " " }),
            Throws.ArgumentException.With.Message.Contains("BackendDirectory")
        );
    }

    [Test]
    public void WarningsReachTheListener()
    {
        var messages = new List<(CollectiveLogLevel Level, string Text)>();
        var options = new DistributedGroupOptions { Log = (level, text) => messages.Add((level, text)) };
        using DistributedGroup group = DistributedGroup.Create(
            options,
            new LaunchEnvironment(name => name == "MLX_RANK" ? "0" : null)
        );
        Assert.That(group.Size, Is.EqualTo(1));
        Assert.That(
            messages.Any(message =>
                message.Level == CollectiveLogLevel.Warning && message.Text.Contains("MLX_HOSTFILE is missing")
            ),
            Is.True
        );

        group.Abort("for the log");
        Assert.That(
            messages.Any(message => message.Level == CollectiveLogLevel.Error && message.Text.Contains("for the log")),
            Is.True
        );
    }

    [TestCase("", true)]
    [TestCase("1", true)]
    [TestCase(null, false)]
    public void MessagesAreWrittenOnlyIfMlxsVariableIsPresent(string? verbose, bool isWritten)
    {
        TextWriter usual = Console.Error;
        using var written = new StringWriter();
        Console.SetError(written);
        try
        {
            var environment = new LaunchEnvironment(name =>
                name == "MLX_RANK" ? "0"
                : name == "MLX_RING_VERBOSE" ? verbose
                : null
            );
            using DistributedGroup group = DistributedGroup.Create(new DistributedGroupOptions(), environment);
            group.Abort("for everyone");
        }
        finally
        {
            Console.SetError(usual);
        }

        // Half a configuration is told in any case; what the group does after that only if it is asked for.
        Assert.That(
            written.ToString(),
            isWritten
                ? Does.StartWith("[ring] The group has this process").And.Contains("for everyone")
                : Does.StartWith("NativeCollectives: The group has this process").And.Not.Contains("for everyone")
        );
    }

    [Test]
    public void AListenersExceptionIsDropped()
    {
        var options = new DistributedGroupOptions
        {
            Backend = BackendKind.None,
            Log = (_, _) => throw new InvalidOperationException("a listener's"),
        };
        using DistributedGroup group = DistributedGroup.Create(options);
        group.Abort();
        Assert.That(group.IsFaulted, Is.True);
    }

    [Test]
    public async Task CreationIsAsynchronousToo()
    {
        await using DistributedGroup group = await DistributedGroup.CreateAsync(
            new DistributedGroupOptions { Backend = BackendKind.None }
        );
        Assert.That(group.Size, Is.EqualTo(1));
        Assert.That(
            () => DistributedGroup.CreateAsync(new DistributedGroupOptions { FormingTimeout = TimeSpan.Zero }),
            Throws.ArgumentException
        );
        Assert.That(() => DistributedGroup.Create(null!), Throws.ArgumentNullException);
    }

    private void Identity<T>(T[] input)
        where T : unmanaged
    {
        bool isBool = typeof(T) == typeof(bool);
        bool hasBits = ElementType.Of<T>() <= CollectiveDataType.UInt64;
        foreach (
            ReduceOp op in Enum.GetValues<ReduceOp>()
                .Where(op => !(isBool && op == ReduceOp.Average) && (hasBits || op <= ReduceOp.Average))
        )
        {
            Check(output => _group.AllReduce(input, output, op));
            Check(output => _group.ReduceScatter(input, output, op));
            Check(output => _group.ReduceScatter(input, output, [input.Length], op));
            Check(output => _group.Reduce(input, output, 0, op));
            CheckInPlace(buffer => _group.AllReduce(buffer, op));
        }

        Check(output => _group.AllSum(input, output));
        Check(output => _group.AllMax(input, output));
        Check(output => _group.AllMin(input, output));
        Check(output => _group.AllGather(input, output));
        Check(output => _group.AllGather(input, output, [input.Length]));
        Check(output => _group.SumScatter(input, output));
        Check(output => _group.Gather(input, output, 0));
        Check(output => _group.Gather(input, output, [input.Length], 0));
        Check(output => _group.Scatter(input, output, 0));
        Check(output => _group.Scatter(input, output, [input.Length], 0));
        Check(output => _group.AllToAll(input, output));
        Check(output => _group.AllToAll(input, [input.Length], output, [input.Length]));
        CheckInPlace(buffer => _group.AllSum(buffer));
        CheckInPlace(buffer => _group.AllMax(buffer));
        CheckInPlace(buffer => _group.AllMin(buffer));
        CheckInPlace(buffer => _group.Broadcast(buffer, 0));
        CheckInPlace(buffer => _group.AllGather(buffer, buffer));
        CheckInPlace(buffer => _group.ReduceScatter(buffer, buffer, ReduceOp.Sum));
        CheckInPlace(buffer => _group.Gather(buffer, buffer, 0));
        CheckInPlace(buffer => _group.Scatter(buffer, buffer, 0));
        AssertSameBits(_group.AllGather<T>(input), input);
        AssertSameBits(_group.SumScatter<T>(input), input);
        _group.Barrier();

        void Check(Action<T[]> operation)
        {
            var output = new T[input.Length];
            operation(output);
            AssertSameBits(output, input);
        }

        void CheckInPlace(Action<T[]> operation)
        {
            T[] buffer = [.. input];
            operation(buffer);
            AssertSameBits(buffer, input);
        }
    }

    private unsafe Task AllNative()
    {
        int* memory = (int*)NativeMemory.Alloc(2, sizeof(int));
        memory[0] = 5;
        memory[1] = 0;
        const CollectiveDataType Type = CollectiveDataType.Int32;
        nint input = (nint)memory;
        nint output = (nint)(memory + 1);
        return Task.WhenAll(
                _group.Raw.AllReduceAsync(memory, memory + 1, 1, Type, ReduceOp.Sum),
                _group.Raw.AllGatherAsync(memory, memory + 1, 1, Type),
                _group.Raw.AllGatherAsync(memory, memory + 1, [1], Type),
                _group.Raw.ReduceScatterAsync(memory, memory + 1, 1, Type, ReduceOp.Sum),
                _group.Raw.ReduceScatterAsync(memory, memory + 1, [1], Type, ReduceOp.Sum),
                _group.Raw.ReduceAsync(memory, memory + 1, 1, Type, 0, ReduceOp.Sum),
                _group.Raw.GatherAsync(memory, memory + 1, 1, Type, 0),
                _group.Raw.GatherAsync(memory, 1, memory + 1, [1], Type, 0),
                _group.Raw.ScatterAsync(memory, memory + 1, 1, Type, 0),
                _group.Raw.ScatterAsync(memory, [1], memory + 1, 1, Type, 0),
                _group.Raw.AllToAllAsync(memory, memory + 1, 1, Type),
                _group.Raw.AllToAllAsync(memory, [1], memory + 1, [1], Type),
                _group.Raw.BroadcastAsync(memory, 1, Type, 0)
            )
            .ContinueWith(
                all =>
                {
                    int result = *(int*)output;
                    NativeMemory.Free((void*)input);
                    all.GetAwaiter().GetResult();
                    Assert.That(result, Is.EqualTo(5));
                },
                TaskScheduler.Default
            );
    }

    private static void AssertSameBits<T>(T[] actual, T[] expected)
        where T : unmanaged =>
        Assert.That(
            MemoryMarshal.AsBytes<T>(actual).SequenceEqual(MemoryMarshal.AsBytes<T>(expected)),
            Is.True,
            () => $"{typeof(T)}: {string.Join(", ", actual)}"
        );

    private static float[] Elements(Tensor<float> tensor)
    {
        float[] elements = new float[tensor.FlattenedLength];
        tensor.FlattenTo(elements);
        return elements;
    }

    private sealed unsafe class NativeMemoryManager(int length) : System.Buffers.MemoryManager<byte>
    {
        private byte* _memory = (byte*)NativeMemory.AllocZeroed((nuint)length);

        public int Pinned { get; private set; }

        public int Unpinned { get; private set; }

        public override Span<byte> GetSpan() => new(_memory, length);

        public override System.Buffers.MemoryHandle Pin(int elementIndex = 0)
        {
            Pinned++;
            return new System.Buffers.MemoryHandle(_memory + elementIndex, pinnable: this);
        }

        public override void Unpin() => Unpinned++;

        protected override void Dispose(bool disposing)
        {
            NativeMemory.Free(_memory);
            _memory = null;
        }
    }
}
