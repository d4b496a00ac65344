using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Jaccl;

/// <summary>A connection of a rank: to a peer of a mesh, or one of the wires to a neighbour in a ring.</summary>
internal readonly record struct WireLink(WireSide Side, int Number)
{
    /// <summary>In a mesh; the number is the peer's rank.</summary>
    public static WireLink To(int peer) => new(WireSide.Peer, peer);

    public static WireLink Left(int wire) => new(WireSide.Left, wire);

    public static WireLink Right(int wire) => new(WireSide.Right, wire);

    public override string ToString() => $"{Side} {Number}";
}

internal enum WireSide
{
    Peer,
    Left,
    Right,
}

/// <summary>
/// What a rank sends on one connection: every message has the same length, and so much of each is valid.
/// </summary>
/// <param name="Link">The connection.</param>
/// <param name="First">
/// Of each message the first 16 bytes of what is valid in it, or fewer if fewer are; null: unknown.
/// </param>
internal sealed record WireSends(WireLink Link, IReadOnlyList<byte[]?> First);

/// <summary>
/// A part of an operation on one rank that begins when the one before it has ended: messages 0 and 1 are posted at
/// once, receives before sends, in the order of the links; the others when a message of the same connection has ended.
/// </summary>
/// <param name="Length">The length of every message.</param>
/// <param name="Count">
/// The number of messages on each connection, of those that are sent and of those that are received.
/// </param>
/// <param name="Sends">What is sent, in the order of posting.</param>
/// <param name="Receives">Where messages are received from, in the order of posting.</param>
/// <param name="SharesSends">Whether message c + 2 goes to anybody only when message c has gone to all.</param>
/// <param name="InOrder">Whether receives are consumed chunk by chunk in the order of the connections.</param>
internal sealed record WireStage(
    int Length,
    int Count,
    IReadOnlyList<WireSends> Sends,
    IReadOnlyList<WireLink> Receives,
    bool SharesSends = false,
    bool InOrder = false
);

/// <summary>Stages one after the other, on connections of their own.</summary>
internal sealed record WireStrand(IReadOnlyList<WireStage> Stages);

/// <summary>
/// Which work requests each rank posts for an operation: from the rules of the wire specification (sections 4 to 9),
/// and from nothing else. The operands are those of <see cref="WireCase.Element"/>.
/// </summary>
internal sealed class WireModel
{
    private const int Page = 4096;
    private const int LargestFrame = 512 * 1024;
    private const int FirstBytes = 16;

    private readonly JacclShape _shape;
    private readonly bool _smallFrames;
    private readonly WireCase _case;
    private readonly int _rank;
    private readonly int _size;
    private readonly long _count;
    private readonly int _itemSize;
    private readonly Func<int, byte[]> _encode;

