namespace NativeCollectives.Tests.Harness;

/// <summary>
/// Ranks with a group that tests of one kind share, as long as all goes well. When a test needs others, these go back to
/// the pool.
/// </summary>
internal sealed class SharedRanks<TKind, TRanks>(Func<TKind, TRanks> start) : IDisposable
    where TKind : notnull
    where TRanks : LocalRanks
{
    private TKind? _kind;
    private TRanks? _ranks;

    /// <summary>Runs a test on ranks of that kind.</summary>
    public void On(TKind kind, Action<TRanks> test)
    {
        if (_ranks is null || !kind.Equals(_kind))
        {
            Dispose();
            (_kind, _ranks) = (kind, start(kind));
        }
        try
        {
            test(_ranks);
        }
        catch (Exception exception)
        {
            // A group in an unknown state is of no use to the next test.
            var ranks = _ranks;
            _ranks = null;
            ranks.Fail(exception);
            throw;
        }
    }

    public void Dispose()
    {
        var ranks = _ranks;
        _ranks = null;
        ranks?.Dispose();
    }
}
