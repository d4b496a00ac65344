using System.Globalization;
using NativeCollectives.Worker.Reference;

namespace NativeCollectives.Worker;

/// <summary>Operations until one fails or there have been enough of them: what goes on while a test does harm.</summary>
internal static class Loop
{
    private static readonly string[] _kinds =
    [
        "AllReduce", "AllGather", "ReduceScatter", "Broadcast", "Reduce", "Gather", "Scatter", "AllToAll", "Barrier", "SendReceive", "Product",
    ];

    /// <summary>
    /// <see cref="Command.Operation"/> names one operation, or is "Any": each time another one, and another count, the same on all ranks.
    /// <see cref="Command.Count"/> is the greatest count, in bytes.
    /// </summary>
    public static void Run(DistributedGroup group, Command command, Dictionary<string, string> data, Action announce)
    {
        TimeSpan? timeout = command.TimeoutSeconds > 0 ? TimeSpan.FromSeconds(command.TimeoutSeconds) : null;
        var done = 0;
        try
        {
            for (; done < command.Iterations; done++)
            {
                if (done == command.AnnounceAfter)
                {
                    announce();
                }
                var random = Samples.At(command.Seed, 0, done);
                var kind = command.Operation == "Any" ? _kinds[random % (ulong)_kinds.Length] : command.Operation;
                // Small ones as often as large ones.
                var count = command.Operation == "Any" ? (int)((uint)(random >> 8) % (ulong)command.Count) >> (int)((random >> 48) % 16) : command.Count;
                Once(group, kind, count, (int)((random >> 32) % (ulong)group.Size), timeout);
            }
        }
        finally
        {
            data["done"] = done.ToString(CultureInfo.InvariantCulture);
        }
    }

    private static void Once(DistributedGroup group, string kind, int count, int root, TimeSpan? timeout)
    {
        var size = group.Size;
        switch (kind)
        {
            case "AllReduce": group.AllReduce<byte>(new byte[count], ReduceOp.Sum, timeout); break;
            case "Product": group.AllReduce<byte>(new byte[count], ReduceOp.Product, timeout); break;
            case "AllGather": group.AllGather<byte>(new byte[count], new byte[count * size], timeout); break;
            case "ReduceScatter": group.ReduceScatter<byte>(new byte[count * size], new byte[count], ReduceOp.Sum, timeout); break;
            case "Broadcast": group.Broadcast<byte>(new byte[count], root, timeout); break;
            case "Reduce": group.Reduce<byte>(new byte[count], new byte[count], ReduceOp.Sum, root, timeout); break;
            case "Gather": group.Gather<byte>(new byte[count], new byte[group.Rank == root ? count * size : 0], root, timeout); break;
            case "Scatter": group.Scatter<byte>(new byte[group.Rank == root ? count * size : 0], new byte[count], root, timeout); break;
            case "AllToAll": group.AllToAll<byte>(new byte[count * size], new byte[count * size], timeout); break;
            case "Barrier": group.Barrier(timeout); break;
            case "SendReceive":
                var sent = group.SendAsync<byte>(new byte[count], (group.Rank + 1) % size, timeout);
                try
                {
                    group.Receive<byte>(new byte[count], (group.Rank + size - 1) % size, timeout);
                }
                finally
                {
                    sent.GetAwaiter().GetResult();
                }
                break;
            case "ReceiveLeft": group.Receive<byte>(new byte[count], (group.Rank + size - 1) % size, timeout); break;
            case "ReceiveRight": group.Receive<byte>(new byte[count], (group.Rank + 1) % size, timeout); break;
            case "SendRight": group.Send<byte>(new byte[count], (group.Rank + 1) % size, timeout); break;
            default: throw new ArgumentException($"unknown operation {kind}");
        }
    }
}
