namespace NativeCollectives.Tests.Harness;

/// <summary>That a plan has each pair of values of any two of its dimensions, without having their whole product.</summary>
internal static class Pairwise
{
    /// <summary>Every value of a dimension meets every value of each other dimension in some item.</summary>
    /// <param name="items">The plan.</param>
    /// <param name="what">What it is the plan of.</param>
    /// <param name="isPossible">Whether two values can meet.</param>
    /// <param name="dimensions">The dimensions.</param>
    public static void Covers<T>(
        IReadOnlyCollection<T> items,
        string what,
        Func<object, object, bool> isPossible,
        params Func<T, object>[] dimensions
    )
    {
        for (var first = 0; first < dimensions.Length; first++)
        {
            for (var second = first + 1; second < dimensions.Length; second++)
            {
                var (one, other) = (dimensions[first], dimensions[second]);
                var pairs = items.Select(item => (one(item), other(item))).ToHashSet();
                var missing =
                    from a in items.Select(one).Distinct()
                    from b in items.Select(other).Distinct()
                    where !pairs.Contains((a, b)) && isPossible(a, b)
                    select (a, b);
                Assert.That(missing, Is.Empty, $"{what}: pairs that never meet");
            }
        }
    }
}
