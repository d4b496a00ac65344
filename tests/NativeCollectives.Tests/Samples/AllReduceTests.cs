namespace NativeCollectives.Tests.Samples;

[Category("Ring")]
[CancelAfter(60_000)]
public sealed class AllReduceTests
{
    [Test]
    public async Task EveryRankHasTheSum(CancellationToken cancellation)
    {
        var printed = await SampleRanks.RunAsync("AllReduce", 3, cancellation);
        Assert.That(printed, Is.EqualTo(Enumerable.Range(0, 3).Select(rank => $"rank {rank} of 3: [3 3 5]\n")));
    }

    [Test]
    [Category("Tool")]
    public async Task TheLauncherRunsIt(CancellationToken cancellation)
    {
        var printed = await SampleRanks.LaunchAsync(
            ["-n", "4", "--", .. SampleRanks.Command("AllReduce")],
            cancellation
        );
        Assert.That(printed, Is.EqualTo(Enumerable.Range(0, 4).Select(rank => $"rank {rank} of 4: [4 6 14]")));
    }
}
