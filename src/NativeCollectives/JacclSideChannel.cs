namespace NativeCollectives;

/// <summary>
/// Gathers a few bytes of every rank of a group that is being formed, and gives them all to every rank: by this the
/// ranks tell each other how to reach their RDMA devices.
/// </summary>
/// <param name="rank">The own rank.</param>
/// <param name="size">The number of ranks.</param>
/// <param name="own">
/// The own bytes, as many on every rank. They stay as they are for as long as anybody looks at them.
/// </param>
/// <param name="cancellationToken">
/// Is cancelled when the time for forming the group is up, or when its creation is cancelled. What is returned
/// afterwards is dropped.
/// </param>
/// <returns>
/// The bytes of all ranks, joined in rank order: <paramref name="size"/> times as many as <paramref name="own"/> has.
/// </returns>
/// <remarks>
/// <para>
/// It is called on a thread of the thread pool, several times for one group but never twice at once, and each time on
/// all ranks. Ranks that form several groups at the same time need one channel for each. When the group is formed it is
/// no longer used.
/// </para>
/// <para>
/// If it throws, or returns something else, forming the group ends with a <see cref="RendezvousException"/>, whose
/// <see cref="Exception.InnerException"/> is what it has thrown. The other ranks do not learn of that by themselves.
/// </para>
/// <para>
/// The function that MLX's <c>all_gather_factory</c> makes. All ranks of a group must have such a channel, or none.
/// What comes through it is trusted.
/// </para>
/// </remarks>
public delegate Task<byte[]> JacclSideChannel(
    int rank,
    int size,
    ReadOnlyMemory<byte> own,
    CancellationToken cancellationToken
);
