namespace NativeCollectives.Surface;

/// <summary>An operation that is made of two others, of which the first tells lengths.</summary>
/// <param name="Name">The methods' name.</param>
/// <param name="Buffer">The parameter that a rank gives; null: there is none.</param>
/// <param name="BufferText">What it is.</param>
/// <param name="Peer">The parameter that is another rank; null: there is none.</param>
/// <param name="Result">The type of the result; null: there is none.</param>
/// <param name="ResultText">What it is.</param>
/// <param name="Summary">What the operation does.</param>
/// <param name="Remarks">What other libraries call it.</param>
internal sealed record Composed(
    string Name,
    string? Buffer,
    string? BufferText,
    string? Peer,
    string? Result,
    string? ResultText,
    string Summary,
    string Remarks
)
{
    private const string Timeout =
        "The time limit of each of the operations that this is made of; <see langword=\"null\"/>: "
        + "<see cref=\"DistributedGroupOptions.OperationTimeout\"/>.";

    private const string Issued = " Its first operation is issued when this method returns.";

    private bool IsMessage => Peer is "destination" or "source";

    /// <summary>The forms on spans, memories and arrays.</summary>
    internal static IEnumerable<Method> OnElements(Composed operation)
    {
        yield return operation.OnElements("ReadOnlySpan<T>", isAsync: false);
        yield return operation.OnElements("ReadOnlyMemory<T>", isAsync: true);
        if (operation.Buffer is not null)
        {
            yield return operation.OnElements(operation.Peer == "root" ? "T[]?" : "T[]", isAsync: true);
            yield return operation.OnElements("Memory<T>", isAsync: true);
        }
    }

    /// <summary>The forms on objects: by reflection, and with a source-generated context.</summary>
    internal static IEnumerable<Method> OnObjects(Composed operation) =>
        [
            operation.OnObjects(byReflection: true, isAsync: false),
            operation.OnObjects(byReflection: false, isAsync: false),
            operation.OnObjects(byReflection: true, isAsync: true),
            operation.OnObjects(byReflection: false, isAsync: true),
        ];

    private Method OnElements(string buffer, bool isAsync)
    {
        List<Parameter> parameters = Given(buffer);
        if (IsMessage)
        {
            parameters.Add(new Parameter("int", "tag", Texts.Tag, "0"));
        }

        parameters.AddRange(Tail(isAsync));
        string name = Name + (isAsync ? "Async" : "");
        IEnumerable<string> arguments = parameters.Select(parameter =>
            parameter.Name == Buffer && buffer.StartsWith("T[]", StringComparison.Ordinal)
                ? $"{parameter.Name}.AsMemory()"
                : parameter.Name
        );
        return Make(
            name,
            parameters,
            isAsync,
            [$"VariableLengths.{name}<T>({string.Join(", ", arguments)})"],
            Texts.Exceptions(Kind.Spans, hasFunction: false)
        );
    }

    private Method OnObjects(bool byReflection, bool isAsync)
    {
        List<Parameter> parameters = Given(
            Name switch
            {
                "ScatterObject" => "IReadOnlyList<T>?",
                "BroadcastObject" => "T?",
                _ => "T",
            }
        );
        parameters.Add(
            byReflection
                ? new Parameter(
                    "JsonSerializerOptions?",
                    "options",
                    "How it is serialized; <see langword=\"null\"/>: the serializer's defaults.",
                    "null"
                )
                : new Parameter(
                    "JsonTypeInfo<T>",
                    "typeInfo",
                    "How it is serialized: of a source-generated context, for trimming and AOT."
                )
        );
        parameters.Add(
            new Parameter(
                "int",
                "limit",
                "How many bytes one object may have as JSON; the same on all ranks.",
                "ObjectExchange.DefaultLimit"
            )
        );
        parameters.AddRange(Tail(isAsync));
        string type = byReflection ? "ObjectExchange.TypeInfo<T>(options)" : "typeInfo";
        string waiting = isAsync ? "true, cancellationToken" : "false, default";
        string method = Name.Replace("Object", "", StringComparison.Ordinal);
        string arguments = string.Join(", ", ((string?[])[Buffer, Peer]).OfType<string>());
        string call = $"exchange.{method}({arguments})";
        return Make(
            Name + (isAsync ? "Async" : ""),
            parameters,
            isAsync,
            [
                $"ObjectExchange<T> exchange = ObjectExchange.Of(group, {type}, limit, timeout, {waiting});",
                isAsync ? $"return {call}.AsTask();"
                : Result is null ? $"{call}.GetAwaiter().GetResult();"
                : $"return {call}.GetAwaiter().GetResult();",
            ],
            [
                (
                    "ArgumentOutOfRangeException",
                    "A rank does not exist, or <paramref name=\"timeout\"/> is not positive and finite."
                ),
                (
                    "ObjectSerializationException",
                    "An object could not be serialized on some rank, or is longer than the limit. The group stays "
                        + "usable."
                ),
                ("JsonException", "What came is no <typeparamref name=\"T\"/>."),
                .. Texts.Exceptions(Kind.Spans, hasFunction: false).Skip(2),
            ],
            byReflection
        );
    }

    private List<Parameter> Given(string type)
    {
        List<Parameter> parameters = [new("this DistributedGroup", "group", Texts.Group)];
        if (Buffer is not null)
        {
            parameters.Add(new Parameter(type, Buffer, BufferText!));
        }

        if (Peer is not null)
        {
            parameters.Add(new Parameter("int", Peer, Texts.Peer(Peer)));
        }

        return parameters;
    }

    private static IEnumerable<Parameter> Tail(bool isAsync)
    {
        yield return new Parameter("TimeSpan?", "timeout", Timeout, "null");
        if (isAsync)
        {
            yield return new Parameter("CancellationToken", "cancellationToken", Texts.CancellationToken, "default");
        }
    }

    private Method Make(
        string name,
        IReadOnlyList<Parameter> parameters,
        bool isAsync,
        IReadOnlyList<string> body,
        IReadOnlyList<(string Type, string Text)> exceptions,
        bool byReflection = false
    )
    {
        bool isObject = Name.EndsWith("Object", StringComparison.Ordinal);
        return new Method(name)
        {
            Attributes = byReflection
                ?
                [
                    "[RequiresUnreferencedCode(ObjectExchange.NeedsReflection)]",
                    "[RequiresDynamicCode(ObjectExchange.NeedsReflection)]",
                ]
                : [],
            Modifiers = "public static",
            Constraint = isObject ? null : "where T : unmanaged",
            TypeText = isObject ? "The type of the object." : Texts.ElementType,
            Returns =
                !isAsync ? Result ?? "void"
                : Result is null ? "Task"
                : $"Task<{Result}>",
            Summary = Summary + (isAsync ? Issued : ""),
            Parameters = parameters,
            ReturnsText = ResultText ?? (isAsync ? Texts.AsyncReturns : null),
            Exceptions = exceptions,
            Remarks = Remarks,
            Body = body,
        };
    }
}
