namespace NativeCollectives;

/// <summary>
/// The transport of JACCL's RDMA connections, the type of their queue pairs. All ranks of a group must have the same.
/// </summary>
public enum JacclQueuePairs
{
    /// <summary>
    /// UC (<c>IBV_QPT_UC</c>): MLX's, and the only one that RDMA over Thunderbolt has. The hardware holds a message
    /// back until the peer takes it.
    /// </summary>
    /// <remarks>
    /// On InfiniBand and RoCE, the software implementation of Linux included, such a message is lost instead, and the
    /// operation runs into its timeout.
    /// </remarks>
    UnreliableConnection,

    /// <summary>
    /// RC (<c>IBV_QPT_RC</c>): for InfiniBand and RoCE, between ranks of this library. A message that comes too early
    /// is sent again until the peer takes it.
    /// </summary>
    ReliableConnection,
}
