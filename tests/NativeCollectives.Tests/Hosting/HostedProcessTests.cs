using System.Diagnostics;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Tests.Tool;

namespace NativeCollectives.Tests.Hosting;

/// <summary>How the process of a host ends when its group has failed.</summary>
[Category("Hosting")]
[CancelAfter(60_000)]
public sealed class HostedProcessTests
{
    /// <summary>Its program calls nothing: nobody but the group finds out.</summary>
    [TestCase(true, 1)]
    [TestCase(false, 0)]
    public async Task AWorkerWhosePeerDiesEndsAsConfigured(bool stops, int code, CancellationToken cancellation)
    {
        using var hosts = new HostFile(2, 1);
        hosts.Release();
        Process[] ranks = [.. Enumerable.Range(0, 2).Select(rank => Start(hosts, rank, stops))];
        try
        {
            foreach (var (index, rank) in ranks.Index())
            {
                Assert.That(await rank.StandardOutput.ReadLineAsync(cancellation), Is.EqualTo($"rank {index}"));
            }

            _ = Signals.Kill(ranks[0].Id, 9);
            if (!stops)
            {
                // It goes on, until it is asked to end.
                await UntilAsync(ranks[1].StandardError, "A group has failed", cancellation);
                _ = Signals.Kill(ranks[1].Id, 15);
            }

            var errors = await ranks[1].StandardError.ReadToEndAsync(cancellation);
            await ranks[1].WaitForExitAsync(cancellation);
            Assert.That(ranks[1].ExitCode, Is.EqualTo(code), errors);
            Assert.That(
                errors.Contains("The host stops, because the group", StringComparison.Ordinal),
                Is.EqualTo(stops)
            );
        }
        finally
        {
            Array.ForEach(ranks, ChildProcesses.End);
        }
    }

    /// <summary>A rank leaves, with exit code 0, although the other waits for it: the other's code starts the job again.</summary>
    [Test]
    public async Task LaunchStartsTheJobAgainWhenAPeerHasLeft(CancellationToken cancellation)
    {
        var end = await LaunchRun.ToEnd(
            ["-n", "2", "--backend", "ring", "--restart", "1", .. LaunchRun.Program("hosted-rank.dll"), "sum"],
            cancellation
        );
        Assert.That(end.ExitCode, Is.Zero, end.Errors);
        Assert.That(end.Errors, Does.Contain("rank 1").And.Contain("collectives: the job starts again (1 of 1)"));
        Assert.That(end.Lines, Is.EqualTo(new[] { "rank 0: 3", "rank 1: 3" }));
    }

    private static async Task UntilAsync(StreamReader output, string text, CancellationToken cancellation)
    {
        while (await output.ReadLineAsync(cancellation) is { } line)
        {
            if (line.Contains(text, StringComparison.Ordinal))
            {
                return;
            }
        }

        Assert.Fail($"The output ended without \"{text}\".");
    }

    private static Process Start(HostFile hosts, int rank, bool stops)
    {
        var start = new ProcessStartInfo(CollectivesTool.Dotnet)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "hosted-rank.dll"));
        start.ArgumentList.Add("wait");
        start.Environment["MLX_RANK"] = $"{rank}";
        start.Environment["MLX_HOSTFILE"] = hosts.Path;
        start.Environment["NativeCollectives__StopHostOnFault"] = $"{stops}";
        return ChildProcesses.Start(start);
    }
}
