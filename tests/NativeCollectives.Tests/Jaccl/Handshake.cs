using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Jaccl;

/// <summary>A destination record (section 3.3). The four bytes before the GID mean nothing.</summary>
internal readonly record struct Destination(int Lid, int QueuePair, int SequenceNumber, string Gid)
{
    public const int Length = 32;

    public static Destination Read(ReadOnlySpan<byte> bytes) =>
        new(
            BitConverter.ToInt32(bytes),
            BitConverter.ToInt32(bytes[4..]),
            BitConverter.ToInt32(bytes[8..]),
            Convert.ToHexStringLower(bytes[16..Length])
        );

    /// <summary>The record as it is sent.</summary>
    public byte[] ToBytes(byte padding = 0xEE) =>
        [
            .. BitConverter.GetBytes(Lid),
            .. BitConverter.GetBytes(QueuePair),
            .. BitConverter.GetBytes(SequenceNumber),
            padding,
            padding,
            padding,
            padding,
            .. Convert.FromHexString(Gid),
        ];
}

/// <summary>The rounds of the side channel (section 3.3), and what they tell of the connections.</summary>
internal sealed class Handshake
{
    private readonly JacclShape _shape;
    private readonly List<byte[][]> _rounds;

    /// <param name="shape">That of the group.</param>
    /// <param name="rounds">What each rank gave, round by round.</param>
    public Handshake(JacclShape shape, List<byte[][]> rounds) => (_shape, _rounds) = (shape, rounds);

    /// <summary>The bytes that each rank gives in each round.</summary>
    public static int[] Rounds(JacclShape shape) =>
        shape.IsRing
            ? [4, Destination.Length * shape.Wires, 4, Destination.Length * shape.Wires, 4, 4]
            : [4, Destination.Length * shape.Size, 4, 4];

    /// <summary>
    /// Takes a conversation between rank 0 and the others apart: every byte must have its place, and all must have
    /// heard the same. Ranks of ours know each other by what is in the records' padding, and may have one more round
    /// where there are more than two; what MLX's ranks see is another test's matter.
    /// </summary>
    public static Handshake Read(JacclShape shape, IReadOnlyDictionary<int, (byte[] Said, byte[] Heard)> conversations)
    {
        Assert.That(conversations.Keys, Is.EquivalentTo(Enumerable.Range(1, shape.Size - 1)), "hellos");
        var lengths = Rounds(shape);
        var more = conversations[1].Said.Length - (4 + lengths.Sum());
        Assert.That(more, shape.Size == 2 ? Is.Zero : Is.GreaterThanOrEqualTo(0), "bytes of one more round");
        foreach (var (rank, (said, heard)) in conversations)
        {
            Assert.That(said, Has.Length.EqualTo(4 + lengths.Sum() + more), $"bytes that rank {rank} sent");
            Assert.That(
                heard,
                Has.Length.EqualTo((lengths.Sum() + more) * shape.Size),
                $"bytes that rank {rank} was sent"
            );
            Assert.That(heard, Is.EqualTo(conversations[1].Heard), $"what ranks 1 and {rank} were sent");
        }
        var rounds = new List<byte[][]>();
        var (mine, all) = (4, 0);
        foreach (var length in lengths)
        {
            rounds.Add([
                .. Enumerable
                    .Range(0, shape.Size)
                    .Select(rank => conversations[1].Heard.AsSpan(all + (rank * length), length).ToArray()),
            ]);
            foreach (var (rank, (said, _)) in conversations)
            {
                Assert.That(
                    rounds[^1][rank],
                    Is.EqualTo(said.AsSpan(mine, length).ToArray()),
                    $"what rank {rank} gave in round {rounds.Count - 1}, as all were sent it"
                );
            }
            (mine, all) = (mine + length, all + (length * shape.Size));
        }
        return new Handshake(shape, rounds);
    }

    /// <summary>That the rounds without records say what they should.</summary>
    public void CheckLengths()
    {
        foreach (var round in _shape.IsRing ? new[] { 0, 2 } : [0])
        {
            Assert.That(
                _rounds[round].Select(bytes => BitConverter.ToInt32(bytes)),
                Is.All.EqualTo(_shape.IsRing ? _shape.Wires : _shape.Size),
                $"round {round}: the number of records"
            );
        }
        Assert.That(
            _rounds[^2].Concat(_rounds[^1]).Select(bytes => BitConverter.ToInt32(bytes)),
            Is.All.Zero,
            "the last two rounds"
        );
    }

    /// <summary>What a rank tells of its end of a connection.</summary>
    public Destination Of(int rank, WireLink link)
    {
        var (round, index) = link.Side switch
        {
            WireSide.Peer => (1, link.Number),
            WireSide.Left => (1, link.Number),
            _ => (3, link.Number),
        };
        return Destination.Read(_rounds[round][rank].AsSpan(index * Destination.Length, Destination.Length));
    }

    /// <summary>A mesh's record of the rank itself.</summary>
    public Destination OfItself(int rank) =>
        Destination.Read(_rounds[1][rank].AsSpan(rank * Destination.Length, Destination.Length));

    /// <summary>The connections of a rank.</summary>
    public IEnumerable<WireLink> Links(int rank) =>
        _shape.IsRing
            ? Enumerable.Range(0, _shape.Wires).SelectMany(wire => new[] { WireLink.Left(wire), WireLink.Right(wire) })
            : Enumerable.Range(0, _shape.Size).Where(peer => peer != rank).Select(WireLink.To);

    /// <summary>Which of a rank's queue pairs is which connection.</summary>
    public Dictionary<long, WireLink> QueuePairs(int rank) =>
        Links(rank).ToDictionary(link => (long)Of(rank, link).QueuePair, link => link);

    /// <summary>The other end of a rank's connection: left wire i is the left neighbour's right wire i.</summary>
    public (int Rank, WireLink Link) Other(int rank, WireLink link) =>
        link.Side switch
        {
            WireSide.Peer => (link.Number, WireLink.To(rank)),
            WireSide.Left => ((rank + _shape.Size - 1) % _shape.Size, WireLink.Right(link.Number)),
            _ => ((rank + 1) % _shape.Size, WireLink.Left(link.Number)),
        };
}
