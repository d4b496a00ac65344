using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Harness;

/// <summary>
/// Parts of the runs in processes that have a sanitizer's runtime in them: its reports end a worker, or stand in what
/// it wrote.
/// </summary>
internal static class SanitizedRun
{
    /// <summary>Every operation.</summary>
    /// <param name="ranks">The processes.</param>
    /// <param name="command">The command that runs one; it may run several parts.</param>
    public static void Operations(LocalRanks ranks, Func<string, IEnumerable<Command>> command)
    {
        foreach (var operation in OperationPlan.Operations)
        {
            foreach (var part in command(operation))
            {
                var replies = ranks.Do(part);
                Assert.That(replies.Select(reply => reply.Data["wrong"]), Is.All.Empty, operation);
            }
        }
    }

    /// <summary>
    /// Groups of three that end in the middle of operations: by abort and by dispose in turn, and at last by the death
    /// of a rank.
    /// </summary>
    /// <param name="ranks">The processes.</param>
    /// <param name="rounds">How many groups.</param>
    /// <param name="form">Forms the group of a round.</param>
    /// <param name="place">Where the operands of a round lie.</param>
    public static void AbortDisposeAndALostPeer(
        LocalRanks ranks,
        int rounds,
        Action<int> form,
        Func<int, CallPlace> place
    )
    {
        for (var round = 0; round < rounds; round++)
        {
            form(round);
            var calls = ranks.All(_ => Loop((ulong)round, place(round)));
            calls[0].Announced();
            ranks
                .Workers[0]
                .Do(
                    new Command { Name = round % 2 == 0 ? CommandNames.Abort : CommandNames.Dispose, Thread = "other" }
                );
            Assert.That(LocalRanks.Answers(calls).Select(reply => reply.Failure), Is.All.Not.Null);
            LocalRanks.Succeed(ranks.All(_ => new Command { Name = CommandNames.Dispose }));
        }
        form(rounds);
        var last = ranks.All(_ => Loop(0, CallPlace.Host));
        last[1].Announced();
        ranks.Workers[1].Kill();
        foreach (var rank in new[] { 0, 2 })
        {
            Assert.That(
                last[rank].Answer().Failure?.Type,
                Is.EqualTo(nameof(PeerLostException)),
                last[rank].Answer().Failure?.Text
            );
        }
        ranks.Workers[1].Dispose();
        ranks.Workers.RemoveAt(1);
        ranks.EndClean();
    }

    private static Command Loop(ulong seed, CallPlace place) =>
        new()
        {
            Name = CommandNames.Loop,
            Operation = "Any",
            Place = place,
            Count = 1 << 16,
            Iterations = int.MaxValue,
            AnnounceAfter = 5,
            Seed = seed,
        };
}
