using static NativeCollectives.Surface.Block;
using static NativeCollectives.Surface.Form;

namespace NativeCollectives.Surface;

/// <summary>
/// Every operation of the library. From a row come its overloads on spans, memories, arrays, values, tensors, device
/// memory, pointers and in batches, blocking and asynchronous, with their documentation. What a row says of lengths is
/// checked by the operation's own <c>Begin…</c> in DistributedGroup.Checks.cs.
/// </summary>
internal static class Table
{
    // csharpier-ignore
    internal static readonly Operation[] Operations =
    [
        // name             input      output     the other rank  reduces  forms
        new("AllReduce",     One,       One,       null,           true,    InPlace | Value | Function | InBatch),
        new("Reduce",        One,       OneAtRoot, "root",         true,    Value | Function | InBatch),
        new("ReduceScatter", All,       One,       null,           true,    Uneven | Result | Function | InBatch),
        new("AllGather",     One,       All,       null,           false,   Uneven | Result | Value | InBatch),
        new("Gather",        One,       AllAtRoot, "root",         false,   Uneven | Result | Value | InBatch),
        new("Scatter",       AllAtRoot, One,       "root",         false,   Uneven | InBatch),
        new("AllToAll",      All,       All,       null,           false,   Uneven | Result | InBatch),
        new("Broadcast",     Same,      Same,      "root",         false,   Value | InBatch),
        new("Scan",          One,       One,       null,           true,    Value | Function),
        new("ExclusiveScan", One,       One,       null,           true,    Function),
        new("Send",          One,       Nothing,   "destination",  false,   Tagged | InBatch),
        new("Receive",       Nothing,   One,       "source",       false,   Tagged | InBatch),
        new("SendReceive",   One,       One,       null,           false,   Tagged | Exchange),
    ];

    /// <summary>MLX's names for some of them.</summary>
    internal static readonly Alias[] MlxNames =
    [
        new("AllSum", "AllReduce", "Sum", "Adds the ranks' inputs element by element; every rank gets all sums."),
        new("AllMax", "AllReduce", "Max", "Takes the greatest of the ranks' elements; every rank gets all of them."),
        new("AllMin", "AllReduce", "Min", "Takes the least of the ranks' elements; every rank gets all of them."),
        new("SumScatter", "ReduceScatter", "Sum", "Adds the ranks' inputs element by element; each gets its block."),
    ];

    /// <summary>Operations on arrays whose lengths the other ranks do not know.</summary>
    internal static readonly Composed[] VariableLengths =
    [
        new(
            "AllGatherVariable",
            "input",
            "What this rank contributes, of any length.",
            null,
            "T[][]",
            "One array for each rank, in rank order.",
            "Joins the ranks' inputs, whose lengths may differ; every rank gets all of them.",
            "MPI's <c>MPI_Allgatherv</c> after an <c>MPI_Allgather</c> of the lengths."
        ),
        new(
            "GatherVariable",
            "input",
            "What this rank contributes, of any length.",
            "root",
            "T[][]?",
            "At the root one array for each rank, in rank order; <see langword=\"null\"/> on other ranks.",
            "Joins the ranks' inputs, whose lengths may differ; the root gets all of them.",
            "MPI's <c>MPI_Gatherv</c> after an <c>MPI_Gather</c> of the lengths."
        ),
        new(
            "Scatter",
            "input",
            "At the root: equal blocks, one for each rank, in rank order. Elsewhere: unused.",
            "root",
            "T[]",
            "This rank's block.",
            "Gives each rank its block of the root's input, whose length only the root knows.",
            "MPI's <c>MPI_Scatter</c> after an <c>MPI_Bcast</c> of the length."
        ),
        new(
            "SendArray",
            "buffer",
            "What is sent, of any length.",
            "destination",
            null,
            null,
            "Sends elements with their number, to be received by <c>ReceiveArray</c>.",
            "MPI's <c>MPI_Send</c> where the receiver uses <c>MPI_Probe</c>."
        ),
        new(
            "ReceiveArray",
            null,
            null,
            "source",
            "T[]",
            "What came.",
            "Receives what <c>SendArray</c> sends, however many elements that are.",
            "MPI's <c>MPI_Recv</c> after <c>MPI_Probe</c> and <c>MPI_Get_count</c>."
        ),
    ];

    /// <summary>Operations on objects, as JSON.</summary>
    internal static readonly Composed[] Objects =
    [
        new(
            "BroadcastObject",
            "value",
            "At the root the object; elsewhere it is not used.",
            "root",
            "T",
            "The root's object, on every rank a copy of its own.",
            "Gives the root's object to all ranks, as JSON.",
            "torch.distributed's <c>broadcast_object_list</c>."
        ),
        new(
            "AllGatherObject",
            "value",
            "What this rank contributes.",
            null,
            "T[]",
            "One object of each rank, in rank order.",
            "Gives the ranks' objects to all ranks, as JSON.",
            "torch.distributed's <c>all_gather_object</c>."
        ),
        new(
            "GatherObject",
            "value",
            "What this rank contributes.",
            "root",
            "T[]?",
            "At the root one object of each rank, in rank order; <see langword=\"null\"/> on other ranks.",
            "Gives the ranks' objects to the root, as JSON.",
            "torch.distributed's <c>gather_object</c>."
        ),
        new(
            "ScatterObject",
            "values",
            "At the root one object for each rank; elsewhere it is not used.",
            "root",
            "T",
            "The object that is this rank's.",
            "Gives each rank its object of the root's, as JSON.",
            "torch.distributed's <c>scatter_object_list</c>."
        ),
        new(
            "SendObject",
            "value",
            "What is sent.",
            "destination",
            null,
            null,
            "Sends an object to a rank, as JSON, to be received by <c>ReceiveObject</c>.",
            "torch.distributed's <c>send_object_list</c>."
        ),
        new(
            "ReceiveObject",
            null,
            null,
            "source",
            "T",
            "What came.",
            "Receives an object that a rank sends by <c>SendObject</c>.",
            "torch.distributed's <c>recv_object_list</c>."
        ),
    ];
}
