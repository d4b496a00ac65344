using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Nccl;

/// <summary>
/// Runs parts of NCCL's plan on one set of processes, which is replaced when a failure has ended it, so that one defect
/// fails one test.
/// </summary>
internal sealed class NcclMatrix(Func<LocalNccl> start) : IDisposable
{
    private readonly Dictionary<string, int?> _groups = [];
    private LocalNccl? _ranks;

    public static Command Command(string operation, NcclPart part, string group = "world") =>
        new()
        {
            Name = CommandNames.Operations,
            Operation = operation,
            Sockets = 0,
            Plan = part,
            Group = group,
            Seed = 17,
        };

    /// <summary>Forms another group of the same processes.</summary>
    public void Form(string group, int stagingBytes) =>
        OnRanks(ranks =>
        {
            ranks.Form(group, stagingBytes: stagingBytes);
            _groups[group] = stagingBytes;
        });

    /// <summary>Runs what is planned for one operation.</summary>
    public void Run(string operation, NcclPart part, string group = "world") =>
        OnRanks(ranks =>
        {
            var planned = NcclPlan.Cases(ranks.Size, part, operation).Count();
            var replies = ranks.Do(Command(operation, part, group));
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
            });
        });

    /// <summary>Runs what is to be refused.</summary>
    public void RunRefused() =>
        OnRanks(ranks =>
        {
            foreach (var operation in OperationPlan.Operations)
            {
                ranks.Do(new Command { Name = CommandNames.Refused, Operation = operation });
            }
        });

    public void Dispose()
    {
        _ranks?.Dispose();
        _ranks = null;
    }

    private void OnRanks(Action<LocalNccl> use)
    {
        if (_ranks is null)
        {
            _ranks = start();
            foreach (var (group, stagingBytes) in _groups)
            {
                _ranks.Form(group, stagingBytes: stagingBytes);
            }
        }
        try
        {
            use(_ranks);
        }
        catch (Exception exception)
        {
            var ranks = _ranks;
            _ranks = null;
            ranks.Fail(exception);
            throw;
        }
    }
}
