namespace NativeCollectives;

/// <summary>How a reduction combines the elements of the ranks.</summary>
/// <remarks>
/// Integers wrap. <see cref="Half"/> and <see cref="BFloat16"/> are computed as <see cref="float"/> and rounded to
/// nearest even at every combination, as in MLX. Of <see cref="bool"/>, a sum or maximum is OR, a product or minimum is
/// AND. Complex numbers are ordered by real part, then by imaginary part, as in MLX.
/// <para>
/// A maximum or minimum is a NaN if any rank's element is one (of a complex number: if either part is). Exceptions: the
/// all-reduce of a ring formed from a hostfile, or of a JACCL group with a rank of MLX in it, treats NaNs as MLX does,
/// and NCCL as NCCL does.
/// </para>
/// </remarks>
public enum ReduceOp
{
    /// <summary>The sum of the ranks' elements.</summary>
    Sum,

    /// <summary>The product of the ranks' elements.</summary>
    Product,

    /// <summary>The greatest of the ranks' elements.</summary>
    Max,

    /// <summary>The least of the ranks' elements.</summary>
    Min,

    /// <summary>The sum of the ranks' elements divided by the group's size. Not for <see cref="bool"/>.</summary>
    /// <remarks>
    /// It does not overflow. For integers it is exact, truncated toward zero. For floating-point types it differs from
    /// the exact average by at most as many units in the last place of the largest element as there are ranks. On
    /// device memory the average of floating-point types is NCCL's own.
    /// </remarks>
    Average,

    /// <summary>The bits that all ranks' elements have. Of integers and <see cref="bool"/>, as the two below.</summary>
    BitwiseAnd,

    /// <summary>The bits that any rank's element has.</summary>
    BitwiseOr,

    /// <summary>The bits that an odd number of the ranks' elements have.</summary>
    BitwiseXor,
}

/// <summary>
/// An operator of the program's own: <c>accumulated = accumulated op next</c>, element by element.
/// </summary>
/// <typeparam name="T">The element type.</typeparam>
/// <param name="accumulated">What lower ranks' elements have become, and then the result.</param>
/// <param name="next">The next rank's elements, as many.</param>
/// <remarks>
/// It is called in the order of ranks, so it need not commute. Where the buffer is long, it is called for a part at a
/// time. It may run on a thread of the library. What it throws ends the group, and is the
/// <see cref="Exception.InnerException"/> of what the operation throws.
/// </remarks>
public delegate void ReduceFunction<T>(Span<T> accumulated, ReadOnlySpan<T> next);
