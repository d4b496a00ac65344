namespace NativeCollectives.Surface;

/// <summary>The overloads of an operation on one kind of buffers.</summary>
/// <param name="operation">The operation.</param>
/// <param name="kind">The kind of buffers.</param>
/// <param name="self">How the group is written in a body: empty in the group's own methods.</param>
/// <param name="isAsync">Whether it is the asynchronous form.</param>
internal sealed class Overloads(Operation operation, Kind kind, string self, bool isAsync)
{
    private readonly string _name = operation.Name + (isAsync ? "Async" : "");

    private bool IsExtension => self == "group.";

    /// <summary>All of them.</summary>
    internal IEnumerable<Method> All()
    {
        yield return Plain();
        if (operation.Has(Form.InPlace) && !kind.IsRaw)
        {
            yield return InPlace();
        }

        if (operation.Has(Form.Result) && !kind.IsRaw && !kind.IsDevice)
        {
            yield return WithResult();
        }

        if (operation.Has(Form.Uneven))
        {
            yield return Uneven();
        }

        if (operation.Has(Form.Function) && !kind.IsRaw && !kind.IsDevice)
        {
            yield return WithFunction();
        }
    }

    /// <summary>Those that only read what they are given.</summary>
    internal IEnumerable<Method> Reading() =>
        operation.Output == Block.Nothing ? [Plain()]
        : operation.Has(Form.Result) ? [WithResult()]
        : [];

    /// <summary>On a buffer, or on an input and an output.</summary>
    internal Method Plain() => Of(BuffersOf(isUneven: false), PlainBody(), isUneven: false);

    private Method Uneven() => Of(BuffersOf(isUneven: true), UnevenBody(), isUneven: true);

    private Method InPlace()
    {
        IReadOnlyList<string> body =
            kind == Kind.TensorSpans
                ?
                [
                    BeginWith(Type, kind.LengthOf("buffer"), kind.LengthOf("buffer")),
                    $"{self}RunInPlace(ref operation, buffer);",
                ]
            : kind == Kind.Tensors && isAsync
                ?
                [
                    "ArgumentNullException.ThrowIfNull(buffer);",
                    BeginWith(Type, kind.LengthOf("buffer"), kind.LengthOf("buffer")),
                    $"return {self}RunAsync(ref operation, buffer, buffer, cancellationToken);",
                ]
            : kind == Kind.Tensors
                ? ["ArgumentNullException.ThrowIfNull(buffer);", $"{self}{_name}(buffer.AsTensorSpan(), op, timeout);"]
            : kind.HandsOn is not null ? [$"{self}{_name}<T>(buffer{kind.HandsOn}, op, timeout, cancellationToken)"]
            : [$"{self}{_name}(buffer, buffer, {string.Join(", ", Passed())})"];
        return Of([new Parameter(kind.Output, "buffer", Texts.Buffer(operation))], body, isUneven: false);
    }

    private Method WithFunction()
    {
        List<string> body;
        if (kind.HandsOn is not null)
        {
            string peer = operation.Peer is null ? "" : $"{operation.Peer}, ";
            body =
            [
                $"{self}{_name}<T>(input{kind.HandsOn}, output{kind.HandsOn}, {peer}function, timeout, "
                    + "cancellationToken)",
            ];
        }
        else if (kind == Kind.Tensors && !isAsync)
        {
            body = Delegated(["input", "output"], hasFunction: true);
        }
        else
        {
            body = [.. Shapes(), Begin(Type, isUneven: false, "ReduceOp.Sum")];
            body.Add(
                isAsync
                    ? $"return {self}RunWithAsync(function, ref operation, input, output, cancellationToken);"
                    : $"{self}RunWith(function, ref operation, input, output);"
            );
        }

        return Of(BuffersOf(isUneven: false), body, isUneven: false, hasFunction: true);
    }

