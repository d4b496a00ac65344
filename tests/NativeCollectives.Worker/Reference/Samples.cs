namespace NativeCollectives.Worker.Reference;

/// <summary>Repeatable numbers: every rank can make the operands of every other.</summary>
public static class Samples
{
    /// <summary>64 random bits from 64 others (splitmix64's finaliser).</summary>
    public static ulong Mix(ulong value)
    {
        value += 0x9E37_79B9_7F4A_7C15;
        value = (value ^ (value >> 30)) * 0xBF58_476D_1CE4_E5B9;
        value = (value ^ (value >> 27)) * 0x94D0_49BB_1331_11EB;
        return value ^ (value >> 31);
    }

    /// <summary>64 random bits for element <paramref name="index"/> of <paramref name="rank"/>.</summary>
    public static ulong At(ulong seed, int rank, long index) =>
        Mix(seed ^ Mix(((ulong)(uint)rank << 40) ^ (ulong)index));

    /// <summary>A number of either sign between 2^-5 and 2^6, with more bits than any of the types keeps.</summary>
    public static double Spread(ulong random)
    {
        var fraction = 1 + ((random >> 12) * (1.0 / (1ul << 52)));
        var scaled = Math.ScaleB(fraction, (int)(random % 11) - 5);
        return (random & (1ul << 11)) != 0 ? -scaled : scaled;
    }

    /// <summary>±1/2, ±1, ±2.</summary>
    public static double Power(ulong random)
    {
        var power = (random % 3) switch
        {
            0 => 0.5,
            1 => 1.0,
            _ => 2.0,
        };
        return (random & (1ul << 20)) != 0 ? -power : power;
    }

    /// <summary>Whether an operand of a comparison is not a number.</summary>
    public static bool IsNaN(ulong random) => (random & 7) == 0;

    /// <summary>
    /// A number to compare: zeros of both signs, infinities, small whole numbers, so that ties abound.
    /// </summary>
    public static double Ordered(ulong random) =>
        ((random >> 3) & 15) switch
        {
            0 or 1 => 0.0,
            2 or 3 => -0.0,
            4 => double.PositiveInfinity,
            5 => double.NegativeInfinity,
            var small => (double)small - 10,
        };
}
