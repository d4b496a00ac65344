using System.Numerics;

namespace NativeCollectives.Tests;

/// <summary>
/// The caller's mistakes in operations on device memory, which are found before the group is asked: on what says of
/// itself that it is rank 1 of 3, and works on host memory.
/// </summary>
[TestFixture]
[Category("Unit")]
[CancelAfter(30_000)]
public sealed class DeviceArgumentTests
{
    private const int Rank = 1;
    private const int Size = 3;

    private DistributedGroup _group = null!;

    private delegate void Call(DistributedGroup group);

    [SetUp]
    public void Form()
    {
        GroupPlan plan = GroupPlan.Make(
            new DistributedGroupOptions { Backend = BackendKind.None },
            new LaunchEnvironment(_ => null),
            _ => null
        );
        _group = new DistributedGroup(GroupFormation.Form(plan, CancellationToken.None), Rank, Size);
    }

    [TearDown]
    public void Leave()
    {
        Assert.That(_group.IsFaulted, Is.False, "a mistake of the caller does not end the group");
        _group.Dispose();
    }

    [Test]
    public void LengthsThatDoNotFit()
    {
        DeviceSpan<float> four = At(0x1000, 4);
        DeviceSpan<float> six = At(0x2000, 6);
        AssertArgument(
            "output",
            "output has 6 elements, but should have 4",
            group => group.AllReduce(four, six, ReduceOp.Sum)
        );
        AssertArgument("output", "output has 6 elements, but should have 12", group => group.AllGather(four, six));
        AssertArgument(
            "input",
            "input has 4 elements, but should have 18",
            group => group.ReduceScatter(four, six, ReduceOp.Max)
        );
        AssertArgument("input", "input has 4 elements, but should have 18", group => group.ReduceScatter(four, six));
        AssertArgument(
            "output",
            "output has 6 elements, but should have 4",
            group => group.Reduce(four, six, Rank, ReduceOp.Sum)
        );
        AssertArgument("output", "output has 6 elements, but should have 12", group => group.Gather(four, six, Rank));
        AssertArgument("input", "input has 6 elements, but should have 12", group => group.Scatter(six, four, Rank));
        AssertArgument("output", "output has 6 elements, but should have 4", group => group.AllToAll(four, six));
        AssertArgument(
            "input",
            "input has 4 elements, which cannot be divided among the 3 ranks.",
            group => group.AllToAll(four, At(0x2000, 4))
        );
        AssertArgument(
            "output",
            "but should have 9223372036854775807",
            group => group.AllGather(new DeviceSpan<byte>(0x1000, 1L << 62), default)
        );
        AssertArgument("output", "but should have 4", group => _ = group.AllReduceAsync(four, six, ReduceOp.Sum));
        AssertArgument("output", "but should have 12", group => _ = group.AllGatherAsync(four, six));
        AssertArgument("input", "but should have 18", group => _ = group.ReduceScatterAsync(four, six, ReduceOp.Max));
        AssertArgument("input", "but should have 18", group => _ = group.ReduceScatterAsync(four, six));
        AssertArgument("output", "but should have 4", group => _ = group.ReduceAsync(four, six, Rank, ReduceOp.Sum));
        AssertArgument("output", "but should have 12", group => _ = group.GatherAsync(four, six, Rank));
        AssertArgument("input", "but should have 12", group => _ = group.ScatterAsync(six, four, Rank));
        AssertArgument("output", "but should have 4", group => _ = group.AllToAllAsync(four, six));
    }

