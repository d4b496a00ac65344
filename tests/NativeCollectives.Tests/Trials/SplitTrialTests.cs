using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Trials;

/// <summary>
/// What trials found about splits. Silent strangers at a split's port and refused connections:
/// native/tests/split_test.cpp.
/// </summary>
[Category("Faults")]
public sealed class SplitTrialTests
{
    /// <summary>
    /// A rank that dies during a split is lost, and the group that it died in is over: no failed rendezvous, no
    /// mismatch.
    /// </summary>
    [TestCase(2, 6)]
    [TestCase(3, 8)]
    [TestCase(4, 6)]
    public void ARankThatDiesDuringASplitIsLost(int size, int rounds)
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        TestContext.Out.WriteLine($"seed {seed}");
        using var ring = new LocalRing(size, 1, form: false);
        for (var round = 0; round < rounds; round++)
        {
            ring.Form();
            var calls = ring.All(_ => LocalRing.Play("split_storm"));
            var victim = random.Next(size);
            calls[victim].Announced();
            Thread.SpinWait(random.Next(2_000_000));
            ring.Workers[victim].Kill();
            for (var rank = 0; rank < size; rank++)
            {
                if (rank == victim)
                {
                    continue;
                }
                var reply = calls[rank].Answer();
                var what = $"round {round}, rank {victim} killed, rank {rank}: {reply.Failure?.Text}";
                Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(PeerLostException)), what);
                var next = ring.Workers[rank]
                    .Do(
                        new Command
                        {
                            Name = CommandNames.Loop,
                            Operation = "Barrier",
                            Iterations = 1,
                        }
                    );
                Assert.That(next.Failure?.Type, Is.EqualTo(nameof(PeerLostException)), $"afterwards, {what}");
            }
            ring.Workers[victim].Dispose();
            ring.Workers[victim] = WorkerPool.Take();
            LocalRing.Succeed(
                ring.Workers.Where((_, rank) => rank != victim)
                    .Select(worker => worker.Send(new Command { Name = CommandNames.Dispose }))
            );
        }
    }

    /// <summary>
    /// A rank without descriptors cannot join its part; all ranks are told, and the group stays usable.
    /// </summary>
    [Test]
    [Platform("Linux")]
    public void ASplitWithoutDescriptorsLeavesTheGroupUsable()
    {
        using var ring = new LocalRing(3, 1);
        foreach (var reply in ring.Play("split_exhausted"))
        {
            TestContext.Out.WriteLine($"{reply.Data["splits"]} splits, then: {reply.Data["failure"]}");
        }
    }
}
