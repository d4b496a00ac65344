namespace NativeCollectives.Surface;

/// <summary>The sentences that the documentation is made of.</summary>
internal static class Texts
{
    private const string Size = """<see cref="DistributedGroup.Size"/>""";
    private const string Null = """<see langword="null"/>""";
    private const string Ungiven = $"{Null}: <see cref=\"DistributedGroupOptions.OperationTimeout\"/>.";

    internal const string ElementType = """The element type, one of those listed at <see cref="DistributedGroup"/>.""";

    internal const string Group = "The group.";
    internal const string Timeout = $"How long the operation may take from now; {Ungiven}";
    internal const string Op = "How elements are combined.";
    internal const string ScanOp = """How elements are combined; not <see cref="ReduceOp.Average"/>.""";
    internal const string Count = "Elements of one block.";
    internal const string Type = "The element type.";
    internal const string Tag =
        "Must be equal on both sides; only 0 where the backend's wire has no tags, as with ring, JACCL and NCCL.";

    internal const string Function =
        "Combines the elements of one rank with those of the ranks before it, in the order of ranks.";

    internal const string CancellationToken =
        "Ends the operation; if it is running, the group with it: see <see cref=\"DistributedGroup\"/>.";

    internal const string Stream =
        "The stream that the operation takes its place on: the call returns when it is there, without waiting for "
        + "the device. With <see cref=\"CudaStream.None\"/> (the default) the operation begins after what was put on "
        + "the default stream before, and has ended when the call returns.";

    internal const string AsyncStream =
        "The stream that the operation takes its place on before this method returns. With "
        + "<see cref=\"CudaStream.None\"/> (the default) it begins after what was put on the default stream before.";

    internal const string AsyncReturns =
        "A task that completes when the operation has ended on this rank; until then the buffers must not be touched.";

    internal const string AsyncDeviceReturns =
        "A task that completes when the device has finished the operation; until then the buffers must not be touched.";

    internal static string Summary(string name) =>
        name switch
        {
            "AllReduce" =>
                "Combines the ranks' inputs element by element; every rank gets the whole result, bit for bit the "
                    + "same.",
            "Reduce" => "Combines the ranks' inputs element by element; the root gets the result.",
            "ReduceScatter" =>
                "Combines the ranks' inputs element by element; every rank gets the block of the result that is its "
                    + "own.",
            "AllGather" => "Joins the ranks' inputs, in rank order; every rank gets the whole.",
            "Gather" => "Joins the ranks' inputs, in rank order; the root gets the whole.",
            "Scatter" => "Gives each rank its block of the root's input.",
            "AllToAll" => "Gives each rank its block of every rank's input, in rank order.",
            "Broadcast" => "Gives the root's elements to all ranks.",
            "Scan" => "Combines the inputs of the ranks up to this one, element by element.",
            "ExclusiveScan" =>
                "Combines the inputs of the ranks before this one, element by element; rank 0 gets nothing, and its "
                    + "output stays as it is.",
            "Send" => "Sends elements to a rank.",
            "Receive" => "Receives elements from a rank.",
            "SendReceive" =>
                "Sends to one rank and receives from one, at the same time: ranks that all do so cannot wait for each "
                    + "other, whatever the size.",
            _ => throw new ArgumentException($"{name} has no summary."),
        };

    /// <summary>What other libraries call it.</summary>
    internal static string Elsewhere(string name, bool isUneven = false) =>
        (name, isUneven) switch
        {
            ("AllReduce", _) =>
                "MPI's <c>MPI_Allreduce</c>, NCCL's <c>ncclAllReduce</c>, torch.distributed's <c>all_reduce</c>.",
            ("Reduce", _) => "MPI's <c>MPI_Reduce</c>, NCCL's <c>ncclReduce</c>, torch.distributed's <c>reduce</c>.",
            ("ReduceScatter", true) => "MPI's <c>MPI_Reduce_scatter</c>.",
            ("ReduceScatter", _) =>
                "MPI's <c>MPI_Reduce_scatter_block</c>, NCCL's <c>ncclReduceScatter</c>, torch.distributed's "
                    + "<c>reduce_scatter_tensor</c>.",
            ("AllGather", true) => "MPI's <c>MPI_Allgatherv</c>, the blocks one behind the other.",
            ("AllGather", _) => "MPI's <c>MPI_Allgather</c>, NCCL's <c>ncclAllGather</c>, torch.distributed's "
                + "<c>all_gather_into_tensor</c>, MLX's <c>all_gather</c>.",
            ("Gather", true) =>
                "MPI's <c>MPI_Gatherv</c>, the blocks one behind the other. Every rank must use this form.",
            ("Gather", _) => "MPI's <c>MPI_Gather</c>, torch.distributed's <c>gather</c>.",
            ("Scatter", true) =>
                "MPI's <c>MPI_Scatterv</c>, the blocks one behind the other. Every rank must use this form.",
            ("Scatter", _) => "MPI's <c>MPI_Scatter</c>, torch.distributed's <c>scatter</c>.",
            ("AllToAll", true) => "MPI's <c>MPI_Alltoallv</c>, the blocks one behind the other.",
            ("AllToAll", _) => "MPI's <c>MPI_Alltoall</c>, torch.distributed's <c>all_to_all_single</c>.",
            ("Broadcast", _) =>
                "MPI's <c>MPI_Bcast</c>, NCCL's <c>ncclBroadcast</c>, torch.distributed's <c>broadcast</c>.",
            ("Scan", _) => "MPI's <c>MPI_Scan</c>.",
            ("ExclusiveScan", _) => "MPI's <c>MPI_Exscan</c>.",
            ("Send", _) =>
                "MPI's <c>MPI_Send</c>, NCCL's <c>ncclSend</c>, torch.distributed's and MLX's <c>send</c>. When it "
                    + "has ended, the buffer may be used again; the peer need not have received yet.",
            ("Receive", _) =>
                "MPI's <c>MPI_Recv</c>, NCCL's <c>ncclRecv</c>, torch.distributed's and MLX's <c>recv</c>.",
            ("SendReceive", _) =>
                "MPI's <c>MPI_Sendrecv</c>, torch.distributed's <c>batch_isend_irecv</c>. The peers may do the same, "
                    + "or send and receive by themselves.",
            _ => throw new ArgumentException($"{name} is unknown."),
        };