    private Method WithResult()
    {
        string result = kind.IsTensor ? "Tensor<T>" : "T[]";
        string size = $"{self}Size";
        string divided = $"Check.Divide(nameof(input), input.Length, {size})";
        string made = kind.IsTensor
            ? "Tensor.CreateFromShapeUninitialized<T>("
                + (
                    operation.GetsAll && operation.GivesAll ? "input.Lengths"
                    : operation.GetsAll ? $"Check.Join(input.Lengths, {size})"
                    : $"Check.DivideAll(nameof(input), input.Lengths, {size})"
                )
                + ")"
            : "Results.NewArray<T>(nameof(input), "
                + (
                    operation.GetsAll && operation.GivesAll ? "input.Length"
                    : operation.GetsAll ? $"{self}TimesSize(input.Length)"
                    : divided
                )
                + ")";
        string null_ = operation.GetsAtRoot ? "?" : "";
        List<string> body = [];
        if (kind == Kind.Tensors)
        {
            body.Add("ArgumentNullException.ThrowIfNull(input);");
        }

        if (kind.HandsOn is not null)
        {
            body = [$"{self}{_name}<T>(input{kind.HandsOn}, {string.Join(", ", Passed())})"];
        }
        else if (kind == Kind.Tensors && !isAsync)
        {
            body.Add($"return {self}{_name}(input.AsReadOnlyTensorSpan(), {string.Join(", ", Passed())});");
        }
        else
        {
            body.Add(
                operation.GetsAtRoot
                    ? $"{result}? output = {self}Rank == root ? {made} : null;"
                    : $"{result} output = {made};"
            );
            string output =
                kind == Kind.TensorSpans && operation.GetsAtRoot ? "output is null ? default : output.AsTensorSpan()"
                : kind == Kind.TensorSpans ? "output.AsTensorSpan()"
                : kind == Kind.Spans ? "output.AsSpan()"
                : kind == Kind.Memories ? "output.AsMemory()"
                : "output";
            string call = $"{self}{_name}(input, {output}, {string.Join(", ", Passed())})";
            body.AddRange(isAsync ? [$"return Results.After({call}, output);"] : [$"{call};", "return output;"]);
        }

        Parameter input = Input(isUneven: false, isResult: true);
        return Of(
            [input],
            body,
            isUneven: false,
            returns: isAsync ? $"Task<{result}{null_}>" : $"{result}{null_}",
            returnsText: Texts.Result(operation, kind)
        );
    }

    private Method Of(
        IReadOnlyList<Parameter> buffers,
        IReadOnlyList<string> body,
        bool isUneven,
        bool hasFunction = false,
        string? returns = null,
        string? returnsText = null
    )
    {
        List<Parameter> parameters = [];
        if (IsExtension)
        {
            parameters.Add(new Parameter("this DistributedGroup", "group", Texts.Group));
        }

        parameters.AddRange(buffers);
        if (operation.Peer is { } peer)
        {
            parameters.Add(new Parameter("int", peer, Texts.Peer(peer)));
        }

        if (hasFunction)
        {
            parameters.Add(new Parameter("ReduceFunction<T>", "function", Texts.Function));
        }
        else if (operation.Reduces)
        {
            bool isScan = operation.Name.EndsWith("Scan", StringComparison.Ordinal);
            parameters.Add(new Parameter("ReduceOp", "op", isScan ? Texts.ScanOp : Texts.Op, "ReduceOp.Sum"));
        }

        parameters.AddRange(Tail());
        return new Method(_name)
        {
            Modifiers = IsExtension ? "public static" : "public",
            IsGeneric = !kind.IsRaw,
            Returns = returns ?? (isAsync ? "Task" : "void"),
            Summary = Texts.Summary(operation.Name) + (isAsync ? " It is issued when this method returns." : ""),
            Parameters = parameters,
            ReturnsText =
                returnsText is not null ? returnsText
                : !isAsync ? null
                : kind.IsDevice ? Texts.AsyncDeviceReturns
                : Texts.AsyncReturns,
            Exceptions = Texts.Exceptions(kind, hasFunction),
            Remarks = hasFunction ? "MPI's <c>MPI_Op_create</c>." : Texts.Elsewhere(operation.Name, isUneven),
            Body = body,
        };
    }

    // What follows the operation's own parameters.
    private IEnumerable<Parameter> Tail()
    {
        if (operation.Has(Form.Tagged))
        {
            yield return new Parameter("int", "tag", Texts.Tag, "0");
        }

        if (kind.IsDevice)
        {
            yield return new Parameter("CudaStream", "stream", isAsync ? Texts.AsyncStream : Texts.Stream, "default");
        }

        yield return new Parameter("TimeSpan?", "timeout", Texts.Timeout, "null");
        if (isAsync)
        {
            yield return new Parameter("CancellationToken", "cancellationToken", Texts.CancellationToken, "default");
        }
    }

    private string Type => kind.IsRaw ? "type" : "ElementType.Of<T>()";

    private Parameter Input(bool isUneven, bool isResult = false) =>
        new(
            kind.Input + (operation.GivesAtRoot && kind == Kind.Tensors ? "?" : ""),
            "input",
            isResult && operation is { GivesAll: true, GetsAll: false }
                ? "Equal blocks, one for each rank, in rank order."
                : Texts.Input(operation, kind, isUneven)
        );

