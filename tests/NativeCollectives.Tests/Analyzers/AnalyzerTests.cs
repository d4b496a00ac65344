using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests.Analyzers;

/// <summary>The rules that the package brings: what they report, at which line, and what they do not.</summary>
/// <remarks>A comment at the end of a line says what is expected there. Everything else must be clean.</remarks>
[Category("Unit")]
[CancelAfter(120_000)]
internal sealed class AnalyzerTests
{
    private const string Setup = """
        using System.Buffers;
        using System.Numerics;
        using System.Numerics.Tensors;
        using var group = DistributedGroup.Create();
        var sum = ReduceOp.Sum;

        """;

    // Types and methods that the examples take for granted.
    private const string Beside = """
        struct Point { public float X, Y; }
        static class Helper
        {
            public static void Fill(Span<float> values) => values.Fill(1);
            public static float Total(ReadOnlySpan<float> values) => values[0];
            public static Span<float> Half(Span<float> values) => values[..(values.Length / 2)];
            public static void Keep(object value) { }
        }
        """;

    private static readonly string[] _elementTypes =
    [
        "bool",
        "sbyte",
        "short",
        "int",
        "long",
        "byte",
        "ushort",
        "uint",
        "ulong",
        "Half",
        "BFloat16",
        "float",
        "double",
        "Complex64",
    ];

    private static readonly string[] _otherTypes =
    [
        "decimal",
        "char",
        "nint",
        "nuint",
        "Int128",
        "UInt128",
        "DateTime",
        "DayOfWeek",
        "Guid",
        "Point",
        "(int, int)",
    ];

