namespace NativeCollectives.Worker;

/// <summary>The parts of NCCL's plan, which need groups of different settings.</summary>
public enum NcclPart
{
    /// <summary>
    /// Small counts: every operation with every type that NCCL takes; in a group of two in every form, elsewhere forms
    /// and counts take turns.
    /// </summary>
    Forms,

    /// <summary>One form of each call, for a library that has fewer functions, or is late.</summary>
    Short,

    /// <summary>
    /// Host memory of some 200 KB, for a group that sends it in pieces of less, or whole; each operation with every
    /// fourth type.
    /// </summary>
    Pieces,

    /// <summary>
    /// Host memory of some dozens of elements, for a group that sends it in pieces of a few; likewise.
    /// </summary>
    Crumbs,

    /// <summary>Buffers of more than two pieces of 4 MiB, on the host and on the device.</summary>
    Large,
}

/// <summary>
/// Which calls a group of NCCL's is tested with: operations, types and counts of the ring's plan, on host and device
/// memory, on streams and without.
/// </summary>
public static class NcclPlan
{
    /// <summary>Group sizes.</summary>
    public static IReadOnlyList<int> Sizes { get; } = [1, 2, 3, 4];

    /// <summary>Whether NCCL can do the operation with the type.</summary>
    public static bool IsDefined(string operation, string type) =>
        OperationPlan.IsDefined(operation, type) && !IsRefused(operation, type);

    /// <summary>
    /// Whether the operation is one that is refused, because NCCL does not reduce elements of the type in that way.
    /// </summary>
    public static bool IsRefused(string operation, string type)
    {
        var parts = operation.Split('.');
        return parts.Length > 1
            && type switch
            {
                nameof(Int16) or nameof(UInt16) => true,
                nameof(Complex64) => parts[1] is not (nameof(ReduceOp.Sum) or nameof(ReduceOp.Average)),
                _ => false,
            };
    }

    /// <summary>The types with which the operation is refused.</summary>
    public static IEnumerable<string> Refused(string operation) =>
        OperationPlan.Types.Where(type => IsRefused(operation, type));

    /// <summary>The calls of one operation in a group of this size.</summary>
    public static IEnumerable<OperationCase> Cases(int size, NcclPart part, string operation)
    {
        if (size == 1 && operation == "SendReceive")
        {
            yield break;
        }
        var number = 0;
        for (var type = 0; type < OperationPlan.Types.Count; type++)
        {
            var name = OperationPlan.Types[type];
            if (!IsDefined(operation, name))
            {
                continue;
            }
            var item = OperationPlan.ItemSize(type);
            foreach (
                var (count, calls) in part switch
                {
                    NcclPart.Forms => Forms(size, type, OperationPlan.Operations.ToList().IndexOf(operation)),
                    NcclPart.Short =>
                    [
                        (type % 2 == 0 ? 0 : size + 1, [((CallPlace)(type / 2 % 4), (CallForm)(type % 3))]),
                        (1009, Calls(type + 2)),
                    ],
                    NcclPart.Pieces when IsOneInFour(operation, type) =>
                    [
                        ((200_000 / (OperationPlan.HasBlocks(operation) ? size : 1) / item) + 1, HostCalls(type)),
                    ],
                    NcclPart.Crumbs when IsOneInFour(operation, type) => [(61, HostCalls(type + 1))],
                    NcclPart.Large when IsLargeHere(operation, type) =>
                    [
                        ((9 << 20) / (OperationPlan.HasBlocks(operation) ? size : 1) / item, LargeCalls(type)),
                    ],
                    _ => Array.Empty<(int, (CallPlace, CallForm)[])>(),
                }
            )
            {
                foreach (var (place, form) in calls)
                {
                    yield return new OperationCase(operation, name, count, form, number++ % size, place);
                }
            }
        }
    }

    /// <summary>
    /// Runs every refused call of the operation: each must be refused on every rank, and leave the group as it was.
    /// </summary>
    internal static void RunRefused(DistributedGroup group, Command command)
    {
        foreach (var type in Refused(command.Operation))
        {
            foreach (var place in Enum.GetValues<CallPlace>())
            {
                foreach (var form in new[] { CallForm.Separate, CallForm.Async })
                {
                    var next = new OperationCase(command.Operation, type, 5, form, 0, place);
                    Scenario.Throws<NotSupportedException>(
                        () => OperationPlan.RunCase(group, UnknownOrder.Rules, next, 1, []),
                        $"{next}"
                    );
                    Scenario.True(!group.IsFaulted, $"the group is not faulted after {next}");
                }
            }
        }
        int[] sum = [1];
        group.AllSum<int>(sum);
        Scenario.True(sum[0] == group.Size, "a sum afterwards");
    }

    /// <summary>Whether every way of calling is tried with every type; elsewhere they take turns.</summary>
    public static bool HasEveryForm(int size) => size == 2;

    /// <summary>The small counts of a group of this size.</summary>
    public static int[] Counts(int size) => [.. new[] { 0, 1, size - 1, size, size + 1, 1009 }.Distinct()];

    // All twelve ways of calling with the count that tells most, one with each of the others; or four, and one with
    // every third of the others.
    private static IEnumerable<(int Count, (CallPlace, CallForm)[] Calls)> Forms(int size, int type, int operation)
    {
        foreach (var (index, count) in Counts(size).Index())
        {
            var turn = type + operation;
            if (count == 1009)
            {
                yield return (count, HasEveryForm(size) ? EveryCall() : Calls(turn));
            }
            else if (HasEveryForm(size) || index % 3 == turn % 3)
            {
                yield return (count, [((CallPlace)((turn + (turn / 4) + index) % 4), (CallForm)((type + index) % 3))]);
            }
        }
    }

    private static (CallPlace, CallForm)[] EveryCall() =>
        [.. from place in Enum.GetValues<CallPlace>() from form in Enum.GetValues<CallForm>() select (place, form)];

    // Each place once.
    private static (CallPlace, CallForm)[] Calls(int number) =>
        [.. Enum.GetValues<CallPlace>().Select((place, index) => (place, (CallForm)((number + index) % 3)))];

    private static (CallPlace, CallForm)[] HostCalls(int number) =>
        [(CallPlace.Host, (CallForm)(number % 3)), (CallPlace.Pointer, (CallForm)((number + 1) % 3))];

    private static (CallPlace, CallForm)[] LargeCalls(int number) =>
        [(CallPlace.Host, (CallForm)(number % 3)), (CallPlace.Device, (CallForm)((number + 1) % 3))];

    private static bool IsOneInFour(string operation, int type) =>
        type % 4 == OperationPlan.Operations.ToList().IndexOf(operation) % 4;

    // One type for each operation that moves, and each sum.
    private static bool IsLargeHere(string operation, int type)
    {
        var number = OperationPlan.Operations.ToList().IndexOf(operation);
        var isMeant =
            !operation.Contains('.', StringComparison.Ordinal) || operation.EndsWith(".Sum", StringComparison.Ordinal);
        return isMeant
            && OperationPlan.Types[type]
                == new[] { nameof(Single), nameof(Int64), nameof(Complex64), nameof(BFloat16) }[number % 4];
    }
}
