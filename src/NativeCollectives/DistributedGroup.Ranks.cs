using System.Runtime.InteropServices.Marshalling;
using NativeCollectives.Interop;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    private IReadOnlyList<int>? _parentRanks;
    private CancellationTokenSource? _faulted;

    /// <summary>
    /// The ranks that the members of this group have in the group that it was split from, by their ranks here;
    /// <see langword="null"/> if it was not split from another one.
    /// </summary>
    public IReadOnlyList<int>? ParentRanks
    {
        get
        {
            if (_parentRanks is null && IsSplit)
            {
                int[] ranks = new int[Size];
                for (int rank = 0; rank < Size; rank++)
                {
                    ranks[rank] = Info(rank).parent_rank;
                }

                _parentRanks = ranks;
            }

            return _parentRanks;
        }
    }

    /// <summary>
    /// The place of this rank among those of its host, from 0; <see langword="null"/> if the group does not know who
    /// shares a host.
    /// </summary>
    /// <remarks>A ring knows it from its hostfile: ranks whose first addresses name one host share it.</remarks>
    public int? LocalRank => Info(Rank).local_rank is >= 0 and var rank ? rank : null;

    /// <summary>How many ranks this rank's host has; <see langword="null"/> if that is not known.</summary>
    public int? LocalSize => Info(Rank).local_size is >= 0 and var size ? size : null;

    /// <summary>
    /// Is cancelled when a failure ends the group, also while nobody is in a call of it; not by
    /// <see cref="Dispose"/>. What is registered runs on the thread pool; what it throws is dropped.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The group was disposed before anybody asked.</exception>
    public CancellationToken Faulted
    {
        get
        {
            if (Volatile.Read(ref _faulted) is { } known)
            {
                return known.Token;
            }

            var source = new CancellationTokenSource();
            if (Interlocked.CompareExchange(ref _faulted, source, null) is { } first)
            {
                return first.Token;
            }

            try
            {
                _handle.OnFault(() => ThreadPool.UnsafeQueueUserWorkItem(Cancel, source, false));
            }
            catch (ObjectDisposedException)
            {
                _faulted = null;
                throw;
            }

            return source.Token;
        }
    }

    /// <summary>The name or address of a rank's host, as the group knows it.</summary>
    /// <param name="rank">The rank.</param>
    /// <returns>What the hostfile of a ring says; <see langword="null"/> if the group does not know.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is no rank of the group.</exception>
    /// <exception cref="ObjectDisposedException">The group has been disposed.</exception>
    public unsafe string? HostName(int rank)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rank, Size);
        nc_rank_info info = Info(rank);
        string? name = Utf8StringMarshaller.ConvertToManaged((byte*)info.host_name);
        return string.IsNullOrEmpty(name) ? null : name;
    }

    /// <summary>
    /// Forms a group of some of the ranks, in the order in which they are listed. Every rank of this group calls it
    /// with the same list, also those that are not listed.
    /// </summary>
    /// <param name="ranks">Ranks of this group, each at most once.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <returns>
    /// The new group, which the caller disposes; <see langword="null"/> on a rank that is not listed.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// A rank does not exist or is listed twice, or none is listed.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeout"/> is not positive and finite.</exception>
    /// <exception cref="NotSupportedException">The group's backend cannot do this. The group stays usable.</exception>
    /// <exception cref="RendezvousException">The new group could not be formed. This group stays usable.</exception>
    /// <exception cref="ObjectDisposedException">The group has been disposed, before or meanwhile.</exception>
    /// <exception cref="CollectiveMismatchException">
    /// A member was given another list. This group stays usable.
    /// </exception>
    /// <exception cref="CollectiveException">
    /// The operation failed and ended the group, or an earlier one had: the derived type tells how.
    /// </exception>
    /// <remarks>
    /// torch.distributed's <c>new_group</c>, MPI's <c>MPI_Comm_create</c>. It is <see cref="Split"/> with a color for
    /// those that are listed.
    /// </remarks>
    public DistributedGroup? CreateSubgroup(ReadOnlySpan<int> ranks, TimeSpan? timeout = null)
    {
        int place = PlaceIn(ranks);
        return OfThese(RunSplit(place < 0 ? -1 : 0, place, timeout), ranks, timeout);
    }

    /// <summary>Issues <see cref="CreateSubgroup"/> and returns.</summary>
    /// <param name="ranks">Ranks of this group, each at most once.</param>
    /// <param name="timeout">
    /// How long the operation may take from now; <see langword="null"/>:
    /// <see cref="DistributedGroupOptions.OperationTimeout"/>.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the operation; if it is running, the group with it: see <see cref="DistributedGroup"/>.
    /// </param>
    /// <returns>The new group, once it is formed; <see langword="null"/> on a rank that is not listed.</returns>
    /// <inheritdoc cref="CreateSubgroup" path="/exception"/>
    public Task<DistributedGroup?> CreateSubgroupAsync(
        ReadOnlySpan<int> ranks,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        int place = PlaceIn(ranks);
        Task<DistributedGroup?> split = RunSplitAsync(place < 0 ? -1 : 0, place, timeout, cancellationToken);
        return OfTheseAsync(split, ranks.ToArray(), timeout, cancellationToken);
    }

    // On a thread of the pool, where an exception of the program's would end the process.
    private static void Cancel(CancellationTokenSource faulted)
    {
        try
        {
            faulted.Cancel();
        }
        catch (AggregateException)
        {
            // As an observer's.
        }
    }

    private async Task<DistributedGroup?> OfTheseAsync(
        Task<DistributedGroup?> split,
        int[] ranks,
        TimeSpan? timeout,
        CancellationToken cancellationToken
    )
    {
        DistributedGroup? part = await split.ConfigureAwait(false);
        if (part is null)
        {
            return null;
        }

        try
        {
            int[] lists = await part.AllGatherAsync(HashOf(ranks), timeout, cancellationToken).ConfigureAwait(false);
            CheckLists(lists, ranks);
            return part;
        }
        catch
        {
            part.Dispose();
            throw;
        }
    }

    private DistributedGroup? OfThese(DistributedGroup? part, ReadOnlySpan<int> ranks, TimeSpan? timeout)
    {
        if (part is null)
        {
            return null;
        }

        try
        {
            CheckLists(part.AllGather(HashOf(ranks), timeout), ranks);
            return part;
        }
        catch
        {
            part.Dispose();
            throw;
        }
    }

    // The same in every process.
    private static int HashOf(ReadOnlySpan<int> ranks)
    {
        uint hash = 2_166_136_261;
        foreach (int rank in ranks)
        {
            hash = (hash ^ (uint)rank) * 16_777_619;
        }

        return (int)hash;
    }

    private void CheckLists(int[] lists, ReadOnlySpan<int> ranks)
    {
        if (lists.AsSpan().ContainsAnyExcept(lists[0]) || lists.Length != ranks.Length)
        {
            throw new CollectiveMismatchException(
                $"This rank was given the ranks {string.Join(", ", ranks.ToArray())} for a subgroup, but another one "
                    + "was given others: every rank should be given the same list."
            )
            {
                Backend = BackendName,
                Rank = Rank,
                Operation = nameof(CreateSubgroup),
            };
        }
    }

    // The own rank's; -1: it is not listed.
    private int PlaceIn(ReadOnlySpan<int> ranks)
    {
        if (ranks.IsEmpty)
        {
            throw new ArgumentException("A subgroup needs at least one rank.", nameof(ranks));
        }

        var listed = new HashSet<int>(ranks.Length);
        foreach (int rank in ranks)
        {
            if ((uint)rank >= (uint)Size)
            {
                throw new ArgumentException(
                    $"ranks lists {rank}, but the ranks of this group are 0 to {Size - 1}.",
                    nameof(ranks)
                );
            }

            if (!listed.Add(rank))
            {
                throw new ArgumentException($"ranks lists {rank} twice.", nameof(ranks));
            }
        }

        return ranks.IndexOf(Rank);
    }

    private unsafe nc_rank_info Info(int rank)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        using GroupHandle.Lease lease = _handle.Rent();
        var info = new nc_rank_info { size = (uint)sizeof(nc_rank_info) };
        var error = new nc_error { size = (uint)sizeof(nc_error) };
        return NativeMethods.nc_group_rank_info(lease.Group, rank, &info, &error) == nc_status.NC_OK
            ? info
            : throw CollectiveErrors.Describe(&error, BackendName, Rank);
    }
}
