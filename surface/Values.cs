namespace NativeCollectives.Surface;

/// <summary>The forms on a single value.</summary>
internal static class Values
{
    private static readonly Kind Value = new("T", "T", "");

    internal static IEnumerable<Method> Of(Operation operation) =>
        [Make(operation, isAsync: false), Make(operation, isAsync: true)];

    private static Method Make(Operation operation, bool isAsync)
    {
        List<Parameter> parameters =
        [
            new("this DistributedGroup", "group", Texts.Group),
            new(
                "T",
                "value",
                operation.Name == "Broadcast" ? "At the root what all get." : "What this rank contributes."
            ),
        ];
        List<string> passed = [];
        if (operation.Peer is { } peer)
        {
            parameters.Add(new Parameter("int", peer, Texts.Peer(peer)));
            passed.Add(peer);
        }

        if (operation.Reduces)
        {
            parameters.Add(new Parameter("ReduceOp", "op", Texts.Op, "ReduceOp.Sum"));
            passed.Add("op");
        }

        parameters.Add(new Parameter("TimeSpan?", "timeout", Texts.Timeout, "null"));
        passed.Add("timeout");
        if (isAsync)
        {
            parameters.Add(new Parameter("CancellationToken", "cancellationToken", Texts.CancellationToken, "default"));
            passed.Add("cancellationToken");
        }

        string result = operation switch
        {
            { GetsAll: true, GetsAtRoot: true } => "T[]?",
            { GetsAll: true } => "T[]",
            { GetsAtRoot: true } => "T?",
            _ => "T",
        };
        return new Method(operation.Name + (isAsync ? "Async" : ""))
        {
            Modifiers = "public static",
            Returns = isAsync ? $"Task<{result}>" : result,
            Summary = Texts.Summary(operation.Name) + (isAsync ? " It is issued when this method returns." : ""),
            Parameters = parameters,
            ReturnsText = operation switch
            {
                { GetsAll: true, GetsAtRoot: true } =>
                    "At the root one value of each rank, in rank order; <see langword=\"null\"/> on other ranks.",
                { GetsAll: true } => "One value of each rank, in rank order.",
                { GetsAtRoot: true } => "At the root the result; <see langword=\"null\"/> on other ranks.",
                { Name: "Broadcast" } => "The root's value.",
                _ => "The result.",
            },
            Exceptions = Texts.Exceptions(Value, hasFunction: false),
            Remarks = Texts.Elsewhere(operation.Name),
            Body = Body(operation, string.Join(", ", passed), isAsync),
        };
    }

    private static string[] Body(Operation operation, string passed, bool isAsync)
    {
        string name = operation.Name;
        if (operation.GetsAll)
        {
            return
            [
                isAsync
                    ? $"group.{name}Async(new[] {{ value }}, {passed})"
                    : $"group.{name}(new ReadOnlySpan<T>(in value), {passed})",
            ];
        }

        bool isInPlace = operation.Input == Block.Same || operation.Has(Form.InPlace);
        if (!isAsync)
        {
            string call = isInPlace
                ? $"group.{name}(new Span<T>(ref value), {passed});"
                : $"group.{name}(new ReadOnlySpan<T>(in value), new Span<T>(ref value), {passed});";
            return [call, operation.GetsAtRoot ? "return group.Rank == root ? value : null;" : "return value;"];
        }

        string issued = isInPlace
            ? $"group.{name}Async(values.AsMemory(), {passed})"
            : $"group.{name}Async(values, values.AsMemory(), {passed})";
        return
        [
            "T[] values = [value];",
            operation.GetsAtRoot
                ? $"return Results.FirstAfter({issued}, values, group.Rank == root);"
                : $"return Results.FirstAfter({issued}, values);",
        ];
    }
}
