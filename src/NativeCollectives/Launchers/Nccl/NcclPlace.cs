namespace NativeCollectives;

/// <summary>
/// The own rank and the number of ranks, and the variables that told them; <see langword="null"/>: the options did.
/// </summary>
internal readonly record struct NcclPlace(int Rank, string? RankVariable, int Size, string? SizeVariable)
{
    /// <summary>The same place, if it exists.</summary>
    /// <exception cref="ArgumentException">The rank of the options is not within the size of the options.</exception>
    /// <exception cref="RendezvousException">
    /// The rank is not within the size, and at least one of them is the environment's.
    /// </exception>
    internal NcclPlace Checked()
    {
        if (Rank < Size)
        {
            return this;
        }

        string rank = RankVariable is null ? "NcclOptions.Rank" : $"The environment variable {RankVariable}";
        string size = SizeVariable is null ? "NcclOptions.Size" : $"the environment variable {SizeVariable}";
        string message = $"{rank} is {Rank}, but should be less than {size}, which is {Size}.";
        throw RankVariable is null && SizeVariable is null
            ? OptionCheck.Invalid(message)
            : new RendezvousException(message) { Backend = NcclConfiguration.Name, Rank = Rank };
    }
}
