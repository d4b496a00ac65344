using System.Globalization;
using NativeCollectives.Worker.Reference;

namespace NativeCollectives.Worker;

/// <summary>How an operation is called.</summary>
public enum CallForm
{
    Separate,
    InPlace,
    Async,
}

/// <summary>One call of an operation on every rank.</summary>
public readonly record struct OperationCase(
    string Operation,
    string Type,
    int Count,
    CallForm Form,
    int Root,
    CallPlace Place = CallPlace.Host
);

/// <summary>
/// Which calls a ring of a given shape is tested with: every operation with every element type at counts around the
/// number of ranks. In one shape that is done in every form, in another with every count; in the others forms and counts
/// take turns, so that each of them meets each other, each operation and each type. Operands of about one mebibyte
/// are paired: over all shapes every operation has one with every type, every shape with every operation and every
/// type, and every form with all of these. The native tests have whole products.
/// </summary>
public static class OperationPlan
{
    /// <summary>
    /// Group sizes and sockets per neighbour: each size, each number of sockets, and all of both among few ranks. The
    /// native tests have the others.
    /// </summary>
    public static IReadOnlyList<(int Size, int Sockets)> Shapes { get; } =
    [(1, 1), (2, 1), (2, 2), (2, 3), (3, 1), (3, 2), (3, 3), (4, 1), (4, 3), (5, 2), (8, 1)];

    /// <summary>The operations, with the reduction after a dot.</summary>
    public static IReadOnlyList<string> Operations { get; } =
    [
        .. Reductions("AllReduce"),
        "AllGather",
        "AllGatherUneven",
        .. Reductions("ReduceScatter"),
        "ReduceScatterUneven.Sum",
        "Broadcast",
        .. Reductions("Reduce"),
        "Gather",
        "GatherUneven",
        "Scatter",
        "ScatterUneven",
        "AllToAll",
        "AllToAllUneven",
        "SendReceive",
    ];

    /// <summary>MLX's fourteen element types.</summary>
    public static IReadOnlyList<string> Types { get; } =
    [
        nameof(Boolean),
        nameof(SByte),
        nameof(Int16),
        nameof(Int32),
        nameof(Int64),
        nameof(Byte),
        nameof(UInt16),
        nameof(UInt32),
        nameof(UInt64),
        nameof(Half),
        nameof(BFloat16),
        nameof(Single),
        nameof(Double),
        nameof(Complex64),
    ];

    private static readonly int[] _itemSizes = [1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 8];

    /// <summary>Whether the operation is defined for the type.</summary>
    public static bool IsDefined(string operation, string type) =>
        !(type == nameof(Boolean) && operation.EndsWith(".Average", StringComparison.Ordinal));

    /// <summary>Whether the plan of a shape has every form of every call; elsewhere they take turns.</summary>
    public static bool HasEveryForm(int size, int sockets) => (size, sockets) is (1, 1) or (2, 1);

    /// <summary>Whether the plan of a shape has every count with every type; elsewhere they take turns.</summary>
    public static bool HasEveryCount(int size, int sockets) => HasEveryForm(size, sockets) || (size, sockets) is (3, 2);

    /// <summary>The small counts of a shape.</summary>
    public static int[] Counts(int size) => [.. new[] { 0, 1, size - 1, size, size + 1, 1009 }.Distinct()];

    /// <summary>The calls of one operation in a ring of this shape.</summary>
    public static IEnumerable<OperationCase> Cases(int size, int sockets, string operation)
    {
        if (size == 1 && operation == "SendReceive")
        {
            yield break;
        }
        var place = Operations.ToList().IndexOf(operation);
        var number = 0;
        for (var type = 0; type < Types.Count; type++)
        {
            if (!IsDefined(operation, Types[type]))
            {
                continue;
            }
            foreach (var (index, count) in Counts(size).Index())
            {
                // The count that tells most, and every third of the others.
                if (!HasEveryCount(size, sockets) && count != 1009 && index % 3 != (type + place) % 3)
                {
                    continue;
                }
                foreach (
                    var form in HasEveryForm(size, sockets)
                        ? Enum.GetValues<CallForm>()
                        : [(CallForm)((type + index + sockets + (type / 3)) % 3)]
                )
                {
                    yield return new OperationCase(operation, Types[type], count, form, number++ % size);
                }
            }
            if (IsLargeHere(size, sockets, place, type))
            {
                yield return new OperationCase(
                    operation,
                    Types[type],
                    ((1 << 20) / (HasBlocks(operation) ? size : 1) / _itemSizes[type]) + 3,
                    (CallForm)((place + (2 * type) + (type / 3)) % 3),
                    number++ % size
                );
            }
        }
    }

    /// <summary>Whether an operand has a block for each rank.</summary>
    internal static bool HasBlocks(string operation) =>
        operation.StartsWith("AllGather", StringComparison.Ordinal)
        || operation.StartsWith("ReduceScatter", StringComparison.Ordinal)
        || operation.StartsWith("Gather", StringComparison.Ordinal)
        || operation.StartsWith("Scatter", StringComparison.Ordinal)
        || operation.StartsWith("AllToAll", StringComparison.Ordinal);