    private WireModel(JacclShape shape, bool smallFrames, WireCase next, int rank)
    {
        (_shape, _smallFrames, _case, _rank, _size, _count) = (shape, smallFrames, next, rank, shape.Size, next.Count);
        _encode = next.Type switch
        {
            nameof(Single) => value => BitConverter.GetBytes((float)value),
            nameof(Double) => value => BitConverter.GetBytes((double)value),
            nameof(Int64) => value => BitConverter.GetBytes((long)value),
            nameof(Byte) => value => [(byte)value],
            nameof(BFloat16) => value => BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(value) >> 16)),
            _ => throw new ArgumentException(next.Type),
        };
        _itemSize = _encode(0).Length;
    }

    /// <summary>The strands of an operation on one rank; none if it has no part in it.</summary>
    public static IReadOnlyList<WireStrand> Of(JacclShape shape, bool smallFrames, WireCase next, int rank)
    {
        var model = new WireModel(shape, smallFrames, next, rank);
        return
        [
            .. (shape.IsRing ? model.Ring() : model.Mesh())
                .Select(strand => new WireStrand([.. strand.Stages.Where(stage => stage.Count > 0)]))
                .Where(strand => strand.Stages.Count > 0),
        ];
    }

    /// <summary>Section 5.</summary>
    public static int FrameLength(long governing, bool smallFrames)
    {
        var length = Page;
        while (!smallFrames && length < LargestFrame && length * 2 <= governing)
        {
            length *= 2;
        }
        return length;
    }

    // ---- mesh (section 8) -------------------------------------------------------------------------------------------

    private IEnumerable<int> Peers => Enumerable.Range(0, _size).Where(rank => rank != _rank);

    private int[] Everybody => [.. Enumerable.Range(0, _size)];

    private IEnumerable<WireStrand> Mesh() =>
        _case.Operation switch
        {
            "AllReduce.Sum" or "AllReduce.Max" => [new WireStrand([.. MeshAllReduce()])],
            "ReduceScatter.Sum" => [new WireStrand([MeshScatter(_count)])],
            "AllGather" => [new WireStrand([MeshGather(_count * _itemSize, at => OfBlock(_rank, at))])],
            "Send" => MeshSend(),
            // An all-reduce of one byte, of whatever value.
            "Barrier" =>
            [
                new WireStrand([
                    new WireStage(
                        Page,
                        1,
                        [.. Peers.Select(peer => new WireSends(WireLink.To(peer), [null]))],
                        [.. Peers.Select(WireLink.To)],
                        true,
                        true
                    ),
                ]),
            ],
            _ => throw new ArgumentException(_case.Operation),
        };

    private IEnumerable<WireStage> MeshAllReduce()
    {
        if (_size == 2 || _count * _itemSize <= 32768)
        {
            yield return MeshOnePhase(0, _count);
            yield break;
        }
        var chunk = _count / _size;
        yield return MeshScatter(chunk);
        // The own chunk, now reduced.
        yield return MeshGather(
            chunk * _itemSize,
            at => ByteOf(element => Combined(Everybody, (_rank * chunk) + element), at)
        );
        if (_count > chunk * _size)
        {
            yield return MeshOnePhase(chunk * _size, _count - (chunk * _size));
        }
    }

    // Elements [first, first + count) of the own input to everybody.
    private WireStage MeshOnePhase(long first, long count)
    {
        var length = FrameLength(count * _itemSize, _smallFrames);
        var items = length / _itemSize;
        var messages = Messages(count, items, (from, to) => Elements(first + from, first + to, _rank));
        return new WireStage(
            length,
            messages.Count,
            [.. Peers.Select(peer => new WireSends(WireLink.To(peer), messages))],
            [.. Peers.Select(WireLink.To)],
            true,
            true
        );
    }

    // To each peer its block of the own input.
    private WireStage MeshScatter(long block)
    {
        var length = FrameLength(block * _itemSize, _smallFrames);
        var items = length / _itemSize;
        var count = (int)CeilDivide(block, items);
        return new WireStage(
            length,
            count,
            [
                .. Peers.Select(peer => new WireSends(
                    WireLink.To(peer),
                    Messages(block, items, (from, to) => Elements((peer * block) + from, (peer * block) + to, _rank))
                )),
            ],
            [.. Peers.Select(WireLink.To)],
            true
        );
    }

    private WireStage MeshGather(long bytes, Func<long, byte> content)
    {
        var length = FrameLength(bytes, _smallFrames);
        var messages = Messages(bytes, length, (from, to) => Bytes(content, from, to));
        return new WireStage(
            length,
            messages.Count,
            [.. Peers.Select(peer => new WireSends(WireLink.To(peer), messages))],
            [.. Peers.Select(WireLink.To)]
        );
    }

    private WireStrand[] MeshSend()
    {
        var bytes = _count * _itemSize;
        var length = FrameLength(bytes, _smallFrames);
        var messages = Messages(bytes, length, (from, to) => Bytes(at => OfBlock(_rank, at), from, to));
        return _rank == _case.From
                ?
                [
                    new WireStrand([
                        new WireStage(length, messages.Count, [new WireSends(WireLink.To(_case.To), messages)], []),
                    ]),
                ]
            : _rank == _case.To
                ? [new WireStrand([new WireStage(length, messages.Count, [], [WireLink.To(_case.From)])])]
            : [];
    }

    // ---- ring (section 9) -------------------------------------------------------------------------------------------

    private IEnumerable<WireStrand> Ring() =>
        _case.Operation switch
        {
            "AllReduce.Sum" or "AllReduce.Max" => RingAllReduce(_count, known: true),
            "ReduceScatter.Sum" => RingScatter(),
            "AllGather" => RingGather(),
            "Send" => RingSend(),
            "Barrier" => RingAllReduce(1, known: false),
            _ => throw new ArgumentException(_case.Operation),
        };

    private IEnumerable<WireStrand> RingAllReduce(long count, bool known)
    {
        var itemSize = known ? _itemSize : 1;
        var isOneWay = count * itemSize <= 32768 || count < 2L * _size * _shape.Wires;
        var (directions, wires) = isOneWay ? (1, 1) : (2, _shape.Wires);
        var chunk = CeilDivide(count, _size);
        var slice = CeilDivide(chunk, directions * wires);
        var length = FrameLength(slice * itemSize, _smallFrames);
        var items = length / itemSize;
        for (var wire = 0; wire < wires; wire++)
        {
            var stages = new List<WireStage>();
            for (var step = 0; step < (2 * _size) - 2; step++)
            {
                stages.Add(
                    RingStep(
                        wire,
                        directions,
                        length,
                        slice,
                        items,
                        direction =>
                        {
                            // The chunk that leaves in this step has come from the rank that has its number, and
                            // everybody on its way has combined.
                            var number = Modulo(direction == 0 ? _rank - step : _rank + step);
                            var on = Enumerable
                                .Range(0, Math.Min(step + 1, _size))
                                .Select(hop => Modulo(direction == 0 ? number + hop : number - hop))
                                .ToArray();
                            return (from, to) =>
                                known
                                    ? RingElements(
                                        number * chunk,
                                        chunk,
                                        count,
                                        wires,
                                        slice,
                                        wire,
                                        direction,
                                        from,
                                        to,
                                        on
                                    )
                                    : null;
                        }
                    )
                );
            }
            yield return new WireStrand(stages);
        }
    }

    private IEnumerable<WireStrand> RingScatter()
    {
        var wires = _count * _itemSize <= 65536 || _size * _count < 2L * _size * _shape.Wires ? 1 : _shape.Wires;
        var slice = CeilDivide(_count, 2 * wires);
        var length = FrameLength(slice * _itemSize, _smallFrames);
        for (var wire = 0; wire < wires; wire++)
        {
            var stages = new List<WireStage>();
            for (var step = 0; step < _size - 1; step++)
            {
                stages.Add(
                    RingStep(
                        wire,
                        2,
                        length,
                        slice,
                        length / _itemSize,
                        direction =>
                        {
                            var number = Modulo(direction == 0 ? _rank - 1 - step : _rank + 1 + step);
                            var on = Enumerable
                                .Range(0, step + 1)
                                .Select(hop => Modulo(direction == 0 ? number + 1 + hop : number - 1 - hop))
                                .ToArray();
                            return (from, to) =>
                                RingElements(
                                    number * _count,
                                    _count,
                                    long.MaxValue,
                                    wires,
                                    slice,
                                    wire,
                                    direction,
                                    from,
                                    to,
                                    on
                                );
                        }
                    )
                );
            }
            yield return new WireStrand(stages);
        }
    }

    private IEnumerable<WireStrand> RingGather()
    {
        // The layout that was meant (9.4).
        var bytes = _count * _itemSize;
        var wires = _shape.Wires;
        var slice = CeilDivide(bytes, 2 * wires);
        var length = FrameLength(slice, _smallFrames);
        for (var wire = 0; wire < wires; wire++)
        {
            var stages = new List<WireStage>();
            for (var step = 0; step < _size - 1; step++)
            {
                stages.Add(
                    RingStep(
                        wire,
                        2,
                        length,
                        slice,
                        length,
                        direction =>
                        {
                            var block = Modulo(direction == 0 ? _rank - step : _rank + step);
                            var begin = ((direction * wires) + wire) * slice;
                            var end = Math.Min(Math.Min(bytes, (direction + 1) * wires * slice), begin + slice);
                            return (from, to) =>
                                Bytes(at => OfBlock(block, at), begin + from, Math.Min(begin + to, end));
                        }
                    )
                );
            }
            yield return new WireStrand(stages);
        }
    }

    private IEnumerable<WireStrand> RingSend()
    {
        var bytes = _count * _itemSize;
        var share = CeilDivide(bytes, _shape.Wires);
        var length = FrameLength(share, _smallFrames);
        for (var wire = 0; wire < _shape.Wires; wire++)
        {
            var begin = Math.Min(wire * share, bytes);
            var messages = Messages(
                Math.Min((wire + 1) * share, bytes) - begin,
                length,
                (from, to) => Bytes(at => OfBlock(_rank, at), begin + from, begin + to)
            );
            // To the left if the left neighbour is meant, from the right if the right one is; with two ranks they are
            // the same.
            if (_rank == _case.From)
            {
                var link = _case.To == Modulo(_rank - 1) ? WireLink.Left(wire) : WireLink.Right(wire);
                yield return new WireStrand([
                    new WireStage(length, messages.Count, [new WireSends(link, messages)], []),
                ]);
            }
            else if (_rank == _case.To)
            {
                var link = _case.From == Modulo(_rank + 1) ? WireLink.Right(wire) : WireLink.Left(wire);
                yield return new WireStrand([new WireStage(length, messages.Count, [], [link])]);
            }
        }
    }

    // One step on one wire: a slice goes to the right in direction 0, and to the left in direction 1.
    private static WireStage RingStep(
        int wire,
        int directions,
        int length,
        long slice,
        int items,
        Func<int, Func<long, long, byte[]?>> content
    )
    {
        var messages = Enumerable
            .Range(0, directions)
            .Select(direction => Messages(slice, items, content(direction), clip: false))
            .ToList();
        return new WireStage(
            length,
            messages[0].Count,
            [
                .. messages.Select(
                    (some, direction) =>
                        new WireSends(direction == 0 ? WireLink.Right(wire) : WireLink.Left(wire), some)
                ),
            ],
            [.. messages.Select((_, direction) => direction == 0 ? WireLink.Left(wire) : WireLink.Right(wire))]
        );
    }

    // Elements [from, to) of a slice of the chunk that begins at an element of the whole data.
    private byte[] RingElements(
        long begin,
        long chunk,
        long count,
        int wires,
        long slice,
        int wire,
        int direction,
        long from,
        long to,
        int[] ranks
    )
    {
        var first = ((direction * wires) + wire) * slice;
        var end = Math.Min(Math.Min(chunk, (direction + 1) * wires * slice), first + slice);
        return Elements(begin + first + from, Math.Min(begin + Math.Min(first + to, end), count), ranks);
    }

    // ---- content ----------------------------------------------------------------------------------------------------

    // One entry per message of so many items each.
    private static List<byte[]?> Messages(long total, long each, Func<long, long, byte[]?> content, bool clip = true)
    {
        var messages = new List<byte[]?>();
        for (long from = 0; from < total; from += each)
        {
            messages.Add(content(from, clip ? Math.Min(total, from + each) : from + each));
        }
        return messages;
    }

    private byte[] Elements(long from, long to, params int[] ranks)
    {
        var bytes = new List<byte>();
        for (var index = from; index < to && bytes.Count < FirstBytes; index++)
        {
            bytes.AddRange(_encode(Combined(ranks, index)));
        }
        return [.. bytes.Take(FirstBytes)];
    }

    private static byte[] Bytes(Func<long, byte> content, long from, long to)
    {
        var bytes = new List<byte>();
        for (var at = from; at < to && bytes.Count < FirstBytes; at++)
        {
            bytes.Add(content(at));
        }
        return [.. bytes];
    }

    private byte OfBlock(int rank, long at) => ByteOf(element => WireCase.Element(rank, element), at);

    private byte ByteOf(Func<long, int> element, long at) => _encode(element(at / _itemSize))[at % _itemSize];

    private int Combined(int[] ranks, long index) =>
        _case.Operation == "AllReduce.Max"
            ? ranks.Max(rank => WireCase.Element(rank, index))
            : ranks.Sum(rank => WireCase.Element(rank, index));

    private int Modulo(int rank) => ((rank % _size) + _size) % _size;

    private static long CeilDivide(long a, long b) => (a + b - 1) / b;
}
