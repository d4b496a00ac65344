using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Harness;

/// <summary>Workers on this machine that form groups of NCCL's.</summary>
internal sealed class LocalNccl : LocalRanks
{
    private readonly int? _device;

    /// <summary>Starts the workers, and unless told otherwise forms the group.</summary>
    /// <param name="size">How many.</param>
    /// <param name="environment">The variables of the workers; by default those of the newest doubles.</param>
    /// <param name="form">Whether to form the group.</param>
    /// <param name="jitter">Whether the doubles are late at random.</param>
    /// <param name="device">The device of every rank; null: as the library chooses.</param>
    public LocalNccl(
        int size,
        Func<int, IReadOnlyDictionary<string, string>>? environment = null,
        bool form = true,
        bool jitter = false,
        int? device = null
    )
        : base(Enumerable.Range(0, size).Select(rank => WorkerPool.Take(Variables(rank, environment, jitter))))
    {
        _device = device;
        if (form)
        {
            Form();
        }
    }

    /// <summary>Ranks on one GPU of this machine, with its own libraries.</summary>
    public static LocalNccl OnGpu(int size, bool form = true) => new(size, NcclLibraries.OneGpu, form, device: 0);

    public override int Sockets => 0;

    /// <summary>A new id, made by the process of rank 0.</summary>
    public string CreateId() =>
        Workers[0].Do(new Command { Name = CommandNames.CreateId }) is { Failure: null } reply
            ? reply.Data["id"]
            : throw new AssertionException("rank 0 could not create an id");

    /// <summary>The command that makes a worker join a group.</summary>
    public Command Join(
        int rank,
        string? id,
        string group = "world",
        int? size = null,
        double formingSeconds = 60,
        double operationSeconds = 120,
        int? stagingBytes = null,
        int? device = null
    ) =>
        new()
        {
            Name = CommandNames.Create,
            Backend = nameof(BackendKind.Nccl),
            Group = group,
            FormingSeconds = formingSeconds,
            OperationSeconds = operationSeconds,
            Nccl = new NcclSettings
            {
                Rank = rank,
                Size = size ?? Size,
                Id = (size ?? Size) == 1 ? null : id,
                StagingBytes = stagingBytes,
                Device = device ?? _device,
            },
        };

    /// <summary>Forms a group of all workers.</summary>
    public void Form(string group = "world", double operationSeconds = 120, int? stagingBytes = null)
    {
        var id = CreateId();
        Succeed(All(rank => Join(rank, id, group, operationSeconds: operationSeconds, stagingBytes: stagingBytes)));
    }

    /// <summary>
    /// New fault rules for the double of NCCL ("nccl:…") or of the driver ("cuda:…"), on one rank or on all.
    /// </summary>
    public void Fault(string rules, int? rank = null)
    {
        var command = new Command
        {
            Name = CommandNames.Faults,
            Operation = rules,
            Thread = "faults",
        };
        Succeed(rank is { } one ? [Workers[one].Send(command)] : All(_ => command));
    }

    private static Dictionary<string, string> Variables(
        int rank,
        Func<int, IReadOnlyDictionary<string, string>>? environment,
        bool jitter
    )
    {
        var variables = new Dictionary<string, string>(environment?.Invoke(rank) ?? NcclLibraries.Doubles());
        if (jitter)
        {
            variables["NC_DOUBLE_JITTER"] = "1";
        }
        return variables;
    }
}
