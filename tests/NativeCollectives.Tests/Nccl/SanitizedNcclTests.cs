using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Nccl;

/// <summary>
/// A run through everything that a group of NCCL's does, in processes that may have a sanitizer's runtime in them: ./build.sh sanitizers runs this category with libraries and
/// doubles built for AddressSanitizer and UndefinedBehaviorSanitizer, and for ThreadSanitizer. Their reports end the worker, or stand in what it wrote.
/// </summary>
[Category("Nccl")]
[Category("Sanitized")]
public sealed class SanitizedNcclTests
{
    [Test]
    public void OperationsOfEveryType()
    {
        using var ranks = new LocalNccl(2);
        ranks.Form("pieces", stagingBytes: 65536);
        foreach (var operation in OperationPlan.Operations)
        {
            foreach (var (part, group) in new[] { (NcclPart.Short, "world"), (NcclPart.Pieces, "pieces") })
            {
                var replies = ranks.Do(NcclMatrix.Command(operation, part, group));
                Assert.That(replies.Select(reply => reply.Data["wrong"]), Is.All.Empty, operation);
            }
        }
        ranks.EndClean();
    }

    [Test]
    public void StreamsSplitsAndAsynchronousCalls()
    {
        using var ranks = new LocalNccl(2, jitter: true);
        foreach (var scenario in new[]
        {
            "device_on_stream", "device_on_stream_async", "device_on_two_streams", "device_behind_default_stream", "device_mixed", "device_buffer_disposed_meanwhile",
            "split_keys", "split_many", "split_interleaved", "async_in_order", "async_from_threads", "async_mixed_with_sync",
        })
        {
            ranks.Play(scenario);
        }
        ranks.EndClean();
    }

    [Test]
    public void AbortDisposeAndALostPeer()
    {
        using var ranks = new LocalNccl(3, form: false);
        for (var round = 0; round < 8; round++)
        {
            ranks.Form();
            var calls = ranks.All(_ => new Command
            {
                Name = CommandNames.Loop,
                Operation = "Any",
                Place = (CallPlace)(round % 4),
                Count = 1 << 16,
                Iterations = int.MaxValue,
                AnnounceAfter = 5,
                Seed = (ulong)round,
            });
            calls[0].Announced();
            ranks.Workers[0].Do(new Command { Name = round % 2 == 0 ? CommandNames.Abort : CommandNames.Dispose, Thread = "other" });
            Assert.That(LocalRanks.Answers(calls).Select(reply => reply.Failure), Is.All.Not.Null);
            LocalRanks.Succeed(ranks.All(_ => new Command { Name = CommandNames.Dispose }));
        }
        ranks.Form();
        var last = ranks.All(_ => new Command { Name = CommandNames.Loop, Operation = "Any", Count = 1 << 16, Iterations = int.MaxValue, AnnounceAfter = 5 });
        last[1].Announced();
        ranks.Workers[1].Kill();
        foreach (var rank in new[] { 0, 2 })
        {
            Assert.That(last[rank].Answer().Failure?.Type, Is.EqualTo(nameof(PeerLostException)));
        }
        ranks.Workers[1].Dispose();
        ranks.Workers.RemoveAt(1);
        ranks.EndClean();
    }
}
