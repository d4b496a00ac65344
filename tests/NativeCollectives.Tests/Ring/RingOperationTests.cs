using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Ring;

/// <summary>
/// Every operation with every element type in rings of every shape, against the reference: one ring of processes for
/// each shape.
/// </summary>
[TestFixtureSource(nameof(Shapes))]
[Category("Ring")]
[Parallelizable(ParallelScope.Self)]
public sealed class RingOperationTests(int size, int sockets)
{
    private LocalRing? _ring;

    public static IEnumerable<object[]> Shapes =>
        OperationPlan.Shapes.Select(shape => new object[] { shape.Size, shape.Sockets });

    public static IEnumerable<string> Operations => OperationPlan.Operations;

    [OneTimeTearDown]
    public void End() => _ring?.Dispose();

    [TestCaseSource(nameof(Operations))]
    public void Operation(string operation)
    {
        var planned = OperationPlan.Cases(size, sockets, operation).Count();
        // A ring that a failure has ended is replaced, so that one defect fails one test.
        _ring ??= new LocalRing(size, sockets);
        List<Reply> replies;
        try
        {
            replies = _ring.Do(
                new Command
                {
                    Name = CommandNames.Operations,
                    Operation = operation,
                    Sockets = sockets,
                    Seed = (ulong)((size * 100) + sockets),
                }
            );
        }
        catch
        {
            _ring.Dispose();
            _ring = null;
            throw;
        }
        Assert.Multiple(() =>
        {
            for (var rank = 0; rank < size; rank++)
            {
                Assert.That(replies[rank].Data["cases"], Is.EqualTo($"{planned}"), $"cases that rank {rank} has run");
                Assert.That(replies[rank].Data["wrong"], Is.Empty, $"rank {rank}");
            }
        });
    }
}

/// <summary>That the plan is what it is meant to be.</summary>
[Category("Ring")]
public sealed class OperationPlanTests
{
    [Test]
    public void EveryOperationTypeCountAndFormMeetInEveryShape()
    {
        Assert.Multiple(() =>
        {
            foreach (var shape in OperationPlan.Shapes)
            {
                var (size, sockets) = shape;
                var here = Planned(shape).Where(next => next.Count <= 1009).ToList();
                Assert.That(
                    here.Select(next => next.Operation).Distinct(),
                    Is.EquivalentTo(OperationPlan.Operations.Where(name => size > 1 || name != "SendReceive")),
                    $"{shape}"
                );
                Assert.That(
                    here.Select(next => next.Type).Distinct(),
                    Is.EquivalentTo(OperationPlan.Types),
                    $"{shape}"
                );
                Assert.That(
                    here.Select(next => next.Count).Distinct(),
                    Is.EquivalentTo(OperationPlan.Counts(size)),
                    $"{shape}"
                );
                Assert.That(here.Select(next => next.Form).Distinct().Count(), Is.EqualTo(3), $"{shape}");
                Pairwise.Covers(
                    here,
                    $"{shape}",
                    AreDefined,
                    next => next.Operation,
                    next => next.Type,
                    next => next.Count,
                    next => next.Form
                );
                Assert.That(
                    here.GroupBy(next => next.Operation)
                        .Select(some => some.Select(next => next.Root).Distinct().Count()),
                    Is.All.EqualTo(size),
                    $"{shape}: roots of every operation"
                );
                foreach (var calls in here.GroupBy(next => (next.Operation, next.Type)))
                {
                    var counts = calls.Select(next => next.Count).Distinct().ToList();
                    if (OperationPlan.HasEveryCount(size, sockets))
                    {
                        Assert.That(counts, Is.EquivalentTo(OperationPlan.Counts(size)), $"{calls.Key}, {shape}");
                    }
                    var forms = OperationPlan.HasEveryForm(size, sockets) ? 3 : 1;
                    Assert.That(calls.Distinct().Count(), Is.EqualTo(forms * counts.Count), $"{calls.Key}, {shape}");
                }
            }
        });
    }

    [Test]
    public void LargeOperandsMeetEveryOperationTypeShapeAndForm()
    {
        var large = (
            from shape in OperationPlan.Shapes
            from next in Planned(shape)
            where next.Count > 1009
            select (Shape: shape, Next: next)
        ).ToList();
        Assert.Multiple(() =>
        {
            Assert.That(
                large.Select(entry => entry.Shape).Distinct(),
                Is.EquivalentTo(OperationPlan.Shapes.Where(shape => shape.Size > 1))
            );
            Assert.That(
                large.Select(entry => entry.Next.Operation).Distinct(),
                Is.EquivalentTo(OperationPlan.Operations)
            );
            Assert.That(large.Select(entry => entry.Next.Type).Distinct(), Is.EquivalentTo(OperationPlan.Types));
            Assert.That(large.Select(entry => entry.Next.Form).Distinct().Count(), Is.EqualTo(3));
            Pairwise.Covers(
                large,
                "large operands",
                AreDefined,
                entry => entry.Next.Operation,
                entry => entry.Next.Type,
                entry => entry.Shape,
                entry => entry.Next.Form
            );
        });
    }

    private static IEnumerable<OperationCase> Planned((int Size, int Sockets) shape) =>
        OperationPlan.Operations.SelectMany(name => OperationPlan.Cases(shape.Size, shape.Sockets, name));

    private static bool AreDefined(object one, object other) =>
        one is not string operation || other is not string type || OperationPlan.IsDefined(operation, type);

    [Test]
    public void TheLibrarysTypesAreThePlans() =>
        Assert.That(Enum.GetValues<CollectiveDataType>(), Has.Length.EqualTo(OperationPlan.Types.Count));

    /// <summary>
    /// The comparison is worth something: a rank that has another seed than the others finds every result wrong.
    /// </summary>
    [Test]
    public void AWrongOperandIsNoticed()
    {
        using var ring = new LocalRing(3, 1);
        var replies = LocalRing.Succeed(
            ring.All(rank => new Command
            {
                Name = CommandNames.Operations,
                Operation = "AllReduce.Sum",
                Sockets = 1,
                Seed = rank == 1 ? 5u : 4u,
            })
        );
        Assert.That(replies.Select(reply => reply.Data["wrong"]), Is.All.Not.Empty);
    }
}
