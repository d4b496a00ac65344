using System.Globalization;

namespace NativeCollectives.Worker;

/// <summary>
/// Which calls a group of JACCL's is tested with: every operation with every type at the counts of the ring's plan in
/// some shapes; in the others a part of that, in which every shape meets every operation, every type and every form; and
/// in all of them operands of sizes beyond which MLX goes another way. The native tests have whole products.
/// </summary>
public static class JacclPlan
{
    /// <summary>Meshes of 2 to 8 ranks, and rings of 2 to 5 with 1 to 4 wires.</summary>
    public static IReadOnlyList<JacclShape> Shapes { get; } =
    [
        .. Enumerable.Range(2, 7).Select(JacclShape.Mesh),
        .. from size in Enumerable.Range(2, 4) from wires in Enumerable.Range(1, 4) select JacclShape.Ring(size, wires),
    ];

    /// <summary>The shapes that have the whole plan.</summary>
    public static IReadOnlyList<JacclShape> FullShapes { get; } =
    [
        JacclShape.Mesh(2),
        JacclShape.Mesh(3),
        JacclShape.Mesh(4),
        JacclShape.Ring(2, 1),
        JacclShape.Ring(3, 2),
        JacclShape.Ring(4, 1),
    ];

    /// <summary>
    /// More than goes one way round a ring over one wire, or in one exchange in a mesh; and more than a reduce-scatter
    /// sends over one wire.
    /// </summary>
    private static readonly int[] _thresholds = [32768, 65536];

    /// <summary>Whether the plan of a shape has every form of every call; elsewhere they take turns.</summary>
    public static bool HasEveryForm(JacclShape shape) => shape == JacclShape.Mesh(3) || shape == JacclShape.Ring(2, 1);

    /// <summary>Whether it has every count of every type.</summary>
    public static bool HasEveryCount(JacclShape shape) => HasEveryForm(shape) || shape == JacclShape.Ring(3, 2);

    /// <summary>The calls of one operation in a group of this shape.</summary>
    public static IEnumerable<OperationCase> Cases(JacclShape shape, string operation)
    {
        var isFull = FullShapes.Contains(shape);
        var place = Shapes.ToList().IndexOf(shape);
        var index = OperationPlan.Operations.ToList().IndexOf(operation);
        var size = shape.Size;
        var number = index + place;
        for (var type = 0; type < OperationPlan.Types.Count; type++)
        {
            var name = OperationPlan.Types[type];
            if (!OperationPlan.IsDefined(operation, name))
            {
                continue;
            }
            var turn = type + index + place;
            // Every count with every type among a few ranks; among more, the counts take turns too.
            foreach (
                var count in !isFull
                    ? turn % (size < 5 ? 4 : 7) == 0
                        ? [0, size + 1, 1009]
                        : Array.Empty<int>()
                    : HasEveryCount(shape)
                        ? [0, 1, size - 1, size, size + 1, 1009]
                        : [turn % 2, size - 1 + (turn % 3), 1009]
            )
            {
                yield return Next(count);
            }
            // In one mesh and one ring, in every form.
            if (HasEveryForm(shape))
            {
                yield return Next(1009);
                yield return Next(1009);
                yield return Next(1009) with
                {
                    Place = CallPlace.Pointer,
                };
            }
            var item = OperationPlan.ItemSize(type);
            if (turn % (isFull ? 6 : 12) == 0)
            {
                foreach (var threshold in _thresholds)
                {
                    yield return Next((Share(threshold) / item) + 1);
                }
            }
            if (place == ((index * OperationPlan.Types.Count) + type) % Shapes.Count)
            {
                yield return Next((Share(1 << 20) / item) + 3);
            }

            OperationCase Next(int count) => new(operation, name, count, (CallForm)(number % 3), number++ % size);
        }

        // Of an operation on one block for each rank, a part: but it is the block that says how a ring's reduce-scatter
        // goes.
        int Share(int bytes) =>
            OperationPlan.HasBlocks(operation) && !(shape.IsRing && bytes == 65536) ? bytes / size : bytes;
    }

    /// <summary>Runs the plan for one operation, or for all, and says what was wrong.</summary>
    internal static void Run(DistributedGroup group, JacclShape shape, Command command, Dictionary<string, string> data)
    {
        var wrong = new List<string>();
        var digest = new Digest();
        var rules = BackendRules.Of(command);
        var done = 0;
        foreach (var operation in command.Operation.Length > 0 ? [command.Operation] : OperationPlan.Operations)
        {
            foreach (
                var next in Cases(shape, operation).Where(next => command.Count == 0 || next.Count <= command.Count)
            )
            {
                OperationPlan.RunCase(group, rules, next, command.Seed, wrong, digest);
                done++;
            }
        }
        data["cases"] = done.ToString(CultureInfo.InvariantCulture);
        data["wrong"] = string.Join('\n', wrong.Take(20));
        data["digest"] = digest.ToString();
    }
}