    private Parameter Output(bool isUneven) =>
        new(
            kind.Output + (operation.GetsAtRoot && kind == Kind.Tensors ? "?" : ""),
            "output",
            Texts.Output(operation, kind, isUneven)
        );

    private IReadOnlyList<Parameter> BuffersOf(bool isUneven)
    {
        var count = new Parameter("long", "count", Texts.Count);
        var type = new Parameter("CollectiveDataType", "type", Texts.Type);
        if (operation.HasOneBuffer)
        {
            string of = operation.Output == Block.Nothing ? kind.Input : kind.Output;
            var buffer = new Parameter(of, "buffer", Texts.Buffer(operation));
            return kind.IsRaw ? [buffer, count with { Text = "Elements of the buffer." }, type] : [buffer];
        }

        Parameter input = Input(isUneven);
        Parameter output = Output(isUneven);
        if (operation.Has(Form.Exchange))
        {
            var destination = new Parameter("int", "destination", Texts.Peer("destination"));
            var source = new Parameter("int", "source", Texts.Peer("source"));
            Parameter inputCount = count with { Name = "inputCount", Text = "Elements of the input." };
            Parameter outputCount = count with { Name = "outputCount", Text = "Elements of the output." };
            return kind.IsRaw
                ? [input, inputCount, destination, output, outputCount, source, type]
                : [input, destination, output, source];
        }

        if (!isUneven)
        {
            return kind.IsRaw ? [input, output, count, type] : [input, output];
        }

        bool isAtRoot = operation.Peer is not null;
        var counts = new Parameter("ReadOnlySpan<long>", "counts", Texts.Counts(kind, isAtRoot));
        Parameter own = count with { Text = "Elements of this rank's block." };
        List<Parameter> buffers = operation switch
        {
            { GivesAll: true, GetsAll: true } =>
            [
                input,
                new Parameter("ReadOnlySpan<long>", "inputCounts", ToAllCounts("that goes to a rank")),
                output,
                new Parameter("ReadOnlySpan<long>", "outputCounts", ToAllCounts("that comes from a rank")),
            ],
            { GivesAtRoot: true } when kind.IsRaw => [input, counts, output, own],
            { GetsAtRoot: true } when kind.IsRaw => [input, own, output, counts],
            _ => [input, output, counts],
        };
        return kind.IsRaw ? [.. buffers, type] : buffers;
    }

    private string ToAllCounts(string which) =>
        (kind.IsTensor ? $"How long the block {which} is along axis 0" : $"How many elements the block {which} has")
        + ", one number for each rank. They are read before this method returns.";

    // The arguments after the buffers, as a method hands them on.
    private IEnumerable<string> Passed(bool hasFunction = false)
    {
        if (operation.Peer is { } peer)
        {
            yield return peer;
        }

        if (operation.Reduces)
        {
            yield return hasFunction ? "function" : "op";
        }

        foreach (Parameter parameter in Tail())
        {
            yield return parameter.Name;
        }
    }

    private List<string> PlainBody()
    {
        string[] buffers = operation.HasOneBuffer ? ["buffer"] : ["input", "output"];
        if (operation.Has(Form.Exchange))
        {
            string arguments = string.Join(", ", BuffersOf(isUneven: false).Concat(Tail()).Select(static p => p.Name));
            return kind.HandsOn is not null
                ?
                [
                    $"{self}{_name}<T>(input{kind.HandsOn}, destination, output{kind.HandsOn}, source, tag, timeout, "
                        + "cancellationToken)",
                ]
                : [$"{self}Exchange{(isAsync ? "Async" : "")}({arguments})"];
        }

        if (kind.HandsOn is not null)
        {
            string[] memories = [.. buffers.Select(buffer => $"{buffer}{kind.HandsOn}")];
            return [$"{self}{_name}<T>({string.Join(", ", memories.Concat(Passed()))})"];
        }

        if (kind == Kind.Tensors && !isAsync)
        {
            return Delegated(buffers);
        }

        List<string> body = [];
        if (kind.IsRaw)
        {
            body.Add($"Check.Count(count, {(operation.GivesAll || operation.GetsAll ? $"{self}Size" : "1")}, type);");
            body.AddRange(buffers.Select(buffer => NotNull(buffer, "count")));
        }

        body.AddRange(Shapes());
        body.Add(Begin(Type, isUneven: false, "op"));
        body.Add(Run(counts: ""));
        return body;
    }

