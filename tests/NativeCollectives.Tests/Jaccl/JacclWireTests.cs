using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Jaccl;

/// <summary>
/// What ranks really post, in the order in which they post it, against <see cref="WireModel"/>, which knows the wire
/// specification only. The ranks have MLX's queue pairs; the software verbs record every work request and completion;
/// what the ranks tell each other while they form the group says which queue pair is which connection.
/// </summary>
[Category("Jaccl")]
public sealed class JacclWireTests
{
    private readonly Dictionary<int, LocalJaccl> _ranks = [];

    [OneTimeTearDown]
    public void End()
    {
        foreach (var ranks in _ranks.Values)
        {
            ranks.Dispose();
        }
    }

    private static readonly WireCase[] _collectives =
    [
        // around the size beyond which an all-reduce has two phases in a mesh, and two directions and all wires in a
        // ring
        Sum(8192),
        Sum(8193),
        Sum(32768, nameof(Byte)),
        Sum(32769, nameof(Byte)),
        // one element; fewer than ranks; not a multiple of anything
        Sum(1),
        Sum(2),
        Sum(1009),
        // several messages
        Sum(200_003),
        Sum(70_001, nameof(Double)),
        Sum(100_001, nameof(BFloat16)),
        Sum(40_000, nameof(Int64)) with
        {
            Operation = "AllReduce.Max",
        },
        // around the size beyond which a reduce-scatter uses all wires
        Scatter(16_384),
        Scatter(16_385),
        Scatter(1),
        Scatter(150_001),
        Scatter(65_537, nameof(Byte)),
        Gather(1),
        Gather(1009),
        Gather(8191, nameof(Byte)),
        Gather(250_007),
        Gather(13, nameof(Double)),
        new() { Operation = "Barrier" },
    ];

    /// <summary>15.1 to 15.3</summary>
    private static readonly WireCase[] _examples = [Sum(750_000), Sum(750_001), Sum(8193), Sum(8192)];

    [TestCase(false, 2, 1, false)]
    [TestCase(false, 3, 1, false)]
    [TestCase(false, 4, 1, false)]
    [TestCase(true, 2, 1, false)]
    [TestCase(true, 2, 2, false)]
    [TestCase(true, 3, 1, false)]
    [TestCase(true, 3, 2, false)]
    [TestCase(true, 3, 3, false)]
    [TestCase(true, 4, 4, false)]
    [TestCase(true, 2, 4, false)]
    [TestCase(false, 2, 1, true)]
    [TestCase(false, 3, 1, true)]
    [TestCase(true, 3, 2, true)]
    public void WorkRequestsAreThoseOfTheSpecification(bool isRing, int size, int wires, bool smallFrames)
    {
        var shape = new JacclShape(isRing, size, wires);
        Check(shape, smallFrames, [.. _collectives, .. _examples, .. Sends(shape)]);
    }

    /// <summary>The specification's own count of the requests of its examples.</summary>
    [TestCase(false, 2, 1, 750_000, 12)]
    [TestCase(false, 3, 1, 750_001, 30)]
    [TestCase(true, 3, 2, 8193, 48)]
    [TestCase(true, 3, 2, 8192, 24)]
    public void RequestsOfTheWorkedExamples(bool isRing, int size, int wires, int count, int sends)
    {
        var shape = new JacclShape(isRing, size, wires);
        var folder = Record(shape, smallFrames: false, [Sum(count)], out _);
        Assert.That(
            Enumerable.Range(0, size).Sum(rank => Events(folder, 0, rank).Count(each => each.IsSend)),
            Is.EqualTo(sends)
        );
        Assert.That(
            Enumerable.Range(0, size).Sum(rank => Events(folder, 0, rank).Count(each => each.IsReceive)),
            Is.EqualTo(sends)
        );
        Assert.That(
            Enumerable.Range(0, size).Sum(rank => Events(folder, 0, rank).Count(each => each.IsCompletion)),
            Is.EqualTo(2 * sends)
        );
    }

