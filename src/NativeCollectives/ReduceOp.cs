namespace NativeCollectives;

/// <summary>How a reduction combines the elements of the ranks.</summary>
/// <remarks>
/// Integers wrap. <see cref="Half"/> and <see cref="BFloat16"/> are computed as <see cref="float"/> and rounded to nearest even at every combination, as in
/// MLX. Of <see cref="bool"/>, a sum or maximum is OR, a product or minimum is AND. Complex numbers are ordered by real part, then by imaginary part, as in
/// MLX.
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

    /// <summary>The sum divided by the group's size, as in NCCL; integers truncate toward zero. Not for <see cref="bool"/>.</summary>
    Average,
}
