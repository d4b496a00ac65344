using System.Globalization;
using NativeCollectives.Worker.Reference;

namespace NativeCollectives.Worker;

/// <summary>
/// Operations until one fails or there have been enough of them: what goes on while a test does harm.
/// </summary>
internal static class Loop
{
    private static readonly string[] _kinds =
    [
        "AllReduce",
        "AllGather",
        "ReduceScatter",
        "Broadcast",
        "Reduce",
        "Gather",
        "Scatter",
        "AllToAll",
        "Barrier",
        "SendReceive",
        "Product",
    ];

    /// <summary>
    /// <see cref="Command.Operation"/> names one operation, or is "Any": each time another one, and another count, the
    /// same on all ranks. <see cref="Command.Count"/> is the greatest count, in bytes.
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
                var count =
                    command.Operation == "Any"
                        ? (int)((uint)(random >> 8) % (ulong)command.Count) >> (int)((random >> 48) % 16)
                        : command.Count;
                Once(
                    group,
                    command.Place,
                    kind,
                    count,
                    (int)((random >> 32) % (ulong)group.Size),
                    timeout,
                    command.IsAsync
                );
            }
        }
        finally
        {
            data["done"] = done.ToString(CultureInfo.InvariantCulture);
        }
    }

    private static void Once(
        DistributedGroup group,
        CallPlace place,
        string kind,
        int count,
        int root,
        TimeSpan? timeout,
        bool isAsync
    )
    {
        var (size, rank) = (group.Size, group.Rank);
        var (right, left) = ((rank + 1) % size, (rank + size - 1) % size);
        using var call = Caller<byte>.Of(group, place, isAsync ? CallForm.Async : CallForm.Separate, timeout);
        switch (kind)
        {
            case "AllReduce":
                Reduce(ReduceOp.Sum);
                break;
            case "Product":
                Reduce(ReduceOp.Product);
                break;
            case "AllGather":
                call.AllGather(new byte[count], new byte[count * size]);
                break;
            case "ReduceScatter":
                call.ReduceScatter(new byte[count * size], new byte[count], ReduceOp.Sum);
                break;
            case "Broadcast":
                call.Broadcast(new byte[count], root);
                break;
            case "Reduce":
                call.Reduce(new byte[count], new byte[count], ReduceOp.Sum, root);
                break;
            case "Gather":
                call.Gather(new byte[count], new byte[rank == root ? count * size : 0], root);
                break;
            case "Scatter":
                call.Scatter(new byte[rank == root ? count * size : 0], new byte[count], root);
                break;
            case "AllToAll":
                call.AllToAll(new byte[count * size], new byte[count * size]);
                break;
            case "Barrier":
                group.Barrier(timeout);
                break;
            case "SendReceive" when group.Backend != BackendKind.Ring:
                // A send may last until it is received: the ranks send one after the other.
                if (rank < left)
                {
                    call.Send(new byte[count], right);
                    call.Receive(new byte[count], left);
                }
                else
                {
                    call.Receive(new byte[count], left);
                    call.Send(new byte[count], right);
                }
                break;
            case "SendReceive":
                var sent = group.SendAsync<byte>(new byte[count], right, timeout: timeout);
                try
                {
                    call.Receive(new byte[count], left);
                }
                finally
                {
                    sent.GetAwaiter().GetResult();
                }
                break;
            case "ReceiveLeft":
                call.Receive(new byte[count], left);
                break;
            case "ReceiveRight":
                call.Receive(new byte[count], right);
                break;
            case "SendRight":
                call.Send(new byte[count], right);
                break;
            default:
                throw new ArgumentException($"unknown operation {kind}");
        }
        call.Finish();

        void Reduce(ReduceOp op)
        {
            var buffer = new byte[count];
            call.AllReduce(buffer, buffer, op);
        }
    }
}
