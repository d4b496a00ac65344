using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Ring;

/// <summary>
/// Every operation with every element type in rings of every shape, against the reference: one ring of processes for
/// each shape.
/// </summary>
[TestFixtureSource(nameof(Shapes))]
[Category("Ring")]
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
    public void EveryOperationIsTestedWithEveryTypeAtEveryCount()
    {
        var all = (
            from shape in OperationPlan.Shapes
            from operation in OperationPlan.Operations
            from next in OperationPlan.Cases(shape.Size, shape.Sockets, operation)
            select (shape, next)
        ).ToList();
        Assert.Multiple(() =>
        {
            foreach (var operation in OperationPlan.Operations)
            {
                foreach (var type in OperationPlan.Types.Where(type => OperationPlan.IsDefined(operation, type)))
                {
                    var here = all.Where(entry => entry.next.Operation == operation && entry.next.Type == type)
                        .ToList();
                    var moving = OperationPlan.Shapes.Where(shape => shape.Size > 1).ToList();
                    Assert.That(
                        here.Count(entry => entry.next.Count > 100_000),
                        Is.EqualTo(2),
                        $"{operation} of {type}: large ones"
                    );
                    Assert.That(
                        moving.Except(here.Select(entry => entry.shape)),
                        Is.Empty,
                        $"{operation} of {type}: shapes without it"
                    );
                    foreach (var shape in moving)
                    {
                        var counts = here.Where(entry => entry.shape == shape)
                            .Select(entry => entry.next.Count)
                            .Where(count => count <= 1009)
                            .Distinct();
                        Assert.That(
                            counts,
                            Is.EquivalentTo(
                                new[] { 0, 1, shape.Size - 1, shape.Size, shape.Size + 1, 1009 }.Distinct()
                            ),
                            $"{operation} of {type}, {shape}"
                        );
                        var forms = here.Where(entry => entry.shape == shape && entry.next.Count <= 1009)
                            .Select(entry => (entry.next.Count, entry.next.Form))
                            .ToList();
                        Assert.That(
                            forms.Select(entry => entry.Form).Distinct().Count(),
                            Is.EqualTo(3),
                            $"{operation} of {type}, {shape}: forms"
                        );
                        Assert.That(
                            forms,
                            Has.Count.EqualTo(
                                counts.Count() * (OperationPlan.HasEveryForm(shape.Size, shape.Sockets) ? 3 : 1)
                            ),
                            $"{operation} of {type}, {shape}"
                        );
                    }
                }
                foreach (var shape in OperationPlan.Shapes.Where(shape => shape.Size > 1))
                {
                    var here = all.Where(entry => entry.shape == shape && entry.next.Operation == operation)
                        .Select(entry => entry.next)
                        .ToList();
                    Assert.That(
                        here.Where(next => next.Count <= 1009)
                            .GroupBy(next => next.Count)
                            .Select(group => group.Select(next => next.Form).Distinct().Count()),
                        Is.All.EqualTo(3),
                        $"{operation}, {shape}: forms of every count"
                    );
                    Assert.That(
                        here.Select(next => next.Root).Distinct().Count(),
                        Is.EqualTo(shape.Size),
                        $"{operation}, {shape}: roots"
                    );
                }
            }
        });
    }

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
