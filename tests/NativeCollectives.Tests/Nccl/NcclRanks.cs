using System.Diagnostics;
using System.Globalization;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Nccl;

/// <summary>
/// Processes for tests that each form groups of their own: kept from one test to the next, as long as all goes well.
/// After every test nothing of NCCL's or the driver's may be left in them, and nothing may have been written to their
/// standard error streams.
/// </summary>
internal sealed class NcclRanks : IDisposable
{
    private static readonly string[] _ofGroups = ["allocations", "pinned", "streams", "events", "communicators"];
    private readonly Dictionary<int, LocalNccl> _ranks = [];

    /// <summary>Runs a test on a group "world" of this size, freshly formed.</summary>
    public void OnGroup(int size, Action<LocalNccl> test, double operationSeconds = 60) =>
        On(
            size,
            ranks =>
            {
                ranks.Form(operationSeconds: operationSeconds);
                test(ranks);
            }
        );

    /// <summary>Runs a test on processes without a group.</summary>
    public void On(int size, Action<LocalNccl> test)
    {
        if (!_ranks.TryGetValue(size, out var ranks))
        {
            _ranks.Add(size, ranks = new LocalNccl(size, form: false));
        }
        try
        {
            test(ranks);
            ranks.Fault("nccl:");
            ranks.Fault("cuda:");
            ranks.Do(new Command { Name = CommandNames.DisposeAll });
            NothingIsLeft(ranks);
        }
        catch (Exception exception)
        {
            _ranks.Remove(size);
            ranks.Fail(exception);
            throw;
        }
    }

    /// <summary>Replaces a process that was killed, or has ended.</summary>
    public static void Replace(LocalNccl ranks, int rank)
    {
        ranks.Workers[rank].Dispose();
        ranks.Workers[rank] = WorkerPool.Take(NcclLibraries.Doubles());
    }

    /// <summary>
    /// That nothing is alive that a group or a buffer has made; what had to be left to its own end has some seconds for
    /// it.
    /// </summary>
    public static void NothingIsLeft(LocalNccl ranks)
    {
        var clock = Stopwatch.StartNew();
        foreach (var worker in ranks.Workers)
        {
            // A process in which no group was ever made has loaded no libraries; what it is asked then loads them, and
            // finds nothing.
            for (; ; )
            {
                var left = worker.Do(new Command { Name = CommandNames.Live });
                Assert.That(left.Failure, Is.Null, left.Failure?.Text);
                var alive = _ofGroups
                    .Where(kind => left.Data[kind] != "0")
                    .Select(kind => $"{left.Data[kind]} {kind}")
                    .ToList();
                if (alive.Count == 0)
                {
                    break;
                }
                Assert.That(
                    clock.Elapsed,
                    Is.LessThan(TimeSpan.FromSeconds(10)),
                    $"left in process {worker.Id}: {string.Join(", ", alive)}"
                );
                Thread.Sleep(20); // the pause of a question that is asked again
            }
            Assert.That(worker.Errors, Is.Empty, "written on the standard error stream");
        }
    }

    public static double Seconds(Reply reply) => Stopwatch.GetElapsedTime(reply.Began, reply.Ended).TotalSeconds;

    public static double Number(Reply reply, string name) =>
        double.Parse(reply.Data[name], CultureInfo.InvariantCulture);

    public void Dispose()
    {
        foreach (var ranks in _ranks.Values)
        {
            ranks.Dispose();
        }
        _ranks.Clear();
    }
}
