using System.Diagnostics;
using System.Text.Json;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Trials;

/// <summary>
/// Hosts that vanish without a word, and hosts whose programs only do not read for a minute, with the limits that
/// users have; Silence of the native tests has more cases, with shorter ones. The cases run side by side: each mostly
/// waits.
/// </summary>
[Category("Faults")]
// Mostly they wait: beside the tests that may run side by side.
[Parallelizable(ParallelScope.Self)]
public sealed class SilenceTests
{
    private const int Message = 64 << 20;
    private const int Part = 8 << 20;

    /// <summary>How long a reader does not read: three times the limit.</summary>
    private static readonly TimeSpan _nap = TimeSpan.FromSeconds(60);

    /// <summary>Within this time a vanished host is noticed: 20 seconds, and what a busy machine adds.</summary>
    private static readonly TimeSpan _bound = TimeSpan.FromSeconds(60);

    private Task<Reply[]>? _sleeping;
    private Task<Reply[]>? _stopped;
    private Task<Reply[]>? _cut;
    private Task<Reply[]>? _cutWithoutReader;

    [OneTimeSetUp]
    public void StartAll()
    {
        if (VirtualCable.Unavailable() is { } reason)
        {
            TestContext.Progress.WriteLine($"Not run: SilenceTests: {reason}");
            Assert.Ignore(reason);
        }
        _sleeping = Start((ring, _) => ReadAfterANap(ring, () => { }, () => { }));
        _stopped = Start((ring, _) => ReadAfterANap(ring, ring.Workers[1].Stop, ring.Workers[1].Continue));
        _cut = Start(CutWhileBytesFlow);
        _cutWithoutReader = Start(CutWhileThePeerDoesNotRead);
    }

    [OneTimeTearDown]
    public void AwaitAll()
    {
        // Whatever fails: no process and no namespace is left behind.
        foreach (var task in new[] { _sleeping, _stopped, _cut, _cutWithoutReader })
        {
            ((IAsyncResult?)task)?.AsyncWaitHandle.WaitOne();
        }
    }

    [Test]
    public async Task AReaderThatSleepsForAMinuteIsNotLost() => Succeeded(await _sleeping!);

    [Test]
    public async Task AReaderThatIsStoppedForAMinuteIsNotLost() => Succeeded(await _stopped!);

    [Test]
    public async Task ACutInTheMiddleOfAMessageIsNoticedByBoth() => Lost(await _cut!);

    /// <summary>The sender waits for room that its peer's host cannot give any more.</summary>
    [Test]
    public async Task ACutWhileThePeerDoesNotReadIsNoticedByBoth()
    {
        var replies = await _cutWithoutReader!;
        if (Environment.OSVersion.Version < new Version(6, 15))
        {
            Assert.Ignore("before Linux 6.15 a host whose program does not read is asked up to two minutes apart");
        }
        Lost(replies);
    }

    private static Task<Reply[]> Start(Func<CableRing, VirtualCable, Reply[]> play) =>
        Task.Factory.StartNew(
            () =>
            {
                using var cable = new VirtualCable();
                using var ring = new CableRing(cable);
                ring.Form();
                return play(ring, cable);
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default
        );

    private static Reply[] ReadAfterANap(CableRing ring, Action before, Action after)
    {
        var sent = ring.Workers[0].Send(Once("SendRight", Message));
        var begun = ring.Workers[1].Do(Once("ReceiveLeft", Part));
        before();
        Thread.Sleep(_nap); // how long it does not read
        after();
        var received = ring.Workers[1].Send(Once("ReceiveLeft", Message - Part));
        return [begun, sent.Answer(), received.Answer(), .. ring.Barrier()];
    }

    private static Reply[] CutWhileBytesFlow(CableRing ring, VirtualCable cable)
    {
        var endless = Once("SendRight", Message) with { Iterations = int.MaxValue, AnnounceAfter = 1 };
        var reading = endless with { Operation = "ReceiveLeft" };
        var calls = new[] { ring.Workers[0].Send(endless), ring.Workers[1].Send(reading) };
        foreach (var call in calls)
        {
            call.Announced();
        }
        return Cut(calls, cable);
    }

    private static Reply[] CutWhileThePeerDoesNotRead(CableRing ring, VirtualCable cable)
    {
        var sent = ring.Workers[0].Send(Once("SendRight", Message));
        sent.Announced();
        Thread.Sleep(TimeSpan.FromSeconds(5)); // until there is no more room
        var lost = Cut([sent], cable)[0];
        Thread.Sleep(TimeSpan.FromSeconds(5)); // the other looks as often, not at the same moment
        return [lost, ring.Workers[1].Do(Once("SendRight", 1)) with { Began = lost.Began }];
    }

    // Both answers, as if they had begun with the cut.
    private static Reply[] Cut(WorkerProcess.Call[] calls, VirtualCable cable)
    {
        var moment = Stopwatch.GetTimestamp();
        cable.Cut();
        return [.. calls.Select(call => call.Answer(TimeSpan.FromSeconds(200)) with { Began = moment })];
    }

    private static void Succeeded(Reply[] replies) =>
        Assert.That(replies.Select(reply => reply.Failure?.Text), Is.All.Null);

    private static void Lost(Reply[] replies)
    {
        for (var rank = 0; rank < replies.Length; rank++)
        {
            var failure = replies[rank].Failure;
            var elapsed = Stopwatch.GetElapsedTime(replies[rank].Began, replies[rank].Ended);
            TestContext.Out.WriteLine($"rank {rank} after {elapsed.TotalSeconds:F1} s: {failure?.Text}");
            Assert.That(failure?.Type, Is.EqualTo(nameof(PeerLostException)), $"rank {rank}: {failure?.Text}");

            // Of a connection on which nothing is in flight the system may find it out first, and says it in its own
            // words.
            var words = $"rank {1 - rank}'s host has not acknowledged anything for 20 s";
            Assert.That(failure!.Text, Does.Contain(words).Or.Contain("No route to host"));
            Assert.That(elapsed, Is.LessThan(_bound), $"rank {rank}");
        }
    }

    private static Command Once(string operation, int count) =>
        new()
        {
            Name = CommandNames.Loop,
            Operation = operation,
            Count = count,
        };

    /// <summary>A ring of two workers at the two ends of a cable.</summary>
    private sealed class CableRing(VirtualCable cable)
        : LocalRanks(cable.Hosts.Select(host => new WorkerProcess(networkNamespace: host)))
    {
        private readonly string _hostFile = HostFile.Write(
            JsonSerializer.Serialize(new[] { 0, 1 }.Select(host => new[] { $"{VirtualCable.Address(host)}:5000" }))
        );

        public override int Sockets => 1;

        /// <summary>Forms the group, with the deadline of operations that users have.</summary>
        public void Form()
        {
            var join = new Command
            {
                Name = CommandNames.Create,
                HostFile = _hostFile,
                OperationSeconds = 300,
            };
            var replies = Answers(All(rank => join with { Rank = rank }));
            if (replies.Select(reply => reply.Failure).FirstOrDefault(failure => failure is not null) is { } failure)
            {
                throw new InvalidOperationException(failure.Text);
            }
        }

        public List<Reply> Barrier() => Answers(All(_ => Once("Barrier", 0)));

        public override void Dispose()
        {
            base.Dispose();
            HostFile.Delete(_hostFile);
        }
    }
}