    [Test]
    public void Counts()
    {
        DeviceSpan<float> input = At(0x1000, 2);
        DeviceSpan<float> output = At(0x2000, 6);
        DeviceSpan<float> other = At(0x3000, 6);
        AssertArgument(
            "counts",
            "counts has 2 entries, but should have one for each of the 3 ranks.",
            group => group.AllGather(input, output, [2, 4])
        );
        AssertArgument(
            "input",
            "input has 2 elements, but should have 1: the own rank's count.",
            group => group.AllGather(input, output, [2, 1, 3])
        );
        AssertArgument(
            "output",
            "but should have 5: the sum of the counts.",
            group => group.AllGather(input, output, [2, 2, 1])
        );
        AssertArgument(
            "input",
            "but should have 5: the sum of the counts.",
            group => group.ReduceScatter(output, input, [2, 2, 1], ReduceOp.Sum)
        );
        AssertArgument(
            "output",
            "but should have 3: the own rank's count.",
            group => group.ReduceScatter(output, input, [2, 3, 1], ReduceOp.Sum)
        );
        AssertArgument("output", "but should have 5", group => group.Gather(input, output, [2, 2, 1], Rank));
        AssertArgument("input", "but should have 5", group => group.Scatter(output, input, [2, 2, 1], Rank));
        AssertArgument("inputCounts", "has 1 entries", group => group.AllToAll(output, [6], other, [2, 2, 2]));
        AssertArgument("output", "but should have 7", group => group.AllToAll(output, [2, 2, 2], other, [2, 2, 3]));
        AssertArgument("counts", "counts[0] is -1", group => _ = group.AllGatherAsync(input, output, [-1, 2, 5]));
        AssertArgument(
            "input",
            "but should have 5",
            group => _ = group.ReduceScatterAsync(output, input, [2, 2, 1], ReduceOp.Sum)
        );
        AssertArgument("output", "but should have 5", group => _ = group.GatherAsync(input, output, [2, 2, 1], Rank));
        AssertArgument("input", "but should have 5", group => _ = group.ScatterAsync(output, input, [2, 2, 1], Rank));
        AssertArgument(
            "outputCounts",
            "has 1 entries",
            group => _ = group.AllToAllAsync(output, [2, 2, 2], other, [6])
        );
    }

    [Test]
    public void RanksThatDoNotExist([Values(-1, Size)] int rank)
    {
        DeviceSpan<float> three = At(0x1000, 3);
        DeviceSpan<float> nine = At(0x2000, 9);
        AssertArgument("root", "from 0 to 2", group => group.Broadcast(three, rank));
        AssertArgument("root", "from 0 to 2", group => group.Reduce(three, three, rank, ReduceOp.Sum));
        AssertArgument("root", "from 0 to 2", group => group.Gather(three, nine, rank));
        AssertArgument("root", "from 0 to 2", group => group.Gather(three, nine, [3, 3, 3], rank));
        AssertArgument("root", "from 0 to 2", group => group.Scatter(nine, three, rank));
        AssertArgument("destination", "from 0 to 2", group => group.Send(three, rank));
        AssertArgument("source", "from 0 to 2", group => group.Receive(three, rank));
        AssertArgument("root", "from 0 to 2", group => _ = group.BroadcastAsync(three, rank));
        AssertArgument("destination", "from 0 to 2", group => _ = group.SendAsync(three, rank));
        AssertArgument("source", "from 0 to 2", group => _ = group.ReceiveAsync(three, rank));
    }

    [Test]
    public void OperatorsTypesAndTimeLimits()
    {
        AssertArgument("op", "This is not a reduction operator.", group => group.AllReduce(At(0x1000, 1), (ReduceOp)8));
        AssertArgument(
            "op",
            "There is no average of bool.",
            group => group.AllReduce(new DeviceSpan<bool>(0x1000, 1), ReduceOp.Average)
        );
        AssertArgument(
            "T",
            "System.Char is not an element type",
            group => group.AllReduce(new DeviceSpan<char>(0x1000, 1), ReduceOp.Sum)
        );
        AssertArgument(
            "T",
            "System.Numerics.Complex is not an element type",
            group => _ = group.SendAsync(new DeviceSpan<Complex>(0x1000, 1), 0)
        );
        AssertArgument(
            "timeout",
            "positive and finite",
            group => group.AllReduce(At(0x1000, 1), ReduceOp.Max, timeout: TimeSpan.Zero)
        );
        AssertArgument(
            "timeout",
            "positive and finite",
            group => _ = group.AllReduceAsync(At(0x1000, 1), ReduceOp.Min, timeout: TimeSpan.Zero)
        );
    }

    [Test]
    public void BuffersThatOverlap()
    {
        DeviceSpan<float> memory = At(0x1000, 12);
        AssertArgument(
            "output",
            "In place, both are the same memory.",
            group => group.AllReduce(memory.Slice(0, 4), memory.Slice(3, 4), ReduceOp.Sum)
        );
        AssertArgument(
            "output",
            "In place, the input is the own rank's block of the output.",
            group => group.AllGather(memory.Slice(0, 4), memory)
        );
        AssertArgument(
            "output",
            "In place, the output is the own rank's block of the input.",
            group => group.ReduceScatter(memory, memory.Slice(0, 4), ReduceOp.Sum)
        );
        AssertArgument("output", "This operation has no in-place form.", group => group.AllToAll(memory, memory));
        AssertArgument(
            "output",
            "overlaps",
            group => _ = group.AllReduceAsync(memory.Slice(0, 4), memory.Slice(3, 4), ReduceOp.Sum)
        );
    }

