namespace NativeCollectives.Surface;

/// <summary>MLX's names, on spans and memories.</summary>
internal static class MlxNames
{
    internal static IEnumerable<Method> All()
    {
        foreach (Alias alias in Table.MlxNames)
        {
            Operation operation = Table.Operations.Single(row => row.Name == alias.Of);
            foreach (bool isAsync in (bool[])[false, true])
            {
                Kind kind = isAsync ? Kind.Memories : Kind.Spans;
                yield return Make(
                    alias,
                    isAsync,
                    [
                        new(kind.Input, "input", Texts.Input(operation, kind, isUneven: false)),
                        new(kind.Output, "output", Texts.Output(operation, kind, isUneven: false)),
                    ]
                );
                if (operation.Has(Form.InPlace))
                {
                    yield return Make(alias, isAsync, [new(kind.Output, "buffer", Texts.Buffer(operation))]);
                }

                if (operation.Has(Form.Result))
                {
                    yield return Make(
                        alias,
                        isAsync,
                        [new(kind.Input, "input", "Equal blocks, one for each rank, in rank order.")],
                        "T[]",
                        Texts.Result(operation, kind)
                    );
                }
            }
        }

        yield return Like(isAsync: false);
        yield return Like(isAsync: true);
    }

    private static Method Make(
        Alias alias,
        bool isAsync,
        Parameter[] buffers,
        string? result = null,
        string? resultText = null
    )
    {
        string arguments = string.Join(", ", buffers.Select(static buffer => buffer.Name));
        string passed = isAsync ? "timeout, cancellationToken" : "timeout";
        return new Method(alias.Name + (isAsync ? "Async" : ""))
        {
            Modifiers = "public static",
            Returns =
                !isAsync ? result ?? "void"
                : result is null ? "Task"
                : $"Task<{result}>",
            Summary = alias.Summary + (isAsync ? " It is issued when this method returns." : ""),
            Parameters = [Group, .. buffers, .. Tail(isAsync)],
            ReturnsText = resultText ?? (isAsync ? Texts.AsyncReturns : null),
            Exceptions = Texts.Exceptions(isAsync ? Kind.Memories : Kind.Spans, hasFunction: false),
            Remarks = $"MLX's <c>{Snake(alias.Name)}</c>: <c>{alias.Of}</c> with <see cref=\"ReduceOp.{alias.Op}\"/>.",
            Body = [$"group.{alias.Of}{(isAsync ? "Async" : "")}({arguments}, ReduceOp.{alias.Op}, {passed})"],
        };
    }

    private static Method Like(bool isAsync)
    {
        string result = isAsync ? "Task<T[]>" : "T[]";
        return new Method("ReceiveLike" + (isAsync ? "Async" : ""))
        {
            Modifiers = "public static",
            Returns = result,
            Summary =
                "Receives as many elements as a template has."
                + (isAsync ? " It is issued when this method returns." : ""),
            Parameters =
            [
                Group,
                new(
                    isAsync ? "ReadOnlyMemory<T>" : "ReadOnlySpan<T>",
                    "template",
                    "As long as what is sent; its elements are not used."
                ),
                new("int", "source", Texts.Peer("source")),
                .. Tail(isAsync),
            ],
            ReturnsText = "What came.",
            Exceptions = Texts.Exceptions(isAsync ? Kind.Memories : Kind.Spans, hasFunction: false),
            Remarks = "MLX's <c>recv_like</c>.",
            Body =
            [
                "Check.Peer(nameof(source), source, group.Rank, group.Size);",
                "T[] buffer = Results.NewArray<T>(nameof(template), template.Length);",
                .. isAsync
                    ? (string[])
                        [
                            "Task received = group.ReceiveAsync(buffer, source, 0, timeout, cancellationToken);",
                            "return Results.After(received, buffer);",
                        ]
                    : ["group.Receive(buffer.AsSpan(), source, 0, timeout);", "return buffer;"],
            ],
        };
    }

    private static Parameter Group => new("this DistributedGroup", "group", Texts.Group);

    private static IEnumerable<Parameter> Tail(bool isAsync)
    {
        yield return new Parameter("TimeSpan?", "timeout", Texts.Timeout, "null");
        if (isAsync)
        {
            yield return new Parameter("CancellationToken", "cancellationToken", Texts.CancellationToken, "default");
        }
    }

    private static string Snake(string name) =>
        string.Concat(name.Select(static (letter, i) => (i > 0 && char.IsUpper(letter) ? "_" : "") + Lower(letter)));

    private static char Lower(char letter) => char.ToLowerInvariant(letter);
}
