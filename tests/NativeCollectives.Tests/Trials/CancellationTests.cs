using System.Diagnostics;
using NativeCollectives.Tests.Hosting;

namespace NativeCollectives.Tests.Trials;

/// <summary>
/// A cancellation comes too late, and then the operation ended well and the group is usable, or the task is cancelled.
/// Never does an operation end well whose cancellation ended the group.
/// </summary>
[Category("Faults")]
[CancelAfter(120_000)]
public sealed class CancellationTests
{
    private const int Rounds = 400;

    [Test]
    public async Task ComesTooLateOrCancelsTheTask([Values(1, 20_000)] int count, CancellationToken cancellation)
    {
        var random = new Random(count);
        var (tooLate, before, running) = (0, 0, 0);

        // Seeks the moment of the operation's end, wherever that is on this machine.
        var delay = 100.0;
        InProcessRing? ring = null;
        try
        {
            for (var round = 0; round < Rounds; round++)
            {
                ring ??= await InProcessRing.FormAsync(2, cancellation);
                var groups = ring.Groups;
                var (own, others) = (Enumerable.Repeat(1, count).ToArray(), Enumerable.Repeat(1, count).ToArray());
                var peer = groups[1].AllSumAsync<int>(others, cancellationToken: cancellation);
                using var source = new CancellationTokenSource();
                var task = groups[0].AllSumAsync<int>(own, cancellationToken: source.Token);
                SpinFor(TimeSpan.FromMicroseconds(delay * (0.5 + random.NextDouble())));
                await source.CancelAsync();
                await ((Task)task.WaitAsync(cancellation)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                var isFaulted = groups[0].IsFaulted;
                if (task.IsCompletedSuccessfully)
                {
                    tooLate++;
                    delay = Math.Max(delay / 1.2, 1);
                    Assert.That(
                        isFaulted,
                        Is.False,
                        $"round {round}: the operation ended well, and its cancellation ended the group"
                    );
                    Assert.That(own, Is.All.EqualTo(2));
                    await peer;
                    await Task.WhenAll(groups.Select(group => group.BarrierAsync(cancellationToken: cancellation)));
                    continue;
                }

                Assert.That(
                    task.Status,
                    Is.EqualTo(TaskStatus.Canceled),
                    $"round {round}: {task.Exception?.InnerException}"
                );
                delay = Math.Min(delay * 1.2, 20_000);
                if (isFaulted)
                {
                    running++;
                    Assert.Throws<GroupAbortedException>(() => groups[0].Barrier());
                }
                else
                {
                    before++;
                }

                // Either way the ranks are no longer in step.
                ring.Dispose();
                ring = null;
                await peer.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        finally
        {
            ring?.Dispose();
        }

        TestContext.Out.WriteLine(
            $"{Rounds} rounds: {tooLate} too late, {before} before the operation started, {running} while it was "
                + "running"
        );
        Assert.That(tooLate, Is.Positive);
    }

    /// <summary>
    /// The group that a cancelled split makes is nobody's: its peers learn so, as of any group that is left.
    /// </summary>
    [Test]
    public async Task OfASplitLeavesNoGroupBehind(CancellationToken cancellation)
    {
        var random = new Random(3);
        var delay = 500.0;
        for (var round = 0; round < 60; round++)
        {
            using var ring = await InProcessRing.FormAsync(2, cancellation);
            var peer = ring.Groups[1].SplitAsync(0, cancellationToken: cancellation);
            using var source = new CancellationTokenSource();
            var task = ring.Groups[0].SplitAsync(0, cancellationToken: source.Token);
            SpinFor(TimeSpan.FromMicroseconds(delay * (0.5 + random.NextDouble())));
            await source.CancelAsync();
            await ((Task)task.WaitAsync(cancellation)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (task.IsCompletedSuccessfully)
            {
                delay = Math.Max(delay / 1.3, 1);
                Assert.That(ring.Groups[0].IsFaulted, Is.False, $"round {round}");
                using var part = task.Result;
                using var others = await peer;
                await Task.WhenAll(
                    part.BarrierAsync(cancellationToken: cancellation),
                    others.BarrierAsync(cancellationToken: cancellation)
                );
                continue;
            }

            delay = Math.Min(delay * 1.3, 50_000);
            Assert.That(
                task.Status,
                Is.EqualTo(TaskStatus.Canceled),
                $"round {round}: {task.Exception?.InnerException}"
            );
            ring.Groups[0].Dispose();
            await ((Task)peer.WaitAsync(cancellation)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (peer.IsCompletedSuccessfully)
            {
                using var others = peer.Result;
                await Assert.ThatAsync(
                    () => others.BarrierAsync(cancellationToken: cancellation),
                    Throws.InstanceOf<CollectiveException>()
                );
            }
        }
    }

    private static void SpinFor(TimeSpan time)
    {
        var begin = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begin) < time)
        {
            Thread.Yield();
        }
    }
}
