using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Jaccl;

/// <summary>
/// Every operation with every element type in meshes and rings, at every size of the plan, in place and not, blocking
/// and asynchronous, against the reference.
/// </summary>
[TestFixtureSource(nameof(Shapes))]
[Category("Jaccl")]
public sealed class JacclOperationTests(bool isRing, int size, int wires)
{
    private readonly JacclShape _shape = new(isRing, size, wires);

    public static IEnumerable<object[]> Shapes =>
        JacclPlan
            .FullShapes.OrderBy(shape => shape.Size)
            .Select(shape => new object[] { shape.IsRing, shape.Size, shape.Wires });

    public static IEnumerable<string> Operations => OperationPlan.Operations;

    [OneTimeTearDown]
    public void End() => JacclMatrix.Shared(_shape.Size).Leave();

    [TestCaseSource(nameof(Operations))]
    public void Operation(string operation) => JacclMatrix.Shared(_shape.Size).Run(_shape, operation);
}

/// <summary>
/// The same in all other shapes, with a part of the types and sizes; and in some with other settings.
/// </summary>
[Category("Jaccl")]
public sealed class JacclShapeTests
{
    public static IEnumerable<TestCaseData> Others =>
        JacclPlan
            .Shapes.Except(JacclPlan.FullShapes)
            .OrderBy(shape => shape.Size)
            .Select(shape => new TestCaseData(shape).SetArgDisplayNames($"{shape}"));

    [TestCaseSource(nameof(Others))]
    public void AllOperations(JacclShape shape) => JacclMatrix.Shared(shape.Size).Run(shape);

    /// <summary>
    /// Frames of 4 KiB, MLX's queue pairs, sends that end at once, and verbs without a completion channel.
    /// </summary>
    [TestCase(false, 3, 1, "Small", null, "", "")]
    [TestCase(true, 3, 2, "Small", "UnreliableConnection", "", "")]
    [TestCase(false, 3, 1, null, "UnreliableConnection", "NC_SOFTVERBS_COMPLETION", "posted")]
    [TestCase(true, 3, 2, null, "ReliableConnection", "NC_SOFTVERBS_COMPLETION", "posted")]
    [TestCase(true, 3, 2, null, "UnreliableConnection", "NC_SOFTVERBS_NO_CHANNEL", "1")]
    [TestCase(false, 2, 1, "Small", "ReliableConnection", "NC_SOFTVERBS_NO_CHANNEL", "1")]
    // As Linux's UC: what comes before its receive is lost. RC is there for that.
    [TestCase(true, 3, 1, null, "ReliableConnection", "NC_SOFTVERBS_UC", "drop")]
    [TestCase(false, 3, 1, null, null, "NC_SOFTVERBS_UC", "drop")]
    public void OtherSettings(
        bool isRing,
        int size,
        int wires,
        string? frames,
        string? queuePairs,
        string variable,
        string value
    )
    {
        using var matrix = new JacclMatrix(
            size,
            settings => settings with { Frames = frames, QueuePairs = queuePairs },
            variable.Length == 0 ? null : _ => new Dictionary<string, string> { [variable] = value }
        );
        var shape = new JacclShape(isRing, size, wires);
        matrix.OnGroup(
            shape,
            ranks =>
            {
                foreach (
                    var operation in new[]
                    {
                        "AllReduce.Sum",
                        "AllGather",
                        "ReduceScatter.Sum",
                        "AllToAllUneven",
                        "Broadcast",
                        "SendReceive",
                    }
                )
                {
                    var replies = ranks.Do(JacclMatrix.Command(shape, operation) with { Count = 70_000 });
                    Assert.That(replies.Select(reply => reply.Data["wrong"]), Is.All.Empty, operation);
                }
            }
        );
    }

    /// <summary>A fabric that is slow, and in which completions of different queue pairs overtake each other.</summary>
    [TestCase(false, 3, 1)]
    [TestCase(true, 3, 2)]
    public void CompletionsInAnyOrder(bool isRing, int size, int wires)
    {
        using var matrix = new JacclMatrix(size);
        var shape = new JacclShape(isRing, size, wires);
        matrix.OnGroup(
            shape,
            ranks =>
            {
                ranks.Fault("reorder=500");
                ranks.Fault("reorder=500;slow=300", rank: 1);
                foreach (
                    var operation in new[]
                    {
                        "AllReduce.Sum",
                        "AllGather",
                        "ReduceScatter.Sum",
                        "AllToAll",
                        "SendReceive",
                    }
                )
                {
                    var replies = ranks.Do(JacclMatrix.Command(shape, operation) with { Count = 40_000 });
                    Assert.That(replies.Select(reply => reply.Data["wrong"]), Is.All.Empty, operation);
                }
                ranks.Fault("");
            }
        );
    }
}

