using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Ring;

/// <summary>
/// A run through everything that a ring does, in processes that may have a sanitizer's runtime in them: ./build.sh
/// sanitizers runs just this category, with the libraries built for AddressSanitizer and UndefinedBehaviorSanitizer,
/// and for ThreadSanitizer. Their reports end the worker, or stand in what it wrote.
/// </summary>
[Category("Ring")]
[Category("Sanitized")]
public sealed class SanitizedRingTests
{
    [Test]
    public void OperationsOfEveryType()
    {
        using var ring = new LocalRing(3, 2);
        foreach (var operation in OperationPlan.Operations)
        {
            var replies = ring.Do(
                new Command
                {
                    Name = CommandNames.Operations,
                    Operation = operation,
                    Sockets = 2,
                    Seed = 11,
                    Count = 1009,
                }
            );
            Assert.That(replies.Select(reply => reply.Data["wrong"]), Is.All.Empty, operation);
        }
        EndClean(ring);
    }

    [Test]
    public void SlicesSplitsAndAsynchronousCalls()
    {
        using var ring = new LocalRing(2, 2);
        foreach (
            var scenario in new[]
            {
                "many_slices",
                "send_before_receive",
                "split_keys",
                "split_many",
                "split_interleaved",
                "async_in_order",
                "async_from_threads",
                "async_mixed_with_sync",
            }
        )
        {
            ring.Play(scenario);
        }
        EndClean(ring);
    }

    [Test]
    public void AbortDisposeAndALostPeer()
    {
        using var ring = new LocalRing(3, 1, form: false);
        for (var round = 0; round < 6; round++)
        {
            ring.Form();
            var calls = ring.All(_ => new Command
            {
                Name = CommandNames.Loop,
                Operation = "Any",
                Count = 1 << 18,
                Iterations = int.MaxValue,
                AnnounceAfter = 10,
                Seed = (ulong)round,
            });
            calls[0].Announced();
            ring.Workers[0]
                .Do(
                    new Command { Name = round % 2 == 0 ? CommandNames.Abort : CommandNames.Dispose, Thread = "other" }
                );
            Assert.That(LocalRing.Answers(calls).Select(reply => reply.Failure), Is.All.Not.Null);
            LocalRing.Succeed(ring.All(_ => new Command { Name = CommandNames.Dispose }));
        }
        ring.Form();
        var last = ring.All(_ => new Command
        {
            Name = CommandNames.Loop,
            Operation = "Any",
            Count = 1 << 18,
            Iterations = int.MaxValue,
            AnnounceAfter = 10,
        });
        last[1].Announced();
        ring.Workers[1].Kill();
        foreach (var rank in new[] { 0, 2 })
        {
            Assert.That(last[rank].Answer().Failure?.Type, Is.EqualTo(nameof(PeerLostException)));
        }
        ring.Workers[1].Dispose();
        ring.Workers.RemoveAt(1);
        EndClean(ring);
    }

    private static void EndClean(LocalRing ring)
    {
        ring.Do(new Command { Name = CommandNames.Dispose });
        foreach (var worker in ring.Workers)
        {
            worker.Send(new Command { Name = CommandNames.Exit });
        }
        Assert.Multiple(() =>
        {
            foreach (var worker in ring.Workers)
            {
                Assert.That(worker.WaitForExit(WorkerProcess.Patience), Is.True);
                Assert.That(worker.ExitCode, Is.Zero, worker.Errors);
                Assert.That(worker.Errors, Does.Not.Contain("Sanitizer").And.Not.Contain("runtime error"));
            }
        });
    }
}
