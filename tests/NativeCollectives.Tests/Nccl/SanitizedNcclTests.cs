using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Nccl;

/// <summary>
/// A run through everything that a group of NCCL's does, in processes that may have a sanitizer's runtime in them:
/// ./build.sh sanitizers runs this category with libraries and doubles built for AddressSanitizer and
/// UndefinedBehaviorSanitizer, and for ThreadSanitizer. Their reports end the worker, or stand in what it wrote.
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
        SanitizedRun.Operations(
            ranks,
            operation =>
                [
                    NcclMatrix.Command(operation, NcclPart.Short),
                    NcclMatrix.Command(operation, NcclPart.Pieces, "pieces"),
                ]
        );
        ranks.EndClean();
    }

    [Test]
    public void StreamsSplitsAndAsynchronousCalls()
    {
        using var ranks = new LocalNccl(2, jitter: true);
        foreach (
            var scenario in new[]
            {
                "device_on_stream",
                "device_on_stream_async",
                "device_on_two_streams",
                "device_behind_default_stream",
                "device_mixed",
                "device_buffer_disposed_meanwhile",
                "split_keys",
                "split_many",
                "split_interleaved",
                "async_in_order",
                "async_from_threads",
                "async_mixed_with_sync",
            }
        )
        {
            ranks.Play(scenario);
        }
        ranks.EndClean();
    }

    [Test]
    public void AbortDisposeAndALostPeer()
    {
        using var ranks = new LocalNccl(3, form: false);
        SanitizedRun.AbortDisposeAndALostPeer(ranks, 8, _ => ranks.Form(), round => (CallPlace)(round % 4));
    }
}