    [Test]
    public void AGroupOnHostMemoryRefusesWhatIsRightOtherwise([Values(null, 0L, 8L)] long? handle)
    {
        CudaStream stream = handle is { } given ? new CudaStream((nint)given) : CudaStream.None;
        using DistributedGroup alone = DistributedGroup.Create(
            new DistributedGroupOptions { Backend = BackendKind.None }
        );
        DeviceSpan<float> a = At(0x1000, 4);
        DeviceSpan<float> b = At(0x2000, 4);
        Action[] blocking =
        [
            () => alone.AllReduce(a, b, ReduceOp.Sum, stream),
            () => alone.AllReduce(a, ReduceOp.Max, stream),
            () => alone.AllGather(a, b, stream),
            () => alone.AllGather(a, b, [4], stream),
            () => alone.ReduceScatter(a, b, ReduceOp.Sum, stream),
            () => alone.ReduceScatter(a, b, [4], ReduceOp.Sum, stream),
            () => alone.Broadcast(a, 0, stream),
            () => alone.Reduce(a, b, 0, ReduceOp.Sum, stream),
            () => alone.Gather(a, b, 0, stream),
            () => alone.Gather(a, b, [4], 0, stream),
            () => alone.Scatter(a, b, 0, stream),
            () => alone.Scatter(a, b, [4], 0, stream),
            () => alone.AllToAll(a, b, stream),
            () => alone.AllToAll(a, [4], b, [4], stream),
        ];
        Func<Task>[] asynchronous =
        [
            () => alone.AllReduceAsync(a, b, ReduceOp.Sum, stream),
            () => alone.AllReduceAsync(a, ReduceOp.Max, stream),
            () => alone.AllGatherAsync(a, b, stream),
            () => alone.AllGatherAsync(a, b, [4], stream),
            () => alone.ReduceScatterAsync(a, b, ReduceOp.Sum, stream),
            () => alone.ReduceScatterAsync(a, b, [4], ReduceOp.Sum, stream),
            () => alone.BroadcastAsync(a, 0, stream),
            () => alone.ReduceAsync(a, b, 0, ReduceOp.Sum, stream),
            () => alone.GatherAsync(a, b, 0, stream),
            () => alone.GatherAsync(a, b, [4], 0, stream),
            () => alone.ScatterAsync(a, b, 0, stream),
            () => alone.ScatterAsync(a, b, [4], 0, stream),
            () => alone.AllToAllAsync(a, b, stream),
            () => alone.AllToAllAsync(a, [4], b, [4], stream),
        ];
        foreach (Action call in blocking)
        {
            Assert.That(() => call(), Throws.TypeOf<NotSupportedException>());
        }

        foreach (Func<Task> call in asynchronous)
        {
            Assert.That(() => call(), Throws.TypeOf<NotSupportedException>());
        }

        Assert.That(alone.IsFaulted, Is.False);
        Assert.That(alone.AllGather<float>(new float[] { 1 }), Is.EqualTo(new float[] { 1 }), "the group stays usable");
    }

    [Test]
    public void CancelledBeforehandNothingIsIssued() =>
        Assert.That(
            _group
                .AllReduceAsync(At(0x1000, 1), ReduceOp.Sum, cancellationToken: new CancellationToken(canceled: true))
                .IsCanceled,
            Is.True
        );

    [Test]
    public void ADisposedGroupSaysSo()
    {
        DistributedGroup group = DistributedGroup.Create(new DistributedGroupOptions { Backend = BackendKind.None });
        group.Dispose();
        Assert.That(() => group.AllReduce(At(0x1000, 1), ReduceOp.Sum), Throws.TypeOf<ObjectDisposedException>());
    }

    private static DeviceSpan<float> At(nint address, long length) => new(address, length);

    private void AssertArgument(string parameterName, string message, Call call)
    {
        ArgumentException error = Assert.Catch<ArgumentException>(() => call(_group))!;
        Assert.That(error.ParamName, Is.EqualTo(parameterName), error.Message);
        Assert.That(error.Message, Does.Contain(message));
    }
}