    internal static string Peer(string name) =>
        name switch
        {
            "root" => "The root, a rank of the group.",
            "destination" => "The rank it goes to.",
            _ => "The rank it comes from.",
        };

    internal static string Buffer(Operation operation) =>
        operation switch
        {
            { Name: "Broadcast" } => "At the root what all get; elsewhere where it goes.",
            { Output: Block.Nothing } => "What is sent.",
            { Input: Block.Nothing } => "Where it goes: as long as what is sent.",
            _ => "What this rank contributes, and then the result.",
        };

    internal static string Input(Operation operation, Kind kind, bool isUneven) =>
        operation switch
        {
            { Name: "SendReceive" } => "What is sent.",
            { GivesAll: false } when !isUneven && operation.GetsAll =>
                "What this rank contributes: equally much on every rank.",
            { GivesAll: false } => isUneven
                ? "What this rank contributes: as much as its count."
                : "What this rank contributes.",
            _ => AtRoot(
                operation.GivesAtRoot,
                isUneven ? "The blocks of all ranks, one behind the other, in rank order."
                    : operation.GetsAll ? "Equal blocks, one for each rank, in rank order."
                    : $"Equal blocks, one for each rank, in rank order: {Times(kind, "output")}."
            ),
        };

    internal static string Output(Operation operation, Kind kind, bool isUneven) =>
        operation switch
        {
            { Name: "SendReceive" } => "Where what comes goes; its length may differ from the input's.",
            { GetsAll: false, GivesAll: false } => AtRoot(
                operation.GetsAtRoot,
                kind.IsRaw
                    ? "The result. In place: the input's memory."
                    : $"The result, of the input's {kind.Extent}. In place: the input's memory."
            ),
            { GetsAll: false } => isUneven
                ? "This rank's block, as long as its count. In place: the own block of the input."
                : "This rank's block. In place: the own block of the input.",
            { GivesAll: true } => isUneven
                ? "The blocks that come, one behind the other, in rank order."
                : $"The blocks that come, in rank order{(kind.IsRaw ? "" : $": of the input's {kind.Extent}")}.",
            _ => AtRoot(
                operation.GetsAtRoot,
                isUneven
                    ? "The result, as long as all counts together. In place: the input is the own block of it."
                    : $"The result: {Times(kind, "input")}. In place: the input is the own block of it."
            ),
        };

    internal static string Counts(Kind kind, bool isAtRoot) =>
        (kind.IsTensor ? "How long each rank's block is along axis 0" : "How many elements each rank's block has")
        + (isAtRoot ? "; on other ranks than the root it is not used" : ", alike on every rank")
        + ". They are read before this method returns.";

    internal static string Result(Operation operation, Kind kind) =>
        (
            operation.GetsAll && operation.GivesAll
                ? $"The blocks that come, in rank order: of the input's {kind.Extent}"
            : operation.GetsAll ? $"The result: {Times(kind, "input")}"
            : "This rank's block"
        ) + (operation.GetsAtRoot ? $"; {Null} on other ranks than the root." : ".");

    private static string Times(Kind kind, string buffer) =>
        kind.IsTensor
            ? $"of the shape of the {buffer}s joined along axis 0"
            : $"{Size} times {(kind.IsRaw ? "as many elements" : $"the {buffer}'s length")}";

    private static string AtRoot(bool isAtRoot, string text) =>
        isAtRoot
            ? $"At the root: {char.ToLowerInvariant(text[0])}{text[1..].TrimEnd('.')}. Elsewhere it is not used."
            : text;

    internal static IReadOnlyList<(string Type, string Text)> Exceptions(Kind kind, bool hasFunction)
    {
        string mistake = kind.IsRaw
            ? "A length is wrong, or buffers overlap in another way than the in-place form."
            : $"<typeparamref name=\"T\"/> is not an element type, a {kind.Extent} is wrong, or buffers overlap in "
                + "another way than the in-place form.";
        string unsupported = kind.IsDevice
            ? "The group works on host memory only, or its backend cannot do this with this element type. The group "
                + "stays usable."
            : "The group's backend cannot do this. The group stays usable.";
        string failed =
            "The operation failed and ended the group, or an earlier one had: the derived type tells how."
            + (hasFunction ? " What the function throws is its inner exception." : "");
        return
        [
            ("ArgumentException", mistake),
            (
                "ArgumentOutOfRangeException",
                "A rank or operator does not exist, or <paramref name=\"timeout\"/> is not positive and finite."
            ),
            ("NotSupportedException", unsupported),
            (
                "ObjectDisposedException",
                "The group has been disposed, before or meanwhile" + (kind.IsDevice ? ", or a buffer had been." : ".")
            ),
            ("CollectiveException", failed),
        ];
    }
}
