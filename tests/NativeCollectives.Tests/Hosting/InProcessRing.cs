using NativeCollectives.Hosting;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests.Hosting;

/// <summary>All ranks of a ring in this process.</summary>
internal sealed class InProcessRing : IDisposable
{
    private readonly HostFile _hosts;

    private InProcessRing(HostFile hosts, DistributedGroup[] groups) => (_hosts, Groups) = (hosts, groups);

    public DistributedGroup[] Groups { get; }

    public static async Task<InProcessRing> FormAsync(
        int size,
        CancellationToken cancellation,
        TimeSpan? operationTimeout = null,
        string? name = null
    )
    {
        var hosts = new HostFile(size, 1);
        hosts.Release();
        return new InProcessRing(
            hosts,
            await Task.WhenAll(
                Enumerable
                    .Range(0, size)
                    .Select(rank =>
                        DistributedGroup.CreateAsync(
                            new DistributedGroupOptions
                            {
                                Name = name,
                                Backend = BackendKind.Ring,
                                Ring = new RingOptions { Rank = rank, Hosts = hosts.Hosts },
                                OperationTimeout = operationTimeout ?? TimeSpan.FromSeconds(60),
                            },
                            cancellation
                        )
                    )
            )
        );
    }

    /// <summary>A replicator on each rank, which owns the group.</summary>
    public RequestReplicator[] Replicators(RequestReplicatorOptions? options = null) =>
        [.. Groups.Select(group => new RequestReplicator(group, ownsGroup: true, options))];

    public void Dispose()
    {
        foreach (var group in Groups)
        {
            group.Dispose();
        }
        _hosts.Dispose();
    }
}