/// <summary>That the plan is what it is meant to be.</summary>
[Category("Jaccl")]
public sealed class JacclPlanTests
{
    [Test]
    public void EveryOperationIsTestedWithEveryType()
    {
        var all = (
            from shape in JacclPlan.Shapes
            from operation in OperationPlan.Operations
            from next in JacclPlan.Cases(shape, operation)
            select (shape, next)
        ).ToList();
        Assert.Multiple(() =>
        {
            Assert.That(all.Select(entry => entry.shape).Distinct(), Is.EquivalentTo(JacclPlan.Shapes));
            Assert.That(all.Select(entry => entry.next.Type).Distinct(), Is.EquivalentTo(OperationPlan.Types));
            Pairwise.Covers(
                all,
                "JACCL's plan",
                (one, other) =>
                    one is not string operation || other is not string type || OperationPlan.IsDefined(operation, type),
                entry => entry.next.Operation,
                entry => entry.next.Type,
                entry => entry.shape,
                entry => entry.next.Form
            );
            foreach (var operation in OperationPlan.Operations)
            {
                foreach (var type in OperationPlan.Types.Where(type => OperationPlan.IsDefined(operation, type)))
                {
                    var here = all.Where(entry => entry.next.Operation == operation && entry.next.Type == type)
                        .ToList();
                    Assert.That(
                        here.Count(entry => entry.next.Count > 15_000),
                        Is.GreaterThanOrEqualTo(1),
                        $"{operation} of {type}: large ones"
                    );
                    Assert.That(
                        here.Where(entry => entry.next.Count > 1009).Select(entry => entry.shape).Distinct().Count(),
                        Is.GreaterThanOrEqualTo(2),
                        $"{operation} of {type}: beyond the thresholds"
                    );
                    foreach (var shape in JacclPlan.FullShapes.Where(JacclPlan.HasEveryCount))
                    {
                        var counts = here.Where(entry => entry.shape == shape)
                            .Select(entry => entry.next.Count)
                            .Where(count => count <= 1009)
                            .Distinct();
                        Assert.That(
                            counts,
                            Is.SupersetOf(new[] { 0, 1, shape.Size - 1, shape.Size, shape.Size + 1, 1009 }.Distinct()),
                            $"{operation} of {type}, {shape}"
                        );
                        var forms = here.Where(entry =>
                                entry.shape == shape && entry.next.Count == 1009 && entry.next.Place == CallPlace.Host
                            )
                            .Select(entry => entry.next.Form)
                            .ToList();
                        Assert.That(
                            forms,
                            JacclPlan.HasEveryForm(shape)
                                ? Is.EquivalentTo(Enum.GetValues<CallForm>())
                                : Has.Count.EqualTo(1),
                            $"{operation} of {type}, {shape}"
                        );
                    }
                }
                foreach (var shape in JacclPlan.FullShapes)
                {
                    var here = all.Where(entry => entry.next.Operation == operation && entry.shape == shape).ToList();
                    var counts = new[] { 0, 1, shape.Size - 1, shape.Size, shape.Size + 1, 1009 };
                    Assert.That(
                        here.Select(entry => entry.next.Count).Distinct(),
                        Is.SupersetOf(counts.Distinct()),
                        $"{operation}, {shape}"
                    );
                    Assert.That(
                        here.Select(entry => entry.next.Type).Distinct(),
                        Is.EquivalentTo(OperationPlan.Types.Where(type => OperationPlan.IsDefined(operation, type))),
                        $"{operation}, {shape}"
                    );
                }
                foreach (var shape in JacclPlan.Shapes)
                {
                    var here = all.Where(entry => entry.next.Operation == operation && entry.shape == shape).ToList();
                    Assert.That(
                        here.Select(entry => entry.next.Count),
                        Is.SupersetOf(new[] { 0, shape.Size + 1, 1009 }),
                        $"{operation}, {shape}"
                    );
                    Assert.That(
                        here.Any(entry => entry.next.Count > 1009),
                        Is.True,
                        $"{operation}, {shape}: beyond the thresholds"
                    );
                    Assert.That(
                        here.Select(entry => entry.next.Form).Distinct().Count(),
                        Is.EqualTo(3),
                        $"{operation}, {shape}: forms"
                    );
                }
            }
        });
    }

    [Test]
    public void TheShapes()
    {
        Assert.That(JacclPlan.Shapes, Has.Count.EqualTo(7 + 16).And.SupersetOf(JacclPlan.FullShapes));
        Assert.That(
            JacclPlan.Shapes.Where(shape => !shape.IsRing).Select(shape => shape.Size),
            Is.EqualTo(Enumerable.Range(2, 7))
        );
    }

    /// <summary>
    /// The comparison is worth something: a rank that has another seed than the others finds every result wrong.
    /// </summary>
    [TestCase("AllReduce.Sum")]
    [TestCase("AllGather")]
    public void AWrongOperandIsNoticed(string operation)
    {
        using var ranks = new LocalJaccl(3);
        var shape = JacclShape.Ring(3, 2);
        ranks.Form(shape);
        var replies = LocalRanks.Succeed(
            ranks.All(rank => JacclMatrix.Command(shape, operation) with { Count = 1009, Seed = rank == 1 ? 5u : 4u })
        );
        Assert.That(replies.Select(reply => reply.Data["wrong"]), Is.All.Not.Empty);
    }
}
