using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Jaccl;

/// <summary>
/// Processes for tests that each form groups of their own: kept from one test to the next, as long as all goes well.
/// After every test nothing of the verbs' may be left in them, no rule of the verbs may have been broken, and nothing
/// may have been written to their standard error streams.
/// </summary>
internal sealed class JacclRanks(Func<int, IReadOnlyDictionary<string, string>>? variables = null) : IDisposable
{
    private readonly Dictionary<int, LocalJaccl> _ranks = [];

    /// <summary>Runs a test on a group "world" of this shape, freshly formed.</summary>
    public void OnGroup(JacclShape shape, Action<LocalJaccl> test, double operationSeconds = 60) =>
        On(
            shape.Size,
            ranks =>
            {
                ranks.Form(shape, operationSeconds: operationSeconds);
                test(ranks);
            }
        );

    /// <summary>Runs a test on processes without a group.</summary>
    public void On(int size, Action<LocalJaccl> test)
    {
        if (!_ranks.TryGetValue(size, out var ranks))
        {
            _ranks.Add(size, ranks = new LocalJaccl(size, variables));
        }
        try
        {
            test(ranks);
            ranks.Do(new Command { Name = CommandNames.DisposeAll });
            ranks.NothingIsLeft();
            Assert.That(
                ranks.Workers.Select(worker => worker.Errors),
                Is.All.Empty,
                "written on the standard error stream"
            );
            ranks.Fault("");
        }
        catch (Exception exception)
        {
            _ranks.Remove(size);
            ranks.Fail(exception);
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var ranks in _ranks.Values)
        {
            ranks.Dispose();
        }
        _ranks.Clear();
    }
}
