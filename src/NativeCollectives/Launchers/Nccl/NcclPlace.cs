namespace NativeCollectives;

/// <summary>
/// The own rank and the number of ranks, and the variables that told them; <see langword="null"/>: the options did.
/// </summary>
internal readonly record struct NcclPlace(int Rank, string? RankVariable, int Size, string? SizeVariable)
{
    /// <summary>The same place, if it exists.</summary>
    /// <param name="nameOf">How settings are called.</param>
    /// <exception cref="ArgumentException">The rank of the options is not within the size of the options.</exception>
    /// <exception cref="RendezvousException">
    /// The rank is not within the size, and at least one of them is the environment's.
    /// </exception>
    internal NcclPlace Checked(Func<SettingName, string> nameOf)
    {
        if (Rank < Size)
        {
            return this;
        }

        SettingName rank = RankVariable is null ? NcclConfiguration.Rank : RankVariable;
        SettingName size = SizeVariable is null ? NcclConfiguration.Size : SizeVariable;
        throw new OptionProblem(
            rank,
            OptionCheck.Text(Rank),
            $"should be less than {size}, which is {Size}"
        ).ToException(nameOf, NcclConfiguration.Name, Rank);
    }
}
