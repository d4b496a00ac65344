namespace NativeCollectives;

/// <summary>
/// How <see cref="VariableLengthCollectives"/> are made: an operation on lengths, and one on elements.
/// </summary>
internal static class VariableLengths
{
    internal static T[][] AllGatherVariable<T>(DistributedGroup group, ReadOnlySpan<T> input, TimeSpan? timeout)
        where T : unmanaged
    {
        _ = ElementType.Of<T>();
        long[] lengths = group.AllGather((long)input.Length, timeout);
        T[] all = NewArray<T>(group, lengths);
        group.AllGather(input, all, lengths, timeout);
        return Divide(all, lengths);
    }

    internal static async Task<T[][]> AllGatherVariableAsync<T>(
        DistributedGroup group,
        ReadOnlyMemory<T> input,
        TimeSpan? timeout,
        CancellationToken cancellationToken
    )
        where T : unmanaged
    {
        _ = ElementType.Of<T>();
        long[] lengths = await group
            .AllGatherAsync((long)input.Length, timeout, cancellationToken)
            .ConfigureAwait(false);
        T[] all = NewArray<T>(group, lengths);
        await group.AllGatherAsync(input, all.AsMemory(), lengths, timeout, cancellationToken).ConfigureAwait(false);
        return Divide(all, lengths);
    }

    internal static T[][]? GatherVariable<T>(DistributedGroup group, ReadOnlySpan<T> input, int root, TimeSpan? timeout)
        where T : unmanaged
    {
        _ = ElementType.Of<T>();
        long[]? lengths = group.Gather((long)input.Length, root, timeout);
        T[] all = lengths is null ? [] : NewArray<T>(group, lengths);
        group.Gather(input, all, lengths, root, timeout);
        return lengths is null ? null : Divide(all, lengths);
    }

    internal static async Task<T[][]?> GatherVariableAsync<T>(
        DistributedGroup group,
        ReadOnlyMemory<T> input,
        int root,
        TimeSpan? timeout,
        CancellationToken cancellationToken
    )
        where T : unmanaged
    {
        _ = ElementType.Of<T>();
        long[]? lengths = await group
            .GatherAsync((long)input.Length, root, timeout, cancellationToken)
            .ConfigureAwait(false);
        T[] all = lengths is null ? [] : NewArray<T>(group, lengths);
        await group.GatherAsync(input, all.AsMemory(), lengths, root, timeout, cancellationToken).ConfigureAwait(false);
        return lengths is null ? null : Divide(all, lengths);
    }

    internal static T[] Scatter<T>(DistributedGroup group, ReadOnlySpan<T> input, int root, TimeSpan? timeout)
        where T : unmanaged
    {
        _ = ElementType.Of<T>();
        T[] output = NewBlock<T>(group, group.Broadcast((long)input.Length, root, timeout), root);
        group.Scatter(input, output, root, timeout);
        return output;
    }

    internal static async Task<T[]> ScatterAsync<T>(
        DistributedGroup group,
        ReadOnlyMemory<T> input,
        int root,
        TimeSpan? timeout,
        CancellationToken cancellationToken
    )
        where T : unmanaged
    {
        _ = ElementType.Of<T>();
        long length = await group
            .BroadcastAsync((long)input.Length, root, timeout, cancellationToken)
            .ConfigureAwait(false);
        T[] output = NewBlock<T>(group, length, root);
        await group.ScatterAsync(input, output.AsMemory(), root, timeout, cancellationToken).ConfigureAwait(false);
        return output;
    }

    internal static void SendArray<T>(
        DistributedGroup group,
        ReadOnlySpan<T> buffer,
        int destination,
        int tag,
        TimeSpan? timeout
    )
        where T : unmanaged
    {
        _ = ElementType.Of<T>();
        group.Send([(long)buffer.Length], destination, tag, timeout);
        group.Send(buffer, destination, tag, timeout);
    }

    internal static Task SendArrayAsync<T>(
        DistributedGroup group,
        ReadOnlyMemory<T> buffer,
        int destination,
        int tag,
        TimeSpan? timeout,
        CancellationToken cancellationToken
    )
        where T : unmanaged
    {
        _ = ElementType.Of<T>();
        Task length = group.SendAsync(new[] { (long)buffer.Length }, destination, tag, timeout, cancellationToken);
        return Task.WhenAll(length, group.SendAsync(buffer, destination, tag, timeout, cancellationToken));
    }

    internal static T[] ReceiveArray<T>(DistributedGroup group, int source, int tag, TimeSpan? timeout)
        where T : unmanaged
    {
        _ = ElementType.Of<T>();
        Span<long> length = [0];
        group.Receive(length, source, tag, timeout);
        T[] buffer = NewArray<T>(group, length);
        group.Receive(buffer.AsSpan(), source, tag, timeout);
        return buffer;
    }

    internal static async Task<T[]> ReceiveArrayAsync<T>(
        DistributedGroup group,
        int source,
        int tag,
        TimeSpan? timeout,
        CancellationToken cancellationToken
    )
        where T : unmanaged
    {
        _ = ElementType.Of<T>();
        long[] length = [0];
        await group.ReceiveAsync(length, source, tag, timeout, cancellationToken).ConfigureAwait(false);
        T[] buffer = NewArray<T>(group, length);
        await group.ReceiveAsync(buffer, source, tag, timeout, cancellationToken).ConfigureAwait(false);
        return buffer;
    }

    // What peers say is checked before it is a size.
    private static T[] NewArray<T>(DistributedGroup group, ReadOnlySpan<long> lengths)
        where T : unmanaged
    {
        long total = 0;
        foreach (long length in lengths)
        {
            if (length < 0 || length > Array.MaxLength - total)
            {
                throw group.OutOfStep($"an array cannot have the lengths {string.Join(", ", lengths.ToArray())}");
            }

            total += length;
        }

        return GC.AllocateUninitializedArray<T>((int)total);
    }

    private static T[] NewBlock<T>(DistributedGroup group, long length, int root)
        where T : unmanaged
    {
        if (length < 0 || length / group.Size > Array.MaxLength)
        {
            throw group.OutOfStep($"an array cannot have the length {length}, divided among {group.Size} ranks");
        }

        return length % group.Size == 0
            ? GC.AllocateUninitializedArray<T>((int)(length / group.Size))
            : throw new ArgumentException(
                $"The input of the root, rank {root}, has {length} elements, which cannot be divided among the "
                    + $"{group.Size} ranks.",
                "input"
            );
    }

    private static T[][] Divide<T>(T[] all, long[] lengths)
    {
        var parts = new T[lengths.Length][];
        int begin = 0;
        for (int rank = 0; rank < parts.Length; rank++)
        {
            parts[rank] = all[begin..(begin + (int)lengths[rank])];
            begin += (int)lengths[rank];
        }

        return parts;
    }
}