    private List<string> UnevenBody()
    {
        bool toAll = operation is { GivesAll: true, GetsAll: true };
        string row = kind.IsTensor
            ? $", Check.Row({(operation.GivesAtRoot || !operation.GetsAll ? "output" : "input")}.Lengths)"
            : "";
        if (kind.HandsOn is not null)
        {
            string memories = toAll
                ? $"input{kind.HandsOn}, inputCounts, output{kind.HandsOn}, outputCounts"
                : $"input{kind.HandsOn}, output{kind.HandsOn}, counts";
            return [$"{self}{_name}<T>({memories}, {string.Join(", ", Passed())})"];
        }

        if (kind == Kind.Tensors && !isAsync)
        {
            return Delegated(
                toAll ? ["input", "inputCounts", "output", "outputCounts"] : ["input", "output", "counts"]
            );
        }

        List<string> body = kind.IsRaw ? [] : ["CollectiveDataType type = ElementType.Of<T>();"];
        if (kind == Kind.Tensors)
        {
            body.AddRange(NotNullTensors());
        }

        if (kind.IsTensor)
        {
            body.AddRange(AtRoot("Check.SameRows(nameof(output), output.Lengths, input.Lengths);"));
        }

        if (toAll)
        {
            body.Add($"using BlockCounts sent = {self}ReadCounts(inputCounts, type, nameof(inputCounts){row});");
            body.Add($"using BlockCounts received = {self}ReadCounts(outputCounts, type, nameof(outputCounts){row});");
        }
        else
        {
            string read = operation.Peer is null
                ? $"{self}ReadCounts(counts, type, nameof(counts){row})"
                : $"{self}ReadCountsAtRoot(counts, root, type{row})";
            body.Add($"using BlockCounts blocks = {read};");
        }

        if (kind.IsRaw)
        {
            if (operation.Peer is not null)
            {
                body.Add("Check.Count(count, 1, type);");
            }

            body.Add($"Check.NotNull(nameof(input), input, {UnevenLength("input")});");
            body.Add($"Check.NotNull(nameof(output), output, {UnevenLength("output")});");
        }

        body.Add(Begin("type", isUneven: true, "op"));
        body.Add(
            Run(
                toAll ? ", sendCounts: sent.Values, receiveCounts: received.Values"
                : operation.GetsAll ? ", receiveCounts: blocks.Values"
                : ", sendCounts: blocks.Values"
            )
        );
        return body;
    }

    // Elements of a native buffer, which has no length of its own.
    private string UnevenLength(string buffer) =>
        operation switch
        {
            { GivesAll: true, GetsAll: true } => buffer == "input" ? "sent.Total" : "received.Total",
            _ when operation.GivesAll == (buffer == "input") => "blocks.Total",
            { Peer: not null } => "count",
            _ => $"blocks[{self}Rank]",
        };

    private string NotNull(string buffer, string length)
    {
        bool isAtRoot = buffer == "input" ? operation.GivesAtRoot : buffer == "output" && operation.GetsAtRoot;
        string used = isAtRoot ? $"{self}Rank == root ? {length} : 0" : length;
        return $"Check.NotNull(nameof({buffer}), {buffer}, {used});";
    }

    // The blocking form on tensors hands on to that on tensor spans.
    private List<string> Delegated(IReadOnlyList<string> arguments, bool hasFunction = false)
    {
        List<string> body = [.. NotNullTensors()];
        string Span(string name) =>
            name.EndsWith("ounts", StringComparison.Ordinal) ? name
            : name == "input" || (name == "buffer" && operation.Output == Block.Nothing)
                ? Optional(name, operation.GivesAtRoot, $"{name}.AsReadOnlyTensorSpan()")
            : Optional(name, operation.GetsAtRoot, $"{name}.AsTensorSpan()");
        body.Add($"{self}{_name}({string.Join(", ", arguments.Select(Span).Concat(Passed(hasFunction)))});");
        return body;
    }

    private static string Optional(string name, bool isOptional, string span) =>
        isOptional ? $"{name} is null ? default : {span}" : span;

    private IEnumerable<string> NotNullTensors()
    {
        if (operation.HasOneBuffer)
        {
            return ["ArgumentNullException.ThrowIfNull(buffer);"];
        }

        List<string> checks = [];
        if (!operation.GivesAtRoot)
        {
            checks.Add("ArgumentNullException.ThrowIfNull(input);");
        }

        if (!operation.GetsAtRoot)
        {
            checks.Add("ArgumentNullException.ThrowIfNull(output);");
        }

        return checks;
    }

