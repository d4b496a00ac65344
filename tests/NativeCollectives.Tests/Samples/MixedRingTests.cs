using System.Diagnostics;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests.Samples;

/// <summary>
/// The sample among ranks of its own, and among peers that speak MLX's wire; its page and its script say the same as
/// the program.
/// </summary>
[Category("Ring")]
[CancelAfter(60_000)]
public sealed class MixedRingTests
{
    [Test]
    public async Task AllRanksAreOurs(CancellationToken cancellation) =>
        Assert.That(
            await SampleRanks.RunAsync("MixedRing", 3, cancellation),
            Is.EqualTo(Enumerable.Range(0, 3).Select(rank => Line(rank, 3) + "\n"))
        );

    /// <summary>
    /// In every place of the ring, also where left and right are one peer, and with fewer elements than ranks.
    /// </summary>
    [TestCase(2, 0)]
    [TestCase(2, 1)]
    [TestCase(3, 1)]
    [TestCase(4, 3)]
    public async Task TheOthersSpeakMlxsWire(int size, int own, CancellationToken cancellation)
    {
        using var hosts = new HostFile(size, 1);
        hosts.Release();
        Process rank = SampleRanks.Start("MixedRing", own, hosts);
        try
        {
            Task<string> printed = SampleRanks.EndAsync(rank, cancellation);
            var lines = Enumerable
                .Range(0, size)
                .Where(peer => peer != own)
                .Select(peer => PeerAsync(peer, hosts, (peer + size - 1) % size == own, cancellation));
            Assert.That(
                await Task.WhenAll(lines),
                Is.EqualTo(Enumerable.Range(0, size).Where(peer => peer != own).Select(peer => Line(peer, size)))
            );
            Assert.That(await printed, Is.EqualTo(Line(own, size) + "\n"));
        }
        finally
        {
            ChildProcesses.End(rank);
        }
    }

    [Test]
    public void ThePageShowsWhatIsPrinted()
    {
        var page = File.ReadAllText(Path.Combine(Folder, "README.md"));
        Assert.That(
            page,
            Does.Contain($"```\n{Line(0, 2)}\n{Line(1, 2).Replace(".NET", "MLX", StringComparison.Ordinal)}\n```")
        );
    }

    /// <summary>As the page says, but that both programs are ours.</summary>
    [Test]
    [Category("Tool")]
    public async Task TheLauncherRunsAMixture(CancellationToken cancellation)
    {
        var hosts = Cli.Hosts.HostFile.Read(Path.Combine(Folder, "hosts.json"));
        var path = HostFile.Write(
            (
                hosts with
                {
                    Hosts = [hosts.Hosts[0], hosts.Hosts[1] with { Command = SampleRanks.Command("MixedRing") }],
                }
            ).ToJson()
        );
        try
        {
            var printed = await SampleRanks.LaunchAsync(
                ["--backend", "ring", "--hostfile", path, "--", .. SampleRanks.Command("MixedRing")],
                cancellation
            );
            Assert.That(printed, Is.EqualTo(new[] { Line(0, 2), Line(1, 2) }));
        }
        finally
        {
            HostFile.Delete(path);
        }
    }

    [Test]
    public void TheHostFileGivesOneRankTheScript()
    {
        var file = Cli.Hosts.HostFile.Read(Path.Combine(Folder, "hosts.json"));
        Assert.That(file.Hosts, Has.Count.EqualTo(2));
        Assert.That(file.Hosts[0].Command, Is.Null);
        Assert.That(Path.Combine(NcclLibraries.RepositoryRoot, file.Hosts[1].Command![1]), Does.Exist);
    }

    private static string Folder => Path.Combine(NcclLibraries.RepositoryRoot, "samples", "MixedRing");

    /// <summary>The same calls as the sample's, by a peer; gives the same line.</summary>
    private static async Task<string> PeerAsync(
        int rank,
        HostFile hosts,
        bool isRightOfOurs,
        CancellationToken cancellation
    )
    {
        using MlxPeer peer = await MlxPeer.JoinAsync(rank, hosts, cancellation);
        var sum = await peer.AllReduceAsync([1, 2, rank], (own, incoming) => own + incoming, cancellation);
        var largest = await peer.AllReduceAsync(
            [rank, -rank],
            (own, incoming) => own < incoming ? incoming : own,
            cancellation
        );
        var everyone = await peer.AllGatherAsync([10 * rank], cancellation);
        await peer.SendRightAsync([rank + 0.5f], cancellation);
        var fromLeft = await peer.ReceiveLeftAsync(1, cancellation);
        if (isRightOfOurs)
        {
            await peer.LeftHasLeftAsync(cancellation);
        }

        return Line(rank, hosts.Hosts.Length, sum, largest, everyone, fromLeft);
    }

    /// <summary>What a rank should print.</summary>
    private static string Line(int rank, int size) =>
        Line(
            rank,
            size,
            [size, 2 * size, size * (size - 1) / 2],
            [size - 1, 0],
            [.. Enumerable.Range(0, size).Select(other => 10f * other)],
            [((rank + size - 1) % size) + 0.5f]
        );

    private static string Line(int rank, int size, params float[][] results) =>
        $"rank {rank} of {size}, .NET: {string.Join(' ', results.Select(values => $"[{string.Join(' ', values)}]"))}";
}
