using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Jaccl;

/// <summary>
/// The model against the specification's worked examples (section 15) and tables, in their own numbers.
/// </summary>
[Category("Jaccl")]
public sealed class WireModelTests
{
    [TestCase(0, 4096)]
    [TestCase(1, 4096)]
    [TestCase(4096, 4096)]
    [TestCase(8191, 4096)]
    [TestCase(8192, 8192)]
    [TestCase(32772, 32768)]
    [TestCase(524287, 262144)]
    [TestCase(524288, 524288)]
    [TestCase(1L << 40, 524288)]
    public void Frames(long governing, int length)
    {
        Assert.That(WireModel.FrameLength(governing, smallFrames: false), Is.EqualTo(length));
        Assert.That(WireModel.FrameLength(governing, smallFrames: true), Is.EqualTo(4096));
    }

    /// <summary>15.1</summary>
    [Test]
    public void ThreeMegabytesInAMeshOfTwo()
    {
        var stage = Only(JacclShape.Mesh(2), "AllReduce.Sum", 750_000, rank: 0);
        Assert.That((stage.Length, stage.Count), Is.EqualTo((524_288, 6)));
        Assert.That(stage.Sends[0].First.Select(first => first!.Length), Is.All.EqualTo(16));
        Assert.That(
            stage.Sends[0].First[5],
            Is.EqualTo(Floats(rank: 0, 5 * 131_072)),
            "chunk 5 begins with element 655 360"
        );
        var small = WireModel
            .Of(JacclShape.Mesh(2), true, new WireCase { Operation = "AllReduce.Sum", Count = 750_000 }, 0)[0]
            .Stages.Single();
        Assert.That((small.Length, small.Count), Is.EqualTo((4096, 733)));
    }

    /// <summary>15.2</summary>
    [Test]
    public void TwoPhasesInAMeshOfThree()
    {
        for (var rank = 0; rank < 3; rank++)
        {
            var stages = WireModel
                .Of(JacclShape.Mesh(3), false, new WireCase { Operation = "AllReduce.Sum", Count = 750_001 }, rank)
                .Single()
                .Stages;
            Assert.That(
                stages.Select(stage => (stage.Length, stage.Count)),
                Is.EqualTo(new[] { (524_288, 2), (524_288, 2), (4096, 1) })
            );
            Assert.That(stages.Sum(stage => stage.Count * stage.Sends.Count), Is.EqualTo(10), "sends of each rank");
            foreach (var sends in stages[0].Sends)
            {
                Assert.That(
                    sends.First[0],
                    Is.EqualTo(Floats(rank, sends.Link.Number * 250_000)),
                    "elements p * 250 000 of peer p"
                );
                Assert.That(sends.First[1], Is.EqualTo(Floats(rank, (sends.Link.Number * 250_000) + 131_072)));
            }
            Assert.That(stages[2].Sends[0].First[0], Has.Length.EqualTo(4), "4 valid bytes");
        }
    }

    /// <summary>15.3</summary>
    [Test]
    public void TwoWiresInARingOfThree()
    {
        var strands = WireModel.Of(
            JacclShape.Ring(3, 2),
            false,
            new WireCase { Operation = "AllReduce.Sum", Count = 8193 },
            1
        );
        Assert.That(strands, Has.Count.EqualTo(2));
        Assert.That(
            strands.Sum(strand => strand.Stages.Sum(stage => stage.Count * stage.Sends.Count)),
            Is.EqualTo(16),
            "sends of each rank"
        );
        // Rank 1 begins with chunk 1, which is its own: slices [0, 683), [683, 1366), [1366, 2049), [2049, 2731).
        foreach (var (wire, direction, from) in new[] { (0, 0, 0), (1, 0, 683), (0, 1, 1366), (1, 1, 2049) })
        {
            var stage = strands[wire].Stages[0];
            Assert.That((stage.Length, stage.Count), Is.EqualTo((4096, 1)));
            Assert.That(stage.Sends[direction].First[0], Is.EqualTo(Floats(1, 2731 + from)));
            Assert.That(
                stage.Sends[direction].Link,
                Is.EqualTo(direction == 0 ? WireLink.Right(wire) : WireLink.Left(wire))
            );
            Assert.That(
                stage.Receives[direction],
                Is.EqualTo(direction == 0 ? WireLink.Left(wire) : WireLink.Right(wire))
            );
        }
        var single = WireModel
            .Of(JacclShape.Ring(3, 2), false, new WireCase { Operation = "AllReduce.Sum", Count = 8192 }, 1)
            .Single();
        Assert.That(
            single.Stages.Select(stage => (stage.Length, stage.Count, stage.Sends.Count)),
            Is.All.EqualTo((8192, 2, 1))
        );
        Assert.That(single.Stages.Sum(stage => stage.Count), Is.EqualTo(8), "sends of each rank");
    }

    /// <summary>
    /// What is sent in one place is what is received in the other: as many messages of the same length on every
    /// connection.
    /// </summary>
    [Test]
    public void EverySendHasItsReceive(
        [Values("AllReduce.Sum", "ReduceScatter.Sum", "AllGather", "Send", "Barrier")] string operation,
        [Values(1, 5, 8193, 40_000)] int count
    )
    {
        foreach (var shape in JacclPlan.Shapes)
        {
            var next = new WireCase
            {
                Operation = operation,
                Count = count,
                From = 0,
                To = 1,
            };
            var all = Enumerable.Range(0, shape.Size).Select(rank => WireModel.Of(shape, false, next, rank)).ToList();
            var sent = all.SelectMany(
                (strands, rank) =>
                    strands.SelectMany(strand =>
                        strand.Stages.SelectMany(stage =>
                            stage.Sends.SelectMany(sends =>
                                Enumerable.Repeat((rank, sends.Link, stage.Length), sends.First.Count)
                            )
                        )
                    )
            );
            var received = all.SelectMany(
                (strands, rank) =>
                    strands.SelectMany(strand =>
                        strand.Stages.SelectMany(stage =>
                            stage.Receives.SelectMany(link =>
                                Enumerable.Repeat(
                                    (Other(shape, rank, link).Rank, Other(shape, rank, link).Link, stage.Length),
                                    stage.Count
                                )
                            )
                        )
                    )
            );
            Assert.That(received, Is.EquivalentTo(sent), $"{shape}");
        }
    }

    private static (int Rank, WireLink Link) Other(JacclShape shape, int rank, WireLink link) =>
        link.Side switch
        {
            WireSide.Peer => (link.Number, WireLink.To(rank)),
            WireSide.Left => ((rank + shape.Size - 1) % shape.Size, WireLink.Right(link.Number)),
            _ => ((rank + 1) % shape.Size, WireLink.Left(link.Number)),
        };

    private static WireStage Only(JacclShape shape, string operation, int count, int rank) =>
        WireModel
            .Of(shape, false, new WireCase { Operation = operation, Count = count }, rank)
            .Single()
            .Stages.Single();

    private static byte[] Floats(int rank, int from) =>
        [.. Enumerable.Range(from, 4).SelectMany(index => BitConverter.GetBytes((float)WireCase.Element(rank, index)))];
}