    /// <summary>Bytes of one element of the type with that index.</summary>
    internal static int ItemSize(int type) => _itemSizes[type];

    /// <summary>The library's name for a type.</summary>
    internal static CollectiveDataType DataTypeOf<T>() =>
        Type.GetTypeCode(typeof(T)) switch
        {
            TypeCode.Boolean => CollectiveDataType.Boolean,
            TypeCode.SByte => CollectiveDataType.Int8,
            TypeCode.Int16 => CollectiveDataType.Int16,
            TypeCode.Int32 => CollectiveDataType.Int32,
            TypeCode.Int64 => CollectiveDataType.Int64,
            TypeCode.Byte => CollectiveDataType.UInt8,
            TypeCode.UInt16 => CollectiveDataType.UInt16,
            TypeCode.UInt32 => CollectiveDataType.UInt32,
            TypeCode.UInt64 => CollectiveDataType.UInt64,
            TypeCode.Single => CollectiveDataType.Float32,
            TypeCode.Double => CollectiveDataType.Float64,
            _ when typeof(T) == typeof(Half) => CollectiveDataType.Float16,
            _ when typeof(T) == typeof(BFloat16) => CollectiveDataType.BFloat16,
            _ when typeof(T) == typeof(Complex64) => CollectiveDataType.Complex64,
            _ => throw new ArgumentException($"{typeof(T)} is no element type"),
        };

    /// <summary>Runs the ring's plan, or with no sockets NCCL's, for one operation, and says what was wrong.</summary>
    internal static void Run(DistributedGroup group, Command command, Dictionary<string, string> data)
    {
        var wrong = new List<string>();
        var done = 0;
        var rules = BackendRules.Of(command);
        foreach (
            var next in command.Sockets > 0
                ? Cases(group.Size, command.Sockets, command.Operation)
                : NcclPlan.Cases(group.Size, command.Plan, command.Operation)
        )
        {
            if (command.Count > 0 && next.Count > command.Count)
            {
                continue;
            }
            RunCase(group, rules, next, command.Seed, wrong);
            done++;
        }
        data["cases"] = done.ToString(CultureInfo.InvariantCulture);
        data["wrong"] = string.Join('\n', wrong.Take(20));
    }

    /// <summary>Runs one case; <paramref name="seed"/> is the same on all ranks.</summary>
    /// <param name="group">The group.</param>
    /// <param name="rules">How its backend combines operands.</param>
    /// <param name="next">The case.</param>
    /// <param name="seed">Makes the operands.</param>
    /// <param name="wrong">Takes what was wrong.</param>
    /// <param name="digest">If given, takes up the results that all ranks have alike.</param>
    internal static void RunCase(
        DistributedGroup group,
        BackendRules rules,
        OperationCase next,
        ulong seed,
        List<string> wrong,
        Digest? digest = null
    )
    {
        void Run<T, TElement>()
            where T : unmanaged
            where TElement : IElement<T>
        {
            using var call = new OperationCall<T, TElement>(group, rules, next, seed, wrong, digest);
            call.Run();
        }

        switch (next.Type)
        {
            case nameof(Boolean):
                Run<bool, BooleanElement>();
                break;
            case nameof(SByte):
                Run<sbyte, IntegerElement<sbyte>>();
                break;
            case nameof(Int16):
                Run<short, IntegerElement<short>>();
                break;
            case nameof(Int32):
                Run<int, IntegerElement<int>>();
                break;
            case nameof(Int64):
                Run<long, IntegerElement<long>>();
                break;
            case nameof(Byte):
                Run<byte, IntegerElement<byte>>();
                break;
            case nameof(UInt16):
                Run<ushort, IntegerElement<ushort>>();
                break;
            case nameof(UInt32):
                Run<uint, IntegerElement<uint>>();
                break;
            case nameof(UInt64):
                Run<ulong, IntegerElement<ulong>>();
                break;
            case nameof(Half):
                Run<Half, HalfElement>();
                break;
            case nameof(BFloat16):
                Run<BFloat16, BFloat16Element>();
                break;
            case nameof(Single):
                Run<float, FloatElement<float>>();
                break;
            case nameof(Double):
                Run<double, FloatElement<double>>();
                break;
            case nameof(Complex64):
                Run<Complex64, ComplexElement>();
                break;
            default:
                throw new ArgumentException($"unknown type {next.Type}");
        }
    }

    // One of the shapes for each operation and type, in turn; groups of one have nothing to move.
    private static bool IsLargeHere(int size, int sockets, int operation, int type)
    {
        var shapes = Shapes.Where(shape => shape.Size > 1).ToList();
        return shapes.IndexOf((size, sockets)) == (operation + type) % shapes.Count;
    }

    // By the operators of numbers; those of bits have a scenario, and native tests with every type.
    private static IEnumerable<string> Reductions(string operation) =>
        Enum.GetValues<ReduceOp>().Where(op => op <= ReduceOp.Average).Select(op => $"{operation}.{op}");
}
