namespace NativeCollectives.Bench;

/// <summary>Buffers in host memory.</summary>
internal sealed unsafe class HostBuffers(BenchmarkOperation operation, DistributedGroup group, bool inPlace, long largest)
    : RankBuffers(operation, group, inPlace, largest)
{
    private readonly OperationRunner _run = operation.Run;
    private readonly DistributedGroup _group = group;
    private long _count;

    public override void Use(long count)
    {
        base.Use(count);
        _count = count;
    }

    public override void Run() => _run(_group, Input, Output, _count);
}
