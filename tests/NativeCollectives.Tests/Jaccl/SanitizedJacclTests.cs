using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Jaccl;

/// <summary>
/// A run through everything that a group of JACCL's does, in processes that may have a sanitizer's runtime in them:
/// ./build.sh sanitizers runs this category with libraries and software verbs built for AddressSanitizer and
/// UndefinedBehaviorSanitizer, and for ThreadSanitizer. Their reports end the worker, or stand in what it wrote.
/// </summary>
[Category("Jaccl")]
[Category("Sanitized")]
public sealed class SanitizedJacclTests
{
    [TestCase(false, 3, 1)]
    [TestCase(true, 3, 3)]
    public void OperationsOfEveryType(bool isRing, int size, int wires)
    {
        var shape = new JacclShape(isRing, size, wires);
        using var ranks = new LocalJaccl(size);
        ranks.Form(shape);
        SanitizedRun.Operations(ranks, operation => [JacclMatrix.Command(shape, operation) with { Count = 40_000 }]);
        ranks.EndClean();
    }

    [TestCase(false)]
    [TestCase(true)]
    public void LargeAndAsynchronousOperations(bool isRing)
    {
        var shape = new JacclShape(isRing, 2, isRing ? 2 : 1);
        using var ranks = new LocalJaccl(2);
        ranks.Form(shape);
        foreach (
            var scenario in new[]
            {
                "many_slices",
                "async_in_order",
                "async_from_threads",
                "async_mixed_with_sync",
            }.Concat(isRing ? [] : ["split_keys", "split_many", "split_interleaved"])
        )
        {
            ranks.Play(shape, scenario);
        }
        ranks.EndClean();
    }

    [Test]
    public void AbortDisposeAndALostPeer()
    {
        using var ranks = new LocalJaccl(3);
        SanitizedRun.AbortDisposeAndALostPeer(
            ranks,
            6,
            round => ranks.Form(round % 3 == 0 ? JacclShape.Mesh(3) : JacclShape.Ring(3, round % 3)),
            _ => CallPlace.Host
        );
    }

    /// <summary>Forming that fails, everywhere where it can.</summary>
    [Test]
    public void FormingThatFails()
    {
        using var ranks = new LocalJaccl(2);
        var shape = JacclShape.Mesh(2);
        foreach (
            var rule in new[]
            {
                "open_device@1=EIO",
                "query_port@1=EIO",
                "open_device@1=ENOMEM",
                "alloc_pd@1=ENOMEM",
                "reg_mr@2=ENOMEM",
                "create_cq@1=ENOMEM",
                "create_qp@1=EBUSY",
                "modify_qp:INIT@1=EINVAL",
                "modify_qp:RTR@1=EINVAL",
                "modify_qp:RTS@1=EINVAL",
            }
        )
        {
            ranks.Fault(rule, rank: 1);
            Assert.That(
                LocalRanks.Answers(ranks.All(rank => ranks.Join(rank, shape))).Select(reply => reply.Failure),
                Is.All.Not.Null,
                rule
            );
            ranks.NothingIsLeft();
        }
        ranks.Fault("");
        ranks.Form(shape);
        ranks.Play(shape, "check");
        ranks.EndClean();
    }
}
