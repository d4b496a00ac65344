using System.Numerics;
using System.Numerics.Tensors;

namespace NativeCollectives.Tests;

/// <summary>
/// The caller's mistakes, which are found before any byte moves, on what says of itself that it is rank 1 of 3.
/// </summary>
[TestFixture]
[Category("Unit")]
[CancelAfter(30_000)]
public sealed unsafe class ArgumentTests
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
        float[] four = new float[4];
        float[] six = new float[6];
        float[] twelve = new float[12];
        AssertArgument(
            "output",
            "output has 6 elements, but should have 4: as many as the input.",
            group => group.AllReduce(four, six, ReduceOp.Sum)
        );
        AssertArgument("output", "output has 6 elements, but should have 4", group => group.AllSum(four, six));
        AssertArgument("output", "output has 6 elements, but should have 4", group => group.AllMax(four, six));
        AssertArgument("output", "output has 6 elements, but should have 4", group => group.AllMin(four, six));
        AssertArgument(
            "output",
            "output has 6 elements, but should have 12: those of the input for each rank of the group.",
            group => group.AllGather(four, six)
        );
        AssertArgument(
            "input",
            "input has 4 elements, but should have 18: those of the output for each rank of the group.",
            group => group.ReduceScatter(four, six, ReduceOp.Max)
        );
        AssertArgument("input", "input has 4 elements, but should have 18", group => group.SumScatter(four, six));
        AssertArgument(
            "input",
            "input has 4 elements, which cannot be divided among the 3 ranks.",
            group => group.SumScatter<float>(four)
        );
        AssertArgument(
            "output",
            "output has 6 elements, but should have 4",
            group => group.Reduce(four, six, Rank, ReduceOp.Sum)
        );
        AssertArgument("output", "output has 6 elements, but should have 12", group => group.Gather(four, six, Rank));
        AssertArgument("input", "input has 6 elements, but should have 12", group => group.Scatter(six, four, Rank));
        AssertArgument("output", "output has 12 elements, but should have 6", group => group.AllToAll(six, twelve));
        AssertArgument(
            "input",
            "input has 4 elements, which cannot be divided",
            group => group.AllToAll(four, new float[4])
        );
    }

    [Test]
    public void LengthsOfAsynchronousOperationsAreCheckedByTheCall()
    {
        float[] four = new float[4];
        float[] six = new float[6];
        AssertArgument(
            "output",
            "but should have 4",
            group => _ = group.AllReduceAsync<float>(four, six, ReduceOp.Sum)
        );
        AssertArgument("output", "but should have 4", group => _ = group.AllSumAsync<float>(four, six));
        AssertArgument("output", "but should have 4", group => _ = group.AllMaxAsync<float>(four, six));
        AssertArgument("output", "but should have 4", group => _ = group.AllMinAsync<float>(four, six));
        AssertArgument("output", "but should have 12", group => _ = group.AllGatherAsync<float>(four, six));
        AssertArgument(
            "input",
            "but should have 18",
            group => _ = group.ReduceScatterAsync<float>(four, six, ReduceOp.Max)
        );
        AssertArgument("input", "but should have 18", group => _ = group.SumScatterAsync<float>(four, six));
        AssertArgument("input", "which cannot be divided", group => _ = group.SumScatterAsync<float>(four));
        AssertArgument(
            "output",
            "but should have 4",
            group => _ = group.ReduceAsync<float>(four, six, Rank, ReduceOp.Sum)
        );
        AssertArgument("output", "but should have 12", group => _ = group.GatherAsync<float>(four, six, Rank));
        AssertArgument("input", "but should have 12", group => _ = group.ScatterAsync<float>(six, four, Rank));
        AssertArgument("output", "but should have 6", group => _ = group.AllToAllAsync<float>(six, four));
        AssertArgument("destination", "rank of the group", group => _ = group.SendAsync<float>(four, 3));
        AssertArgument("source", "rank of the group", group => _ = group.ReceiveAsync<float>(four, 3));
        AssertArgument("source", "rank of the group", group => _ = group.ReceiveLikeAsync<float>(four, 3));
        AssertArgument("root", "rank of the group", group => _ = group.BroadcastAsync<float>(four, 3));
        AssertArgument("color", "non-negative", group => _ = group.SplitAsync(-1));
    }

    [Test]
    public void Counts()
    {
        float[] input = new float[2];
        float[] output = new float[6];
        AssertArgument(
            "counts",
            "counts has 2 entries, but should have one for each of the 3 ranks.",
            group => group.AllGather(input, output, [2, 4])
        );
        AssertArgument(
            "counts",
            "counts[2] is -1, but lengths are not negative.",
            group => group.AllGather(input, output, [2, 2, -1])
        );
        AssertArgument(
            "input",
            "input has 2 elements, but should have 1: the own rank's count.",
            group => group.AllGather(input, output, [2, 1, 3])
        );
        AssertArgument(
            "output",
            "output has 6 elements, but should have 5: the sum of the counts.",
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
        AssertArgument("counts", "has 0 entries", group => group.Gather(input, output, ReadOnlySpan<long>.Empty, Rank));
        AssertArgument("input", "but should have 5", group => group.Scatter(output, input, [2, 2, 1], Rank));
        AssertArgument("inputCounts", "has 1 entries", group => group.AllToAll(output, [6], new float[6], [2, 2, 2]));
        AssertArgument("outputCounts", "has 1 entries", group => group.AllToAll(output, [2, 2, 2], new float[6], [6]));
        AssertArgument(
            "input",
            "but should have 7",
            group => group.AllToAll(output, [2, 2, 3], new float[6], [2, 2, 2])
        );
        AssertArgument(
            "output",
            "but should have 7",
            group => group.AllToAll(output, [2, 2, 2], new float[6], [2, 2, 3])
        );
        AssertArgument(
            "outputCounts",
            "The own block has 2 elements in the input, but 1 in the output.",
            group => group.AllToAll(output, [2, 2, 2], new float[5], [2, 1, 2])
        );
        AssertArgument(
            "counts",
            "counts adds up to more than memory can hold.",
            group => group.Raw.AllGather(null, null, [1, long.MaxValue / 4, 5], CollectiveDataType.Float32)
        );
        AssertArgument(
            "counts",
            "counts[1] is -2",
            group => group.Raw.AllGather(null, null, [1, -2, 5], CollectiveDataType.Float32)
        );
        AssertArgument(
            "counts",
            "counts[0] is -1",
            group => _ = group.AllGatherAsync<float>(input, output, [-1, 2, 5])
        );
        AssertArgument(
            "input",
            "but should have 1",
            group => group.Raw.Gather((void*)8, 2, (void*)800, [1, 1, 1], CollectiveDataType.Int8, Rank)
        );
        AssertArgument(
            "output",
            "but should have 1",
            group => group.Raw.Scatter((void*)800, [1, 1, 1], (void*)8, 2, CollectiveDataType.Int8, Rank)
        );
    }

    [Test]
    public void RanksThatDoNotExist([Values(-1, Size, int.MaxValue, int.MinValue)] int rank)
    {
        float[] buffer = new float[3];
        float[] other = new float[9];
        AssertArgument(
            "root",
            "The root should be a rank of the group, from 0 to 2.",
            group => group.Broadcast(buffer, rank)
        );
        AssertArgument("root", "from 0 to 2", group => group.Reduce(buffer, buffer, rank, ReduceOp.Sum));
        AssertArgument("root", "from 0 to 2", group => group.Gather(buffer, other, rank));
        AssertArgument("root", "from 0 to 2", group => group.Gather(buffer, other, [3, 3, 3], rank));
        AssertArgument("root", "from 0 to 2", group => group.Scatter(other, buffer, rank));
        AssertArgument("root", "from 0 to 2", group => group.Scatter(other, buffer, [3, 3, 3], rank));
        AssertArgument(
            "destination",
            "The destination should be a rank of the group, from 0 to 2.",
            group => group.Send(buffer, rank)
        );
        AssertArgument(
            "source",
            "The source should be a rank of the group, from 0 to 2.",
            group => group.Receive(buffer.AsSpan(), rank)
        );
        AssertArgument("source", "from 0 to 2", group => group.ReceiveLike<float>(buffer, rank));
    }

    [Test]
    public void TheOwnRankIsNoPeer()
    {
        AssertArgument(
            "destination",
            "The destination is 1, the own rank, but should be another one.",
            group => group.Send(new float[1], Rank)
        );
        AssertArgument(
            "source",
            "The source is 1, the own rank, but should be another one.",
            group => group.Receive(new float[1].AsSpan(), Rank)
        );
    }

    [Test]
    public void AGroupOfOneHasNoPeer()
    {
        using DistributedGroup alone = DistributedGroup.Create(
            new DistributedGroupOptions { Backend = BackendKind.None }
        );
        Assert.That(
            () => alone.Send(new float[1], 0),
            Throws
                .ArgumentException.With.Message.Contains("A group of one has no other rank")
                .And.Property("ParamName")
                .EqualTo("destination")
        );
        Assert.That(
            () => alone.Receive(new float[1].AsSpan(), 0),
            Throws.ArgumentException.With.Property("ParamName").EqualTo("source")
        );
        Assert.That(
            () => alone.ReceiveLike<float>(new float[1], 0),
            Throws.ArgumentException.With.Property("ParamName").EqualTo("source")
        );
    }

    [Test]
    public void Operators()
    {
        AssertArgument("op", "This is not a reduction operator.", group => group.AllReduce(new float[1], (ReduceOp)8));
        AssertArgument(
            "op",
            "This is not a reduction operator.",
            group => group.ReduceScatter(new float[3], new float[1], (ReduceOp)(-1))
        );
        AssertArgument("op", "There is no average of bool.", group => group.AllReduce(new bool[1], ReduceOp.Average));
        AssertArgument(
            "op",
            "BitwiseXor is of integers and bool, not of Float32.",
            group => group.AllReduce(new float[1], ReduceOp.BitwiseXor)
        );
        AssertArgument(
            "op",
            "There is no average of bool.",
            group => group.Reduce(new bool[1], new bool[1], 0, ReduceOp.Average)
        );
        AssertArgument(
            "op",
            "There is no average of bool.",
            group => group.ReduceScatter(new bool[3], new bool[1], [1, 1, 1], ReduceOp.Average)
        );
    }

    [Test]
    public void ElementTypesThatAreNone()
    {
        AssertArgument(
            "T",
            "System.Char is not an element type that a group can move. Those are bool, sbyte,",
            group => group.AllSum(new char[1])
        );
        AssertArgument(
            "T",
            "System.Numerics.Complex is not an element type",
            group => group.Broadcast(new Complex[1], 0)
        );
        AssertArgument(
            "T",
            "System.DateTime is not an element type",
            group => group.AllGather<DateTime>(new DateTime[1])
        );
        AssertArgument("T", "DayOfWeek is not an element type", group => group.Send(new DayOfWeek[1], 0));
        AssertArgument("T", "System.IntPtr is not an element type", group => group.Receive(new nint[1], 0));
        AssertArgument("T", "System.Guid is not an element type", group => _ = group.AllSumAsync<Guid>(new Guid[1]));
        AssertArgument("T", "System.Char is not an element type", group => group.AllReduce(Tensor.Create(new char[1])));
        AssertArgument(
            "type",
            "This is not an element type.",
            group => group.Raw.Broadcast((void*)8, 1, (CollectiveDataType)14, 0)
        );
        AssertArgument(
            "type",
            "This is not an element type.",
            group => group.Raw.Broadcast((void*)8, 1, (CollectiveDataType)(-1), 0)
        );
    }

    [Test]
    public void TimeoutsThatAreNone()
    {
        TimeSpan[] none =
        [
            TimeSpan.Zero,
            TimeSpan.FromTicks(-1),
            Timeout.InfiniteTimeSpan,
            TimeSpan.MaxValue,
            TimeSpan.MinValue,
            TimeSpan.FromMilliseconds(2147483648),
        ];
        foreach (TimeSpan timeout in none)
        {
            AssertArgument(
                "timeout",
                "The timeout should be positive and finite: at most 2147483647 milliseconds, about 24 days; null "
                    + "stands for the group's own.",
                group => group.Barrier(timeout)
            );
            AssertArgument("timeout", "positive and finite", group => group.AllSum(new float[1], timeout));
            AssertArgument(
                "timeout",
                "positive and finite",
                group => _ = group.AllSumAsync<float>(new float[1], timeout)
            );
            AssertArgument("timeout", "positive and finite", group => group.Split(0, 0, timeout));
        }
    }

    [TestCase(1L, 1L)]
    [TestCase(10_000L, 1L)]
    [TestCase(10_001L, 2L)]
    [TestCase(int.MaxValue * 10_000L, (long)int.MaxValue)]
    public void TimeoutsAreRoundedUpToMilliseconds(long ticks, long milliseconds) =>
        Assert.That(Timeouts.Of(TimeSpan.FromTicks(ticks)), Is.EqualTo(milliseconds));

    [Test]
    public void BuffersThatOverlap()
    {
        float[] memory = new float[12];
        AssertArgument(
            "output",
            "The output overlaps the input. In place, both are the same memory.",
            group => group.AllReduce(memory.AsSpan(0, 4), memory.AsSpan(3, 4), ReduceOp.Sum)
        );
        AssertArgument(
            "output",
            "In place, both are the same memory.",
            group => group.Reduce(memory.AsSpan(1, 4), memory.AsSpan(0, 4), Rank, ReduceOp.Sum)
        );
        AssertArgument(
            "output",
            "In place, the input is the own rank's block of the output.",
            group => group.AllGather(memory.AsSpan(0, 4), memory)
        );
        AssertArgument(
            "output",
            "In place, the input is the own rank's block of the output.",
            group => group.AllGather(memory.AsSpan(4, 4), memory, [3, 4, 5])
        );
        AssertArgument(
            "output",
            "In place, the input is the own rank's block of the output.",
            group => group.Gather(memory.AsSpan(8, 4), memory, Rank)
        );
        AssertArgument(
            "output",
            "In place, the output is the own rank's block of the input.",
            group => group.ReduceScatter(memory, memory.AsSpan(0, 4), ReduceOp.Sum)
        );
        AssertArgument(
            "output",
            "In place, the output is the own rank's block of the input.",
            group => group.ReduceScatter(memory, memory.AsSpan(4, 4), [3, 4, 5], ReduceOp.Sum)
        );
        AssertArgument(
            "output",
            "In place, the output is the own rank's block of the input.",
            group => group.Scatter(memory, memory.AsSpan(5, 4), Rank)
        );
        AssertArgument("output", "This operation has no in-place form.", group => group.AllToAll(memory, memory));
        AssertArgument(
            "output",
            "overlaps",
            group => _ = group.AllReduceAsync<float>(memory.AsMemory(0, 4), memory.AsMemory(3, 4), ReduceOp.Sum)
        );
        AssertArgument(
            "output",
            "overlaps",
            group =>
                group.AllReduce(
                    Tensor.Create(memory, 0, [2, 2], []),
                    Tensor.Create(memory, 2, [2, 2], []),
                    ReduceOp.Sum
                )
        );
    }

    [Test]
    public void NativeBuffers()
    {
        AssertArgument(
            "input",
            "",
            group => group.Raw.AllReduce(null, (void*)8, 1, CollectiveDataType.Int8, ReduceOp.Sum)
        );
        AssertArgument(
            "output",
            "",
            group => group.Raw.AllReduce((void*)8, null, 1, CollectiveDataType.Int8, ReduceOp.Sum)
        );
        AssertArgument(
            "output",
            "overlaps",
            group => group.Raw.AllReduce((void*)8, (void*)9, 2, CollectiveDataType.Int8, ReduceOp.Sum)
        );
        AssertArgument(
            "count",
            "non-negative",
            group => group.Raw.AllReduce((void*)8, (void*)80, -1, CollectiveDataType.Int8, ReduceOp.Sum)
        );
        AssertArgument(
            "count",
            "more than memory can hold",
            group =>
                group.Raw.AllReduce((void*)8, (void*)80, long.MaxValue / 2, CollectiveDataType.Float32, ReduceOp.Sum)
        );
        AssertArgument(
            "count",
            "elements for each of 3 blocks are more than memory can hold",
            group => group.Raw.AllGather((void*)8, (void*)80, long.MaxValue / 2, CollectiveDataType.Int8)
        );
        AssertArgument("buffer", "", group => group.Raw.Broadcast(null, 1, CollectiveDataType.Int8, 0));
        AssertArgument("buffer", "", group => group.Raw.Send(null, 1, CollectiveDataType.Int8, 0));
        AssertArgument("buffer", "", group => group.Raw.Receive(null, 1, CollectiveDataType.Int8, 0));
        AssertArgument("output", "", group => group.Raw.Gather((void*)8, null, 1, CollectiveDataType.Int8, Rank));
        AssertArgument("input", "", group => group.Raw.Scatter(null, (void*)8, 1, CollectiveDataType.Int8, Rank));
        AssertArgument(
            "input",
            "",
            group => group.Raw.ReduceScatter(null, (void*)8, [1, 0, 0], CollectiveDataType.Int8, ReduceOp.Sum)
        );
        AssertArgument(
            "output",
            "",
            group => group.Raw.AllToAll((void*)8, [1, 0, 0], null, [1, 0, 0], CollectiveDataType.Int8)
        );
        AssertArgument(
            "output",
            "",
            group => _ = group.Raw.AllReduceAsync((void*)8, null, 1, CollectiveDataType.Int8, ReduceOp.Sum)
        );
    }

    [Test]
    public void ShapesThatDoNotFit()
    {
        Tensor<float> twoByThree = Tensor.Create(new float[6], [2, 3]);
        Tensor<float> threeByTwo = Tensor.Create(new float[6], [3, 2]);
        Tensor<float> sixByThree = Tensor.Create(new float[18], [6, 3]);
        Tensor<float> twoByNine = Tensor.Create(new float[18], [2, 9]);
        AssertArgument(
            "output",
            "output has the shape [3, 2], but should have [2, 3]: that of the input.",
            group => group.AllReduce(twoByThree, threeByTwo, ReduceOp.Sum)
        );
        AssertArgument(
            "output",
            "output has the shape [2, 9], but should have [6, 3]: that of the inputs joined along axis 0.",
            group => group.AllGather(twoByThree, twoByNine)
        );
        AssertArgument(
            "input",
            "input has the shape [2, 9], but should have [6, 3]: that of the outputs joined along axis 0.",
            group => group.ReduceScatter(twoByNine, twoByThree, ReduceOp.Sum)
        );
        AssertArgument(
            "input",
            "input has the shape [2, 3], which cannot be divided along axis 0 among the 3 ranks.",
            group => group.ReduceScatter(twoByThree)
        );
        AssertArgument(
            "output",
            "but should have [2, 3]",
            group => group.Reduce(twoByThree, threeByTwo, Rank, ReduceOp.Sum)
        );
        AssertArgument("output", "but should have [2, 3]", group => group.Reduce(twoByThree, null, Rank, ReduceOp.Sum));
        AssertArgument("output", "but should have [6, 3]", group => group.Gather(twoByThree, twoByNine, Rank));
        AssertArgument("input", "but should have [6, 3]", group => group.Scatter(twoByNine, twoByThree, Rank));
        AssertArgument("input", "cannot be divided", group => group.AllToAll(twoByThree, threeByTwo));
        AssertArgument("output", "but should have [6, 3]", group => group.AllToAll(sixByThree, twoByNine));
        AssertArgument("buffer", "", group => group.AllReduce((Tensor<float>)null!));
        AssertArgument("input", "", group => group.AllGather((Tensor<float>)null!));
    }

    [Test]
    public void ColorsThatAreNone() => AssertArgument("color", "non-negative", group => group.Split(-1));

    private void AssertArgument(string parameterName, string message, Call call)
    {
        ArgumentException error = Assert.Catch<ArgumentException>(() => call(_group))!;
        Assert.That(error.ParamName, Is.EqualTo(parameterName), error.Message);
        Assert.That(
            message.Split('|').Any(error.Message.Contains),
            Is.True,
            $"'{error.Message}' should contain '{message}'"
        );
    }
}
