using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Harness;

/// <summary>A ring of workers on this machine.</summary>
internal sealed class LocalRing : LocalRanks
{
    private readonly List<HostFile> _hostFiles = [];

    /// <summary>Starts the workers, and unless told otherwise forms the group.</summary>
    public LocalRing(
        int size,
        int sockets,
        bool form = true,
        double operationSeconds = 120,
        string address = "127.0.0.1",
        bool fromEnvironment = true,
        IReadOnlyDictionary<string, string>? environment = null
    )
        : base(Enumerable.Range(0, size).Select(_ => WorkerPool.Take(environment)))
    {
        Sockets = sockets;
        HostFile = NewHostFile(size, sockets, address);
        HostFile.Release();
        if (form)
        {
            Form(operationSeconds: operationSeconds, fromEnvironment: fromEnvironment);
        }
    }

    public override int Sockets { get; }
    public HostFile HostFile { get; }

    /// <summary>A hostfile for another group of the same workers.</summary>
    public HostFile NewHostFile(int size, int sockets, string address = "127.0.0.1")
    {
        var file = new HostFile(size, sockets, address);
        _hostFiles.Add(file);
        return file;
    }

    /// <summary>The command that makes a worker join the group.</summary>
    public Command Join(
        int rank,
        double formingSeconds = 60,
        double operationSeconds = 120,
        string group = "world",
        HostFile? hostFile = null,
        bool fromEnvironment = true
    ) =>
        new()
        {
            Name = CommandNames.Create,
            Group = group,
            Rank = rank,
            HostFile = (hostFile ?? HostFile).Path,
            FromEnvironment = fromEnvironment,
            FormingSeconds = formingSeconds,
            OperationSeconds = operationSeconds,
        };

    /// <summary>Forms the group on all workers.</summary>
    public void Form(
        double operationSeconds = 120,
        string group = "world",
        HostFile? hostFile = null,
        bool fromEnvironment = true
    ) =>
        Succeed(
            All(rank =>
                Join(
                    rank,
                    operationSeconds: operationSeconds,
                    group: group,
                    hostFile: hostFile,
                    fromEnvironment: fromEnvironment
                )
            )
        );

    public override void Dispose()
    {
        try
        {
            base.Dispose();
        }
        finally
        {
            _hostFiles.ForEach(file => file.Dispose());
        }
    }
}
