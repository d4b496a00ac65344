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
}
