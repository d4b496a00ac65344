namespace NativeCollectives.Surface;

/// <summary>The methods that add an operation to a batch.</summary>
internal static class Batches
{
    internal static IEnumerable<Method> Of(Operation operation)
    {
        // Arrays, because the compiler does not find out T where a memory is asked for; likewise what is only read.
        IEnumerable<Kind> kinds =
        [
            Kind.Memories,
            Kind.Arrays,
            Kind.Devices,
            .. operation.Output == Block.Nothing ? (Kind[])[Kind.WritableMemories] : [],
        ];
        foreach (Kind kind in kinds)
        {
            yield return Make(operation, kind, isInPlace: false);
            if (operation.Has(Form.InPlace))
            {
                yield return Make(operation, kind, isInPlace: true);
            }
        }
    }

    private static string HandedOn(Operation operation, string[] names, string handsOn)
    {
        // What is written already as a memory becomes one that is only read.
        IEnumerable<string> arguments = names.Select(name =>
            name is not ("input" or "output" or "buffer") ? name
            : handsOn.Length > 0 ? name + handsOn
            : $"(ReadOnlyMemory<T>){name}"
        );
        return $"{operation.Name}<T>({string.Join(", ", arguments)})";
    }

    private static Method Make(Operation operation, Kind kind, bool isInPlace)
    {
        bool hasOne = isInPlace || operation.HasOneBuffer;
        List<Parameter> parameters = hasOne
            ? [new(operation.Output == Block.Nothing ? kind.Input : kind.Output, "buffer", Texts.Buffer(operation))]
            :
            [
                new(kind.Input, "input", Texts.Input(operation, kind, isUneven: false)),
                new(kind.Output, "output", Texts.Output(operation, kind, isUneven: false)),
            ];
        string length = kind.LengthOf("buffer");
        List<string> arguments = ["ElementType.Of<T>()"];
        arguments.AddRange(
            !hasOne ? [kind.LengthOf("input"), kind.LengthOf("output")]
            : isInPlace ? [length, length]
            : [length]
        );
        if (operation.Peer is { } peer)
        {
            parameters.Add(new Parameter("int", peer, Texts.Peer(peer)));
            arguments.Add(peer);
        }

        if (operation.Reduces)
        {
            parameters.Add(new Parameter("ReduceOp", "op", Texts.Op, "ReduceOp.Sum"));
            arguments.Add("op");
        }

        if (operation.Has(Form.Tagged))
        {
            parameters.Add(new Parameter("int", "tag", Texts.Tag, "0"));
            arguments.Add("tag");
        }

        string placed =
            operation.Output == Block.Nothing ? "buffer, default"
            : operation.Input == Block.Nothing ? "default, buffer"
            : hasOne ? "buffer, buffer"
            : "input, output";
        return new Method(operation.Name)
        {
            Returns = "CollectiveBatch",
            Summary = "Adds: " + Texts.Summary(operation.Name),
            Parameters = parameters,
            ReturnsText = "This batch.",
            Exceptions =
            [
                .. Texts
                    .Exceptions(kind, hasFunction: false)
                    .Where(static e => e.Type.StartsWith("Arg", StringComparison.Ordinal))
                    .Select(static e =>
                        (
                            e.Type,
                            e.Text.Replace(
                                ", or <paramref name=\"timeout\"/> is not positive and finite",
                                "",
                                StringComparison.Ordinal
                            )
                        )
                    ),
            ],
            Remarks = Texts.Elsewhere(operation.Name),
            Body = kind.HandsOn is { } handsOn
                ? [HandedOn(operation, [.. parameters.Select(static parameter => parameter.Name)], handsOn)]
                :
                [
                    $"Operation operation = _group.Begin{operation.Name}({string.Join(", ", arguments)}, null);",
                    $"return Add(operation, {placed});",
                ],
        };
    }
}