    private static IEnumerable<TestCaseData> Examples()
    {
        yield return Example(
            "every element type",
            string.Join('\n', _elementTypes.Select(static type => $"group.AllReduce<{type}>(new {type}[1], sum);"))
        );
        yield return Example(
            "no element type",
            string.Join(
                '\n',
                _otherTypes.Select(static type => $"group.AllReduce<{type}>(new {type}[1], sum); // NC0001")
            )
        );
        yield return Example(
            "inferred element types",
            """
            Span<decimal> prices = new decimal[4];
            group.Broadcast(prices, 0); // NC0001
            Memory<char> text = new char[4];
            Task send = group.SendAsync<char>(text, 1); // NC0001
            ReadOnlySpan<DayOfWeek> days = new DayOfWeek[2];
            var all = group.AllGather(days); // NC0001
            Span<int> fine = new int[4];
            group.Broadcast(fine, 0);
            group
                .Broadcast(prices, 0); // NC0001
            await send;
            """
        );
        yield return Example(
            "tensors",
            """
            var tensor = Tensor.Create<decimal>([1, 2]);
            group.Broadcast(tensor, 0); // NC0001
            var complex = Tensor.Create<Complex>([1, 2]);
            group.Broadcast(complex, 0); // NC0002
            """
        );
        yield return Example(
            "device memory",
            """
            DeviceSpan<decimal> memory = default;
            group.Broadcast(memory, 0); // NC0001
            """
        );
        yield return Example(
            "batches",
            """
            group.Batch()
                .Send<float>(new float[2], 1)
                .Receive<decimal>(new decimal[2], 1) // NC0001
                .Execute();
            """
        );
        yield return Example(
            "complex numbers of two doubles",
            """
            group.AllReduce<Complex>(new Complex[2], sum); // NC0002
            group.AllReduce<Complex64>(new Complex64[2], sum);
            """
        );
        yield return Example(
            "method groups",
            """
            Func<decimal[], Task<decimal[]>> gather = values => group.AllGatherAsync<decimal>(values); // NC0001
            Operation<char> broadcast = group.Broadcast<char>; // NC0001
            Operation<int> fine = group.Broadcast<int>;
            """,
            "delegate void Operation<T>(Span<T> values, int root, TimeSpan? timeout = null);"
        );
        yield return Example(
            "type parameters and objects of any type",
            """
            void Sum<T>(T[] values) where T : unmanaged => group.AllReduce<T>(values, sum);
            Sum<decimal>([1]);
            var point = group.BroadcastObject(new Point(), 0);
            decimal[] prices = group.AllGatherObject(1.5m);
            """
        );
        yield return Example(
            "methods of the same names that are another's",
            """
            new Other().AllReduce<decimal>(1);
            new Other().AllReduceAsync<decimal>(1);
            Parallel.For(0, 2, i => new Other().AllReduce(i));
            """,
            """
            class Other
            {
                public void AllReduce<T>(T value) { }
                public Task AllReduceAsync<T>(T value) => Task.CompletedTask;
            }
            """
        );
        yield return Example(
            "parallel loops",
            """
            float[][] layers = [new float[2], new float[2]];
            Parallel.For(0, 2, i => group.AllReduce<float>(layers[i], sum)); // NC0003
            Parallel.ForEach(layers, layer =>
            {
                layer[0] = 1;
                group.Broadcast<float>(layer, 0); // NC0003
                group.Barrier(); // NC0003
            });
            await Parallel.ForEachAsync(layers, async (layer, token) =>
                await group.BroadcastAsync<float>(layer, 0)); // NC0003
            await Parallel.ForAsync(0, 2, async (i, token) => await group.BarrierAsync()); // NC0003
            layers.AsParallel().ForAll(delegate(float[] layer) { group.AllReduce<float>(layer, sum); }); // NC0003
            Parallel.Invoke(
                () => group.Barrier(), // NC0003
                () => layers[0][0] = 1
            );
            Parallel.For(0, 2, i => Array.ForEach(layers, layer => group.Broadcast<float>(layer, 0))); // NC0003
            Parallel.For(0, 2, i => group.BroadcastObject("text", 0)); // NC0003
            """
        );
        yield return Example(
            "parallel loops of a class",
            "new Trainer(group).Step();",
            """
            class Trainer(DistributedGroup first)
            {
                private readonly DistributedGroup _group = first;
                public DistributedGroup Group => _group;
                public void Step() => Parallel.For(0, 2, i => Group.Barrier());
                public void Other(Trainer other) => Parallel.For(0, 2, i => other._group.Barrier());
            }
            """,
            // In the file beside.
            ["NC0003, line 5", "NC0003, line 6"]
        );
        yield return Example(
            "loops in order, and groups of the body's own",
            """
            float[][] layers = [new float[2], new float[2]];
            DistributedGroup[] groups = [group];
            foreach (float[] layer in layers)
            {
                group.AllReduce<float>(layer, sum);
            }

            Array.ForEach(layers, layer => group.AllReduce<float>(layer, sum));
            Parallel.ForEach(groups, own => own.Barrier());
            Parallel.For(0, 1, i => groups[i].Barrier());
            Parallel.For(0, 1, i =>
            {
                using var own = DistributedGroup.Create();
                own.Barrier();
                Console.WriteLine(group.Rank);
            });
            Task.Run(() => group.Barrier());
            layers.AsParallel().Select(layer => layer.Length).ToArray();
            """
        );
        yield return Example(
            "buffers of tasks that are awaited later",
            """
            float[] values = new float[4];
            Task task = group.AllReduceAsync<float>(values, sum);
            values[0] = 1; // NC0004
            values[1] = 2;
            await task;
            var again = group.AllReduceAsync<float>(values.AsMemory(), sum);
            Console.WriteLine(values[0]); // NC0004
            await Task.WhenAll(again);
            Memory<float> memory = values;
            Task third = group.BroadcastAsync(memory, 0);
            if (values.Length > 3)
            {
                memory.Span[0]++; // NC0004
            }

            await third;
            """
        );
        yield return Example(
            "buffers of tasks that are thrown away",
            """
            float[] values = new float[4];
            float[] result = new float[4];
            _ = group.AllReduceAsync<float>(values, result, sum);
            Console.WriteLine(values[0]);
            float first = result[0]; // NC0004
            group.Barrier();
            #pragma warning disable CS4014
            group.AllReduceAsync<float>(values, sum);
            #pragma warning restore CS4014
            foreach (float value in values) // NC0004
            {
            }
            """
        );
        foreach (
            string use in new[]
            {
                "x[0] += 1;",
                "x[^1]++;",
                "float[] part = x[1..];",
                "(x[0], x[1]) = (1, 2);",
                "Swap(ref x[0], ref x[1]);",
                "Array.Clear(x);",
                "Array.Fill(x, 1);",
                "Array.Copy(new float[4], x, 4);",
                "x.AsSpan().Clear();",
                "x.AsSpan(1).Fill(2);",
                "x.CopyTo(new float[4], 0);",
                "float total = x.Sum();",
                "string text = string.Join(' ', x);",
                "Helper.Fill(x);",
                "Helper.Fill(x.AsSpan());",
                "float some = Helper.Total(x);",
                "x.AsSpan()[0] = 1;",
                "while (x[0] > 0) { }",
                "TensorPrimitives.Add<float>(x, 1, x);",
                "float sums = TensorPrimitives.Sum<float>(x);",
            }
        )
        {
            yield return Example(
                "use: " + use,
                $"""
                float[] x = new float[4];
                Task task = group.AllReduceAsync<float>(x, sum);
                {use} // NC0004
                await task;
                static void Swap(ref float a, ref float b) => (a, b) = (b, a);
                """
            );
        }

        foreach (
            string harmless in new[]
            {
                "int length = x.Length;",
                "bool given = x != null;",
                "var list = new List<float[]> { x };",
                "Helper.Keep(x);",
                "Span<float> span = x;",
                "Span<float> part = x.AsSpan(1);",
                "Span<float> half = Helper.Half(x);",
                "Memory<float> memory = x;",
                "ref float first = ref x[0];",
                "Action later = () => x[0] = 1;",
                "x = new float[4]; x[0] = 1;",
                "Make(out x); x[0] = 1;",
                "string name = nameof(x);",
                "var lazy = x.Select(value => value + 1);",
                "Task second = group.AllReduceAsync<float>(x, sum); await second;",
                "group.AllReduce<float>(x, sum); x[0] = 1;",
                "task.Wait(); x[0] = 1;",
                "Task.WaitAll(task); x[0] = 1;",
                "await group.BarrierAsync(); x[0] = 1;",
                "if (task.IsCompleted) { x[0] = 1; }",
                "GC.KeepAlive(x);",
            }
        )
        {
            yield return Example(
                "no use: " + harmless,
                $$"""
                await Run(group);
                static async Task Run(DistributedGroup group)
                {
                    var sum = ReduceOp.Sum;
                    float[] x = new float[4];
                    Task task = group.AllReduceAsync<float>(x, sum);
                    {{harmless}}
                    await task;
                    static void Make(out float[] values) => values = new float[4];
                }
                """
            );
        }

        yield return Example(
            "what an operation only reads",
            """
            float[] values = new float[4];
            float[] others = new float[4];
            Task send = group.SendAsync<float>(values, 1);
            Console.WriteLine(values[0]);
            values[0] = 1; // NC0004
            await send;
            Task reduce = group.AllReduceAsync<float>(values, others, sum);
            float total = values.Sum() + Helper.Total(values);
            Helper.Fill(values);
            await reduce;
            Task both = group.AllReduceAsync<float>(values, values, sum);
            Console.WriteLine(values[0]); // NC0004
            await both;
            """
        );
        yield return Example(
            "operations that are awaited at once, and parts of buffers",
            """
            float[] values = new float[4];
            await group.AllReduceAsync<float>(values, sum);
            values[0] = 1;
            await group.AllReduceAsync<float>(values, sum).ConfigureAwait(false);
            values[0] = 1;
            Task part = group.AllReduceAsync(values.AsMemory(0, 2), sum);
            values[2] = 1;
            await part;
            Task[] tasks = [group.AllReduceAsync<float>(values, sum)];
            await Task.WhenAll(tasks);
            values[0] = 1;
            group.AllReduceAsync<float>(values, sum).Wait();
            values[0] = 1;
            Task task = group.AllReduceAsync<float>(values, sum);
            try
            {
                values[0] = 1;
            }
            finally
            {
                await task;
            }
            """
        );
        yield return Example(
            "parameters as buffers, in a function",
            """
            async Task Sum(float[] values, Memory<float> more)
            {
                Task first = group.AllReduceAsync<float>(values, sum);
                Task second = group.AllReduceAsync(more, sum);
                values[0] = 1; // NC0004
                more.Span.Clear(); // NC0004
                await first;
                values[0] = 1;
                await second;
            }

            await Sum(new float[4], new float[4]);
            """
        );

        yield return Example(
            "results of single values",
            """
            float loss = 1;
            group.AllReduce(loss); // NC0005
            await group.AllReduceAsync(loss, ReduceOp.Max); // NC0005
            group.Broadcast(loss, 0); // NC0005
            loss = group.AllReduce(loss);
            _ = group.AllReduce(loss);
            float most = await group.AllReduceAsync(loss, ReduceOp.Max);
            Task<float[]> losses = group.AllGatherAsync(loss);
            float[] buffer = [loss, most, (await losses)[0]];
            group.AllReduce(buffer);
            group.AllGather(buffer);
            """
        );

        static TestCaseData Example(string name, string program, string beside = "", string[]? besideReports = null) =>
            new TestCaseData(Setup + program, Beside + "\n" + beside, besideReports ?? []).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Examples))]
    public async Task ReportsExactlyThis(
        string program,
        string beside,
        string[] besideReports,
        CancellationToken cancellationToken
    )
    {
        // Lines of the file beside count from where its own part begins.
        int shared = Beside.AsSpan().Count('\n') + 1;
        IEnumerable<string> expected = besideReports.Select(report =>
            Regex.Replace(
                report,
                @"\d+$",
                line => $"{int.Parse(line.Value, System.Globalization.CultureInfo.InvariantCulture) + shared}"
            )
        );

        Assert.That(
            await AnalyzedExample.ReportsAsync(program, beside, cancellationToken),
            Is.EqualTo(AnalyzedExample.Expected(program).Concat(expected)),
            program
        );
    }

    [Test]
    public async Task AProgramWithoutTheLibraryIsNotLookedAt(CancellationToken cancellationToken) =>
        Assert.That(await AnalyzedExample.ReportsAsync("Console.WriteLine(1);", "", cancellationToken), Is.Empty);

    private static IEnumerable<TestCaseData> Blocks() =>
        DocumentationTests
            .Blocks()
            .Select(static block => new TestCaseData(block).SetArgDisplayNames(block.ToString()));

    /// <summary>The documentation's own examples: those that are wrong say so.</summary>
    [TestCaseSource(nameof(Blocks))]
    public async Task AnExampleInTheDocumentationIsReportedOnlyWhereItSaysSo(
        DocumentationTests.Block block,
        CancellationToken cancellationToken
    )
    {
        string program = block.Before + block.Text;

        Assert.That(
            await AnalyzedExample.ReportsAsync(program, block.Beside, cancellationToken),
            Is.EqualTo(AnalyzedExample.Expected(program)),
            block.ToString()
        );
    }

    [Test]
    public void EveryRuleIsOnThePageThatItLinksTo()
    {
        string page = File.ReadAllText(Path.Combine(NcclLibraries.RepositoryRoot, "docs", "analyzers.md"));
        DiagnosticDescriptor[] rules =
        [
            .. AnalyzedExample.Analyzers.SelectMany(static analyzer => analyzer.SupportedDiagnostics),
        ];

        Assert.That(
            rules.Select(static rule => rule.Id),
            Is.EquivalentTo(new[] { "NC0001", "NC0002", "NC0003", "NC0004", "NC0005" })
        );
        foreach (DiagnosticDescriptor rule in rules)
        {
            string severity = rule.DefaultSeverity.ToString().ToLowerInvariant();
            Assert.That(rule.HelpLinkUri, Is.EqualTo($"docs/analyzers.md#{rule.Id.ToLowerInvariant()}"));
            Assert.That(page, Does.Contain($"\n## {rule.Id}\n"));
            Assert.That(page, Does.Contain($"| [{rule.Id}](#{rule.Id.ToLowerInvariant()}) | {severity} |"));
        }
    }

    /// <summary>It must load in the first compilers of .NET 10, so it may not ask for a later one.</summary>
    [Test]
    public void TheAnalyzersNeedNoCompilerNewerThanDotNet10s() =>
        Assert.That(
            typeof(NativeCollectives.Analyzers.ElementTypeAnalyzer)
                .Assembly.GetReferencedAssemblies()
                .Where(static name => name.Name!.StartsWith("Microsoft.CodeAnalysis", StringComparison.Ordinal))
                .Select(static name => name.Version!.Major),
            Is.Not.Empty.And.All.LessThan(5)
        );
}
