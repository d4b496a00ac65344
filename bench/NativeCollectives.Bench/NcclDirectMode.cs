namespace NativeCollectives.Bench;

/// <summary>How the direct program uses NCCL.</summary>
/// <param name="Peer">What the command line calls it.</param>
/// <param name="System">What the result calls it.</param>
/// <param name="IsBlocking">Its communicator is a blocking one.</param>
/// <param name="Synchronizes">
/// It waits with <c>cuStreamSynchronize</c>; otherwise it asks again and again, as the library does.
/// </param>
internal sealed record NcclDirectMode(string Peer, string System, bool IsBlocking, bool Synchronizes)
{
    public static IReadOnlyList<NcclDirectMode> All { get; } =
    [
        new("nccl", "nccl-direct", IsBlocking: false, Synchronizes: false),
        new("nccl-blocking", "nccl-direct-blocking", IsBlocking: true, Synchronizes: false),
        new("nccl-synchronize", "nccl-direct-synchronize", IsBlocking: true, Synchronizes: true),
    ];
}
