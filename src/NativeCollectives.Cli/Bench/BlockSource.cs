namespace NativeCollectives.Cli.Bench;

/// <summary>Where a block of a result comes from.</summary>
/// <param name="Rank">The rank whose input it is; <see langword="null"/>: the inputs of all, combined.</param>
/// <param name="Start">The index in that input at which the block begins.</param>
internal readonly record struct BlockSource(int? Rank, long Start);