    // Checks of shapes; lengths are checked by Begin….
    private IEnumerable<string> Shapes()
    {
        if (!kind.IsTensor)
        {
            yield break;
        }

        if (kind == Kind.Tensors)
        {
            foreach (string check in NotNullTensors())
            {
                yield return check;
            }
        }

        if (operation.HasOneBuffer)
        {
            yield break;
        }

        List<string> checks = operation switch
        {
            { GivesAll: true, GetsAll: true } =>
            [
                $"_ = Check.DivideRows(nameof(input), input.Lengths, {self}Size);",
                "Check.SameShape(nameof(output), output.Lengths, input.Lengths);",
            ],
            { GetsAll: true } =>
            [
                $"Check.Joined(nameof(output), output.Lengths, input.Lengths, {self}Size, Check.InputJoined);",
            ],
            { GivesAll: true } =>
            [
                $"Check.Joined(nameof(input), input.Lengths, output.Lengths, {self}Size, Check.OutputJoined);",
            ],
            _ => ["Check.SameShape(nameof(output), output.Lengths, input.Lengths);"],
        };
        foreach (string line in checks.SelectMany(AtRoot))
        {
            yield return line;
        }
    }

    private IEnumerable<string> AtRoot(string statement)
    {
        if (!operation.GivesAtRoot && !operation.GetsAtRoot)
        {
            return [statement];
        }

        List<string> lines = [$"if ({self}Rank == root)", "{"];
        if (kind == Kind.Tensors)
        {
            lines.Add($"    ArgumentNullException.ThrowIfNull({(operation.GivesAtRoot ? "input" : "output")});");
        }

        return [.. lines, $"    {statement}", "}"];
    }

    private string Begin(string type, bool isUneven, string op)
    {
        List<string> lengths =
            operation.HasOneBuffer ? [kind.IsRaw ? "count" : kind.LengthOf("buffer")]
            : isUneven && kind.IsRaw ? [UnevenLength("input"), UnevenLength("output")]
            : kind.IsRaw ? [RawLength(operation.GivesAll), RawLength(operation.GetsAll)]
            : [LengthOf("input", operation.GivesAtRoot), LengthOf("output", operation.GetsAtRoot)];
        if (isUneven)
        {
            lengths.AddRange(operation is { GivesAll: true, GetsAll: true } ? ["sent", "received"] : ["blocks"]);
        }

        return BeginWith(type, [.. lengths], op);
    }

    private string LengthOf(string buffer, bool isOptional) =>
        isOptional && kind == Kind.Tensors ? $"{buffer}?.{kind.Length} ?? 0" : kind.LengthOf(buffer);

    private string RawLength(bool isAll) => isAll ? $"count * {self}Size" : "count";

    private string BeginWith(string type, params string[] lengths) => BeginWith(type, lengths, "op");

    private string BeginWith(string type, string[] lengths, string op)
    {
        List<string> arguments = [type, .. lengths];
        if (operation.Peer is { } peer)
        {
            arguments.Add(peer);
        }

        if (operation.Reduces)
        {
            arguments.Add(op);
        }

        if (operation.Has(Form.Tagged))
        {
            arguments.Add("tag");
        }

        return $"Operation operation = {self}Begin{operation.Name}({string.Join(", ", arguments)}, timeout);";
    }

    private string Run(string counts)
    {
        string none = kind.IsRaw ? "null" : "default";
        string buffers =
            operation.Input == Block.Same ? "buffer, buffer"
            : operation.Output == Block.Nothing ? $"buffer, {none}"
            : operation.Input == Block.Nothing ? $"{none}, buffer"
            : "input, output";
        if (kind == Kind.TensorSpans && operation.Input == Block.Same)
        {
            return $"{self}RunInPlace(ref operation, buffer);";
        }

        string names =
            kind != Kind.TensorSpans || !operation.HasOneBuffer ? ""
            : operation.Output == Block.Nothing ? ", sendName: nameof(buffer)"
            : ", receiveName: nameof(buffer)";
        string method = kind.IsDevice ? "RunOnDevice" : "Run";
        string stream = kind.IsDevice ? ", stream" : "";
        return isAsync
            ? $"return {self}{method}Async(ref operation, {buffers}{stream}, cancellationToken{counts});"
            : $"{self}{method}(ref operation, {buffers}{stream}{counts}{names});";
    }
}
