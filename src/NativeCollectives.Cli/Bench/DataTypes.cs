namespace NativeCollectives.Cli.Bench;

/// <summary>The element types as the command line and the results name them: NumPy's and MLX's names.</summary>
internal static class DataTypes
{
    private static readonly IReadOnlyDictionary<CollectiveDataType, (string Name, int Size)> _types = new Dictionary<
        CollectiveDataType,
        (string, int)
    >
    {
        [CollectiveDataType.Boolean] = ("bool", 1),
        [CollectiveDataType.Int8] = ("int8", 1),
        [CollectiveDataType.Int16] = ("int16", 2),
        [CollectiveDataType.Int32] = ("int32", 4),
        [CollectiveDataType.Int64] = ("int64", 8),
        [CollectiveDataType.UInt8] = ("uint8", 1),
        [CollectiveDataType.UInt16] = ("uint16", 2),
        [CollectiveDataType.UInt32] = ("uint32", 4),
        [CollectiveDataType.UInt64] = ("uint64", 8),
        [CollectiveDataType.Float16] = ("float16", 2),
        [CollectiveDataType.BFloat16] = ("bfloat16", 2),
        [CollectiveDataType.Float32] = ("float32", 4),
        [CollectiveDataType.Float64] = ("float64", 8),
        [CollectiveDataType.Complex64] = ("complex64", 8),
    };

    public static IReadOnlyList<string> Names { get; } = [.. _types.Values.Select(type => type.Name)];

    public static string NameOf(CollectiveDataType type) => _types[type].Name;

    /// <summary>Bytes of an element.</summary>
    public static int SizeOf(CollectiveDataType type) => _types[type].Size;

    public static CollectiveDataType Find(string name) => _types.Single(type => type.Value.Name == name).Key;
}

/// <summary>The reduction operators as the command line and the results name them: nccl-tests' names.</summary>
internal static class ReduceOps
{
    private static readonly (ReduceOp Op, string Name)[] _operators =
    [
        (ReduceOp.Sum, "sum"),
        (ReduceOp.Product, "prod"),
        (ReduceOp.Max, "max"),
        (ReduceOp.Min, "min"),
        (ReduceOp.Average, "avg"),
    ];

    public static IReadOnlyList<string> Names { get; } = [.. _operators.Select(one => one.Name)];

    public static string NameOf(ReduceOp op) => _operators.Single(one => one.Op == op).Name;

    public static ReduceOp Find(string name) => _operators.Single(one => one.Name == name).Op;

    /// <summary>Whether elements of a type can be combined so.</summary>
    public static bool IsDefined(ReduceOp op, CollectiveDataType type) =>
        op != ReduceOp.Average || type != CollectiveDataType.Boolean;
}
