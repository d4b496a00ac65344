using System.Text;

namespace NativeCollectives;

/// <summary>Gives the ranks of a group an id of NCCL, over that group.</summary>
internal static class NcclIdExchange
{
    private const int ReasonSize = 1024;

    /// <summary>
    /// Blocks until every rank has the id that rank 0 has created, or knows which rank cannot use NCCL, and why.
    /// </summary>
    /// <param name="group">The group; every rank of it calls this.</param>
    /// <param name="libraries">The settings that name libraries.</param>
    /// <param name="deadline">How long it may take.</param>
    /// <param name="cancellationToken">Ends the wait, and the group.</param>
    /// <exception cref="BackendUnavailableException">A rank cannot use NCCL.</exception>
    /// <exception cref="RendezvousException">The group failed.</exception>
    internal static NcclUniqueId Run(
        DistributedGroup group,
        IReadOnlyList<KeyValuePair<string, string>> libraries,
        Deadline deadline,
        CancellationToken cancellationToken
    )
    {
        byte[] id = new byte[NcclUniqueId.Size];
        Exception? failure = Prepare(group.Rank, libraries, id);
        try
        {
            // The lowest rank that failed has the greatest number.
            int[] blamed = [failure is null ? 0 : group.Size - group.Rank];
            Wait(group.AllReduceAsync<int>(blamed, ReduceOp.Max, deadline.Remaining, cancellationToken));
            if (blamed[0] == 0)
            {
                Wait(group.BroadcastAsync<byte>(id, 0, deadline.Remaining, cancellationToken));
                return new NcclUniqueId(id);
            }

            int rank = group.Size - blamed[0];
            byte[] reason = new byte[ReasonSize];
            if (rank == group.Rank)
            {
                Encoding.UTF8.GetEncoder().Convert(failure!.Message, reason, flush: true, out _, out _, out _);
            }

            Wait(group.BroadcastAsync<byte>(reason, rank, deadline.Remaining, cancellationToken));
            string text = Encoding.UTF8.GetString(reason).TrimEnd('\0');
            throw new BackendUnavailableException(
                $"NCCL cannot be used on rank {rank}. {text}",
                rank == group.Rank ? failure : null
            )
            {
                Backend = NcclConfiguration.Name,
                Rank = group.Rank,
                Peer = rank == group.Rank ? null : rank,
            };
        }
        catch (Exception exception) when (exception is CollectiveException and not BackendUnavailableException)
        {
            throw new RendezvousException(
                $"NCCL's id could not be exchanged over NcclOptions.BootstrapGroup. {exception.Message}",
                exception
            )
            {
                Backend = NcclConfiguration.Name,
                Rank = group.Rank,
            };
        }
    }

    private static Exception? Prepare(int rank, IReadOnlyList<KeyValuePair<string, string>> libraries, byte[] id)
    {
        try
        {
            DistributedGroup.RequireAvailable(BackendKind.Nccl, libraries);
            if (rank == 0)
            {
                NcclUniqueId.Create(libraries).CopyTo(id);
            }

            return null;
        }
        catch (Exception exception)
        {
            // Whatever it is, the others must not wait for this rank.
            return exception;
        }
    }

    private static void Wait(Task operation) => operation.GetAwaiter().GetResult();
}
