using System.Buffers.Binary;
using System.Globalization;
using NativeCollectives.Hosting;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Tests.Hosting;

namespace NativeCollectives.Tests.Trials;

/// <summary>
/// A rank that knows the replicator's rounds and lies in one field of a record: every other rank ends with a clear
/// error, or unharmed, and nothing grows. <c>NC_FUZZ_SEED</c>, <c>NC_FUZZ_ROUNDS</c> and <c>NC_FUZZ_ROUND</c> are as in
/// <c>native/tests/fuzz.h</c>.
/// </summary>
[Category("Hosting")]
[CancelAfter(120_000)]
public sealed class ReplicatorFuzzTests
{
    private const int MostBytes = 1 << 20;

    // Nothing here waits for a timeout.
    private static readonly RequestReplicatorOptions _limits = new()
    {
        MaxMessageBytes = MostBytes,
        MaxBufferedBytes = MostBytes,
        HeartbeatInterval = TimeSpan.FromMilliseconds(100),
        PeerTimeout = TimeSpan.FromSeconds(40),
    };

    /// <summary>Whatever 512 bytes say, they are no record or one whose parts can be read.</summary>
    [Test]
    public void RecordsOfAnyBytes()
    {
        int sound = 0;
        int rounds = Fuzzer.Run(
            "records of the replicator",
            20_000,
            random =>
            {
                byte[] record = new byte[RoundRecord.Size];
                RoundRecord.Write(record, (RoundWord)random.Next(1, 7), new byte[random.Next(RoundRecord.Room + 1)]);
                Field field = _fields[random.Next(_fields.Length)];
                field.Lie(record, random);
                if (random.Next(4) == 0)
                {
                    random.NextBytes(record.AsSpan(random.Next(RoundRecord.Size)));
                }

                if (!RoundRecord.TryRead(record, out RoundWord word, out int length))
                {
                    return;
                }

                sound++;
                Assert.That(Enum.IsDefined(word) && length >= 0);
                if (length <= RoundRecord.Room)
                {
                    Assert.That(RoundRecord.Bytes(record, length).Length, Is.EqualTo(length));
                    Assert.That(RoundRecord.Reason(record, length).Length, Is.LessThanOrEqualTo(RoundRecord.Room));
                }
                else
                {
                    Assert.That(word, Is.EqualTo(RoundWord.Message));
                }
            }
        );
        Assert.That(sound, Is.InRange(1, rounds));
    }

    [Test]
    public async Task ARankThatLiesInItsRecord(CancellationToken cancellation)
    {
        Dictionary<string, int> outcomes = [];
        await Fuzzer.RunAsync(
            "ranks that lie to the replicator",
            120,
            async random =>
            {
                int liar = random.Next(3);
                int liedIn = random.Next(4);
                Field field = _fields[random.Next(_fields.Length)];
                int[] sizes =
                [
                    .. Enumerable
                        .Range(0, 3)
                        .Select(_ =>
                            random.Next(3) == 0 ? random.Next(MostBytes / 4) : random.Next(RoundRecord.Room + 2)
                        ),
                ];
                string what = $"rank {liar} lies in {field.Name} of its record {liedIn}";
                using var ring = await InProcessRing.FormAsync(3, cancellation);
                long before = GC.GetTotalAllocatedBytes();
                var lie = new Lie(ring.Groups[liar], field, liedIn, random);
                RequestReplicator[] ranks =
                [
                    .. Enumerable
                        .Range(0, 3)
                        .Where(rank => rank != liar)
                        .Select(rank => new RequestReplicator(ring.Groups[rank], ownsGroup: true, _limits)),
                ];
                Task lying = Task.Run(
                    () => liar == 0 ? lie.PublishAsync(sizes) : lie.ConsumeAsync(),
                    CancellationToken.None
                );
                Task<string>[] honest =
                [
                    .. ranks.Select(rank =>
                        OutcomeAsync(rank.IsPublisher ? PublishAsync(rank, sizes) : ReadAsync(rank))
                    ),
                ];

                // A liar that has said all it has to say leaves as a process that ends; one that others have left is
                // not waited for.
                _ = lying.ContinueWith(_ => ring.Groups[liar].Abort(), TaskScheduler.Default);
                string[] ends = await Task.WhenAll(honest).WaitAsync(TimeSpan.FromSeconds(60), cancellation);
                ring.Groups[liar].Abort();
                await ((Task)lying).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                foreach (var rank in ranks)
                {
                    await rank.DisposeAsync();
                }

                Assert.That(ends, Has.None.StartsWith("wrong"), what);
                Assert.That(GC.GetTotalAllocatedBytes() - before, Is.LessThan(16L * MostBytes), what);
                foreach (string end in ends)
                {
                    outcomes[end] = outcomes.GetValueOrDefault(end) + 1;
                }
            }
        );
        TestContext.Out.WriteLine(
            string.Join(
                ", ",
                outcomes.OrderBy(outcome => outcome.Key).Select(outcome => $"{outcome.Value} {outcome.Key}")
            )
        );

        async Task PublishAsync(RequestReplicator publisher, int[] sizes)
        {
            foreach (int size in sizes)
            {
                await publisher.PublishAsync(new byte[size], cancellation);
            }
            await publisher.CompleteAsync(cancellationToken: cancellation);
        }

        async Task ReadAsync(RequestReplicator consumer)
        {
            await foreach (var message in consumer.ReadAllAsync(cancellation))
            {
                Assert.That(message.Length, Is.LessThanOrEqualTo(MostBytes));
            }
        }
    }

