namespace NativeCollectives.Worker.Reference;

/// <summary>
/// The arithmetic of one element type, written from its definition and without the library's help: what the results of
/// collectives are compared with.
/// </summary>
/// <typeparam name="T">The element as the library's users see it.</typeparam>
public interface IElement<T>
    where T : unmanaged
{
    /// <summary>Whether results of sums depend on the order of the additions.</summary>
    static abstract bool IsFloating { get; }

    /// <summary>Whether there are numbers below zero.</summary>
    static abstract bool IsSigned { get; }

    /// <summary>Whether an average is defined.</summary>
    static abstract bool HasAverage { get; }

    /// <summary>own + incoming, rounded as one combination is.</summary>
    static abstract T Sum(T own, T incoming);

    /// <summary>own * incoming.</summary>
    static abstract T Product(T own, T incoming);

    /// <summary>own &lt; incoming, false where they cannot be ordered.</summary>
    static abstract bool Less(T own, T incoming);

    /// <summary>Whether the element is not a number; a complex one is not if either part is not.</summary>
    static abstract bool IsNaN(T value);

    /// <summary>
    /// What a maximum or minimum gives for that NaN, where NaNs win: the canonical one of a 16-bit format, others as
    /// they are.
    /// </summary>
    static abstract T WinningNaN(T nan);

    /// <summary>sum / ranks.</summary>
    static abstract T Divide(T sum, int ranks);

    /// <summary>An element of arbitrary bits, made from 64 random ones.</summary>
    static abstract T FromBits(ulong random);

    /// <summary>A small whole number, exact in every type (bool: odd or even).</summary>
    static abstract T FromSmall(int value);

    /// <summary>
    /// A finite number whose sums depend on the order of the additions, made from 64 random bits (integers: arbitrary
    /// bits).
    /// </summary>
    static abstract T Spread(ulong random);

    /// <summary>A power of two or its negative, so that products are exact (integers: arbitrary bits).</summary>
    static abstract T Power(ulong random);

    /// <summary>
    /// Something to compare: not-a-numbers with various payloads, infinities, zeros of both signs, small numbers
    /// (integers: arbitrary bits).
    /// </summary>
    static abstract T Comparable(ulong random);

    /// <summary>How far apart two elements are.</summary>
    static abstract double Distance(T a, T b);

    /// <summary>How far an element is from zero.</summary>
    static abstract double Magnitude(T value);

    /// <summary>The distance of 1 to the next number; 0 for those that are exact.</summary>
    static abstract double Precision { get; }
}
