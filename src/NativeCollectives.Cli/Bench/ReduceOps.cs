namespace NativeCollectives.Cli.Bench;

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