    /// <summary>
    /// Several runs, since what is posted when depends on what ends when; with completions of different connections in
    /// any order.
    /// </summary>
    [TestCase(false, 3, 1)]
    [TestCase(true, 3, 2)]
    public void WhateverTheOrderOfCompletions(bool isRing, int size, int wires)
    {
        var shape = new JacclShape(isRing, size, wires);
        Check(
            shape,
            smallFrames: true,
            [.. Enumerable.Repeat(new[] { Sum(20_001), Scatter(20_001), Gather(20_001) }, 5).SelectMany(some => some)],
            "reorder=300"
        );
    }

    private static WireCase Sum(int count, string type = nameof(Single)) =>
        new()
        {
            Operation = "AllReduce.Sum",
            Count = count,
            Type = type,
        };

    private static WireCase Scatter(int count, string type = nameof(Single)) =>
        new()
        {
            Operation = "ReduceScatter.Sum",
            Count = count,
            Type = type,
        };

    private static WireCase Gather(int count, string type = nameof(Single)) =>
        new()
        {
            Operation = "AllGather",
            Count = count,
            Type = type,
        };

    // In both directions, to neighbours and in a mesh to others.
    private static IEnumerable<WireCase> Sends(JacclShape shape)
    {
        foreach (var count in new[] { 1, 1025, 300_001 })
        {
            yield return new WireCase
            {
                Operation = "Send",
                Count = count,
                From = 0,
                To = 1,
            };
            yield return new WireCase
            {
                Operation = "Send",
                Count = count,
                From = 1,
                To = 0,
            };
            yield return new WireCase
            {
                Operation = "Send",
                Count = count,
                From = 0,
                To = shape.Size - 1,
            };
            if (!shape.IsRing && shape.Size > 3)
            {
                yield return new WireCase
                {
                    Operation = "Send",
                    Count = count,
                    From = 3,
                    To = 1,
                };
            }
        }
    }

    private void Check(JacclShape shape, bool smallFrames, WireCase[] cases, string faults = "")
    {
        var folder = Record(shape, smallFrames, cases, out var handshake, faults);
        var wrong = new List<string>();
        for (var number = 0; number < cases.Length; number++)
        {
            for (var rank = 0; rank < shape.Size; rank++)
            {
                var strands = WireModel.Of(shape, smallFrames, cases[number], rank);
                wrong.AddRange(
                    WireCheck.Compare(
                        $"{cases[number]}, rank {rank}",
                        shape,
                        strands,
                        Events(folder, number, rank),
                        handshake.QueuePairs(rank)
                    )
                );
            }
        }
        Assert.That(wrong, Is.Empty, string.Join('\n', wrong.Take(20)));
    }

    private static List<WireEvent> Events(string folder, int number, int rank) =>
        WireEvent.Read(Path.Combine(folder, $"{number}-{rank}.jsonl"));

    // Forms a group, runs the cases, leaves it.
    private string Record(
        JacclShape shape,
        bool smallFrames,
        WireCase[] cases,
        out Handshake handshake,
        string faults = ""
    )
    {
        SoftVerbsLibrary.Require("a record of work requests");
        if (!_ranks.TryGetValue(shape.Size, out var ranks))
        {
            _ranks.Add(shape.Size, ranks = new LocalJaccl(shape.Size));
        }
        try
        {
            var folder = ranks.NewFolder("record");
            using (var tap = new CoordinatorTap(ranks.Port()))
            {
                LocalRanks.Succeed(
                    ranks.All(rank =>
                    {
                        var join = ranks.Join(rank, shape);
                        return join with
                        {
                            Jaccl = join.Jaccl! with
                            {
                                Coordinator = rank == 0 ? ranks.Coordinator() : tap.Address,
                                Frames = smallFrames ? nameof(JacclFrames.Small) : null,
                                QueuePairs = nameof(JacclQueuePairs.UnreliableConnection),
                            },
                        };
                    })
                );
                handshake = Handshake.Read(shape, tap.Conversations());
                ranks.Fault(faults);
                ranks.Do(
                    new Command
                    {
                        Name = CommandNames.Record,
                        Operation = folder,
                        Wire = cases,
                    }
                );
                ranks.Fault("");
                ranks.Do(new Command { Name = CommandNames.Dispose });
            }
            ranks.NothingIsLeft();
            return folder;
        }
        catch (Exception exception)
        {
            _ranks.Remove(shape.Size);
            ranks.Fail(exception);
            throw;
        }
    }
}
