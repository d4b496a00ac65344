using NativeCollectives.Worker.Reference;

namespace NativeCollectives.Tests.Reference;

/// <summary>The reference itself, against the worked examples of the wire specification (section 12).</summary>
[Category("Unit")]
public sealed class RingOrderTests
{
    // 12.1: segment 0 = x1 + (x2 + x0), segment 1 = x2 + (x0 + x1), segment 2 = x0 + (x1 + x2); segments are [0, 4),
    // [4, 8), [8, 10).
    [Test]
    public void TenElementsOnThreeRanks()
    {
        // 1, 2^24 and 2^24 show who was added to whom: 1 + 2^24 is 2^24 in binary32.
        float[][] operands =
        [
            [.. Enumerable.Repeat(1f, 10)],
            [.. Enumerable.Repeat(16777216f, 10)],
            [.. Enumerable.Repeat(-16777216f, 10)],
        ];
        var result = Definitions.AllReduce<float, FloatElement<float>>(operands, ReduceOp.Sum, sockets: 1);
        float Chain(int first, int second, int third) =>
            operands[third][0] + (operands[second][0] + operands[first][0]);

        Assert.That(result[..4], Is.All.EqualTo(Chain(0, 2, 1)), "segment 0");
        Assert.That(result[4..8], Is.All.EqualTo(Chain(1, 0, 2)), "segment 1");
        Assert.That(result[8..], Is.All.EqualTo(Chain(2, 1, 0)), "segment 2");
        Assert.That(
            new[] { Chain(0, 2, 1), Chain(1, 0, 2), Chain(2, 1, 0) },
            Is.EqualTo(new[] { 1f, 0f, 1f }),
            "the orders differ"
        );
    }

    // 12.1: with two elements the chain runs to higher ranks.
    [Test]
    public void FewerElementsThanRanksTravelTheOtherWay()
    {
        var order = new RingOrder(3, 1, 2, 4);
        Assert.That(order.Of(0), Is.EqualTo((0, -1)));
        Assert.That(order.Of(1), Is.EqualTo((1, -1)));
    }

    // 12.2: four slices of 1 MiB, segments of 512 KiB, directions +1, -1, +1, -1.
    [Test]
    public void FourMebibytesOnTwoRanksAndTwoSockets()
    {
        var order = new RingOrder(2, 2, 1048576, 4);
        for (var slice = 0; slice < 4; slice++)
        {
            var start = slice * 262144;
            var direction = slice % 2 == 0 ? 1 : -1;
            Assert.That(order.Of(start), Is.EqualTo((0, direction)));
            Assert.That(order.Of(start + 131071), Is.EqualTo((0, direction)));
            Assert.That(order.Of(start + 131072), Is.EqualTo((1, direction)));
            Assert.That(order.Of(start + 262143), Is.EqualTo((1, direction)));
        }
    }

    // Section 9: a NaN survives max and min of a segment exactly if the last rank of the chain, (k + d) mod n, holds
    // it.
    [Test]
    public void ANaNSurvivesAtTheEndOfTheChain()
    {
        for (var rank = 0; rank < 3; rank++)
        {
            var operands = Enumerable
                .Range(0, 3)
                .Select(r => Enumerable.Repeat(r == rank ? float.NaN : 5f, 9).ToArray())
                .ToArray();
            var result = Definitions.AllReduce<float, FloatElement<float>>(operands, ReduceOp.Max, sockets: 1);
            for (var i = 0; i < 9; i++)
            {
                Assert.That(
                    float.IsNaN(result[i]),
                    Is.EqualTo(((i / 3) + 1) % 3 == rank),
                    $"element {i}, NaN of rank {rank}"
                );
            }
        }
    }

    [Test]
    public void SixteenBitFloatsAreRoundedToEven()
    {
        BFloat16 B(ushort bits) => System.Runtime.CompilerServices.Unsafe.BitCast<ushort, BFloat16>(bits);

        // 256 + 1 lies between 256 and 258, and rounds to the even 256; 258 + 1 rounds up to 260.
        Assert.That(BFloat16Element.Sum(B(0x4380), B(0x3F80)), Is.EqualTo(B(0x4380)));
        Assert.That(BFloat16Element.Sum(B(0x4381), B(0x3F80)), Is.EqualTo(B(0x4382)));
        Assert.That(HalfElement.Sum((Half)2048, (Half)1), Is.EqualTo((Half)2048));
        Assert.That(HalfElement.Sum((Half)2050, (Half)1), Is.EqualTo((Half)2052));
    }
}
