using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Nccl;

/// <summary>
/// Every operation with every element type that NCCL takes, in groups of every size: on host memory, native memory and
/// device memory, on streams and without, in place, blocking and asynchronous, against the reference. One set of
/// processes for each size.
/// </summary>
[TestFixtureSource(nameof(Sizes))]
[Category("Nccl")]
[Parallelizable(ParallelScope.Self)]
public sealed class NcclOperationTests(int size)
{
    private readonly NcclMatrix _matrix = new(() => new LocalNccl(size));

    public static IEnumerable<int> Sizes => NcclPlan.Sizes;

    public static IEnumerable<string> Operations => OperationPlan.Operations;

    [OneTimeTearDown]
    public void End() => _matrix.Dispose();

    [TestCaseSource(nameof(Operations))]
    public void Operation(string operation) => _matrix.Run(operation, NcclPart.Forms);

    [Test]
    public void WhatNcclCannotDoIsRefused() => _matrix.RunRefused();
}

/// <summary>Buffers that go through the device's memory in many pieces, or in one.</summary>
[Category("Nccl")]
[Parallelizable(ParallelScope.Self)]
public sealed class NcclStagingTests
{
    private readonly Dictionary<int, NcclMatrix> _matrices = [];

    [OneTimeTearDown]
    public void End()
    {
        foreach (var matrix in _matrices.Values)
        {
            matrix.Dispose();
        }
    }

    [TestCase(2, 65536, NcclPart.Pieces)]
    [TestCase(4, 65536, NcclPart.Pieces)]
    [TestCase(3, 0, NcclPart.Pieces)]
    [TestCase(3, 100, NcclPart.Crumbs)]
    [TestCase(2, 8, NcclPart.Crumbs)]
    public void HostMemoryInPieces(int size, int stagingBytes, NcclPart part)
    {
        var group = $"pieces of {stagingBytes}";
        var matrix = Matrix(size);
        matrix.Form(group, stagingBytes);
        foreach (var operation in OperationPlan.Operations)
        {
            matrix.Run(operation, part, group);
        }
    }

    /// <summary>More than twice what is sent in one piece by default.</summary>
    [TestCase(2, "")]
    [TestCase(3, "Uneven")]
    public void LargeBuffers(int size, string operations)
    {
        foreach (var operation in OperationPlan.Operations.Where(operation => operation.Contains(operations)))
        {
            Matrix(size).Run(operation, NcclPart.Large);
        }
    }

    private NcclMatrix Matrix(int size)
    {
        if (!_matrices.TryGetValue(size, out var matrix))
        {
            _matrices.Add(size, matrix = new NcclMatrix(() => new LocalNccl(size)));
        }
        return matrix;
    }
}

/// <summary>
/// A part of all that with a library of 2.18, which has no ncclAlltoAll, ncclGather and ncclScatter, and with one that
/// is late at random.
/// </summary>
[Category("Nccl")]
[Parallelizable(ParallelScope.Self)]
public sealed class NcclLibraryTests
{
    private readonly NcclMatrix _old = new(() => new LocalNccl(3, _ => NcclLibraries.Doubles("2.18")));
    private readonly NcclMatrix _late = new(() => new LocalNccl(3, jitter: true));

    public static IEnumerable<string> Operations => OperationPlan.Operations;

    [OneTimeTearDown]
    public void End()
    {
        _old.Dispose();
        _late.Dispose();
    }

    [TestCaseSource(nameof(Operations))]
    public void OldLibrary(string operation) => _old.Run(operation, NcclPart.Short);

    [TestCaseSource(nameof(Operations))]
    public void LateDevice(string operation) => _late.Run(operation, NcclPart.Short);

    [Test]
    public void LateDeviceWithHostMemoryInPieces()
    {
        _late.Form("small pieces", 65536);
        foreach (
            var operation in new[]
            {
                "AllReduce.Sum",
                "AllGather",
                "ReduceScatter.Sum",
                "AllToAllUneven",
                "Gather",
                "ScatterUneven",
                "SendReceive",
                "Broadcast",
            }
        )
        {
            _late.Run(operation, NcclPart.Pieces, "small pieces");
        }
    }
}