    private static readonly Field[] _fields =
    [
        new("the mark", 0, 4),
        new("the word", 4, 1),
        new("the zeros", 5, 3),
        new("the length", 8, 4),
        new("the bytes", 12, 8),
    ];

    private static async Task<string> OutcomeAsync(Task task)
    {
        try
        {
            await task;
            return "unharmed";
        }
        catch (RequestReplicationException exception)
        {
            return
                exception.Rank is >= 0 and < 3
                && exception.Message.Contains($"ank {exception.Rank}", StringComparison.Ordinal)
                ? "refused"
                : $"wrong: it names nobody: {exception.Message}";
        }
        catch (CollectiveMismatchException)
        {
            return "refused by the group";
        }
        catch (PeerLostException)
        {
            return "left";
        }
        catch (Exception exception)
        {
            return $"wrong: {exception}";
        }
    }

    /// <summary>A part of a record.</summary>
    private sealed record Field(string Name, int Place, int Bytes)
    {
        public void Lie(Span<byte> record, Random random)
        {
            Span<byte> field = record.Slice(Place, Bytes);
            byte[] truth = field.ToArray();
            while (field.SequenceEqual(truth))
            {
                if (Bytes == 4 && random.Next(3) > 0)
                {
                    int number = BinaryPrimitives.ReadInt32LittleEndian(truth);
                    int[] lies =
                    [
                        0,
                        1,
                        -1,
                        int.MaxValue,
                        int.MinValue,
                        number + 1,
                        number - 1,
                        RoundRecord.Room,
                        RoundRecord.Room + 1,
                        RoundRecord.Size,
                        MostBytes,
                        MostBytes + 1,
                    ];
                    BinaryPrimitives.WriteInt32LittleEndian(field, lies[random.Next(lies.Length)]);
                }
                else
                {
                    random.NextBytes(field);
                    if (Bytes == 1)
                    {
                        field[0] %= 9;
                    }
                }
            }
        }
    }

    /// <summary>A rank of a replication as it should be, but for one record.</summary>
    private sealed class Lie(DistributedGroup group, Field field, int liedIn, Random random)
    {
        private readonly byte[] _own = new byte[RoundRecord.Size];
        private readonly byte[] _all = new byte[group.Size * RoundRecord.Size];
        private int _told;

        public async Task PublishAsync(int[] sizes)
        {
            foreach (int size in sizes)
            {
                byte[] message = new byte[size];
                do
                {
                    await ExchangeAsync(RoundWord.Message, message);
                } while (!EverybodyHasRoom());
                if (size > RoundRecord.Room)
                {
                    await group.BroadcastAsync<byte>(message, 0);
                }
            }
            await ExchangeAsync(RoundWord.Complete, default);
        }

        public async Task ConsumeAsync()
        {
            while (true)
            {
                await ExchangeAsync(RoundWord.Ready, default);
                if (
                    !RoundRecord.TryRead(_all.AsSpan(0, RoundRecord.Size), out RoundWord word, out int length)
                    || word == RoundWord.Complete
                )
                {
                    return;
                }
                if (word == RoundWord.Message && length > RoundRecord.Room && EverybodyHasRoom())
                {
                    await group.BroadcastAsync<byte>(new byte[length], 0);
                }
            }
        }

        private bool EverybodyHasRoom() =>
            Enumerable
                .Range(0, group.Size)
                .All(rank =>
                    !RoundRecord.TryRead(
                        _all.AsSpan(rank * RoundRecord.Size, RoundRecord.Size),
                        out RoundWord word,
                        out _
                    )
                    || word != RoundWord.Full
                );

        private Task ExchangeAsync(RoundWord word, ReadOnlySpan<byte> message)
        {
            RoundRecord.Write(_own, word, message);
            if (_told++ == liedIn)
            {
                field.Lie(_own, random);
            }
            return group.AllGatherAsync<byte>(_own, _all);
        }
    }
}
