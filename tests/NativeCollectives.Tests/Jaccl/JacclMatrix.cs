using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Jaccl;

/// <summary>
/// Runs parts of JACCL's plan on one set of processes, which are cabled for every shape and form one group after the
/// other. They are replaced when a failure has ended them, so that one defect fails one test.
/// </summary>
internal sealed class JacclMatrix(
    int size,
    Func<JacclSettings, JacclSettings>? change = null,
    Func<int, IReadOnlyDictionary<string, string>>? variables = null
) : IDisposable
{
    private static JacclMatrix? _shared;

    private readonly int _size = size;
    private LocalJaccl? _ranks;
    private JacclShape? _formed;

    /// <summary>
    /// The set of processes that fixtures of one size share, one fixture after the other; that of another size ends.
    /// </summary>
    public static JacclMatrix Shared(int size)
    {
        if (_shared?._size != size)
        {
            EndShared();
            _shared = new JacclMatrix(size);
        }
        return _shared!;
    }

    public static void EndShared()
    {
        _shared?.Dispose();
        _shared = null;
    }

    public static Command Command(JacclShape shape, string operation) =>
        new()
        {
            Name = CommandNames.Operations,
            Operation = operation,
            Shape = shape,
            Seed = 23,
        };

    /// <summary>Runs what is planned for one operation, or for all.</summary>
    public void Run(JacclShape shape, string operation = "", int maximum = 0) =>
        OnGroup(
            shape,
            ranks =>
            {
                var operations = operation.Length > 0 ? [operation] : OperationPlan.Operations;
                var planned = operations
                    .SelectMany(name => JacclPlan.Cases(shape, name))
                    .Count(next => maximum == 0 || next.Count <= maximum);
                var replies = ranks.Do(Command(shape, operation) with { Count = maximum });
                Assert.Multiple(() =>
                {
                    for (var rank = 0; rank < replies.Count; rank++)
                    {
                        Assert.That(
                            replies[rank].Data["cases"],
                            Is.EqualTo($"{planned}"),
                            $"cases that rank {rank} has run"
                        );
                        Assert.That(replies[rank].Data["wrong"], Is.Empty, $"rank {rank}");
                    }
                    Assert.That(
                        replies.Select(reply => reply.Data["digest"]).Distinct().Count(),
                        Is.EqualTo(1),
                        "all ranks have the same results of all-reduces, to the bit"
                    );
                });
            }
        );

    /// <summary>Runs a test on a group of that shape.</summary>
    public void OnGroup(JacclShape shape, Action<LocalJaccl> test)
    {
        _ranks ??= new LocalJaccl(_size, variables);
        try
        {
            if (_formed != shape)
            {
                Leave();
                _ranks.Form(shape, change: change);
                _formed = shape;
            }
            test(_ranks);
        }
        catch (Exception exception)
        {
            var ranks = _ranks;
            (_ranks, _formed) = (null, null);
            ranks.Fail(exception);
            throw;
        }
    }

    /// <summary>Leaves the group. Nothing may be left of it.</summary>
    public void Leave()
    {
        if (_formed is not null)
        {
            _formed = null;
            _ranks!.Do(new Command { Name = CommandNames.Dispose });
            _ranks.NothingIsLeft();
        }
    }

    public void Dispose()
    {
        if (_ranks is { } ranks)
        {
            try
            {
                Leave();
            }
            finally
            {
                ranks.Dispose();
                _ranks = null;
            }
        }
    }
}

/// <summary>Ends the processes that several fixtures have shared.</summary>
[SetUpFixture]
public sealed class JacclTidyUp
{
    [OneTimeTearDown]
    public void End() => JacclMatrix.EndShared();
}