/// <summary>That the plan is what it is meant to be.</summary>
[Category("Nccl")]
public sealed class NcclPlanTests
{
    [Test]
    public void EveryOperationTypeCountPlaceAndFormMeetInEveryGroup()
    {
        Assert.Multiple(() =>
        {
            foreach (var size in NcclPlan.Sizes)
            {
                var here = OperationPlan
                    .Operations.SelectMany(name => NcclPlan.Cases(size, NcclPart.Forms, name))
                    .ToList();
                Assert.That(
                    here.Select(next => next.Operation).Distinct(),
                    Is.EquivalentTo(OperationPlan.Operations.Where(name => size > 1 || name != "SendReceive")),
                    $"{size}"
                );
                Assert.That(here.Select(next => next.Type).Distinct(), Is.EquivalentTo(OperationPlan.Types), $"{size}");
                Assert.That(
                    here.Select(next => next.Count).Distinct(),
                    Is.EquivalentTo(NcclPlan.Counts(size)),
                    $"{size}"
                );
                Pairwise.Covers(
                    here,
                    $"groups of {size}",
                    (one, other) =>
                        one is not string operation || other is not string type || NcclPlan.IsDefined(operation, type),
                    next => next.Operation,
                    next => next.Type,
                    next => next.Count,
                    next => next.Place,
                    next => next.Form
                );
                foreach (
                    var calls in here.Where(next => next.Count == 1009).GroupBy(next => (next.Operation, next.Type))
                )
                {
                    Assert.That(
                        calls.Select(next => (next.Place, next.Form)).Distinct().Count(),
                        Is.EqualTo(NcclPlan.HasEveryForm(size) ? 12 : 4),
                        $"{calls.Key} in groups of {size}"
                    );
                }
                foreach (var calls in here.GroupBy(next => next.Operation))
                {
                    Assert.That(
                        calls.Select(next => (next.Place, next.Form)).Distinct().Count(),
                        Is.EqualTo(12),
                        $"ways of calling {calls.Key} in groups of {size}"
                    );
                    Assert.That(
                        calls.Select(next => next.Root).Distinct().Count(),
                        Is.EqualTo(size),
                        $"roots of {calls.Key} in groups of {size}"
                    );
                }
            }
        });
    }

    [Test]
    public void WhatIsRefused()
    {
        var refused = (
            from operation in OperationPlan.Operations
            from type in NcclPlan.Refused(operation)
            select (operation, type)
        ).ToList();
        // Five operators for three operations, and the sum of one more: two integer types; complex numbers with three
        // of the operators.
        Assert.That(refused, Has.Count.EqualTo((16 * 2) + (3 * 3)));
        Assert.That(
            refused,
            Does.Contain(("AllReduce.Max", nameof(Complex64)))
                .And.Contain(("Reduce.Average", nameof(UInt16)))
                .And.Contain(("ReduceScatterUneven.Sum", nameof(Int16)))
        );
        Assert.That(
            OperationPlan.Operations.Where(operation => !operation.Contains('.')).SelectMany(NcclPlan.Refused),
            Is.Empty,
            "what only moves elements takes all types"
        );
    }

    /// <summary>
    /// The comparison is worth something: a rank that has another seed than the others finds every result wrong.
    /// </summary>
    [TestCase("AllReduce.Sum")]
    [TestCase("AllGather")]
    public void AWrongOperandIsNoticed(string operation)
    {
        using var ranks = new LocalNccl(3);
        var replies = LocalRanks.Succeed(
            ranks.All(rank => NcclMatrix.Command(operation, NcclPart.Short) with { Seed = rank == 1 ? 5u : 4u })
        );
        Assert.That(replies.Select(reply => reply.Data["wrong"]), Is.All.Not.Empty);
    }
}
