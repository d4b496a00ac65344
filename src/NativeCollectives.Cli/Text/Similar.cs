namespace NativeCollectives.Cli;

/// <summary>What somebody may have meant by a word that is not known.</summary>
internal static class Similar
{
    private const int MostChanges = 2;

    /// <summary>The known word that is most like it; null if none is.</summary>
    public static string? To(string word, IEnumerable<string> known) =>
        known
            .Select(name => (Name: name, Changes: Changes(word, name)))
            .Where(candidate =>
                candidate.Changes <= MostChanges && candidate.Changes < candidate.Name.TrimStart('-').Length
            )
            .OrderBy(static candidate => candidate.Changes)
            .Select(static candidate => candidate.Name)
            .FirstOrDefault();

    /// <summary>
    /// How many letters must be added, left out or exchanged to make one of the other; more than are of interest count
    /// as many.
    /// </summary>
    private static int Changes(string first, string second)
    {
        if (Math.Abs(first.Length - second.Length) > MostChanges)
        {
            return int.MaxValue;
        }

        int[] row = [.. Enumerable.Range(0, second.Length + 1)];
        for (var i = 0; i < first.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i + 1;
            for (var j = 0; j < second.Length; j++)
            {
                int exchanged = diagonal + (first[i] == second[j] ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = Math.Min(exchanged, Math.Min(row[j], row[j + 1]) + 1);
            }
        }

        return row[^1];
    }
}
