using System.Collections.Immutable;
using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests;

/// <summary>Every C# block in the documentation compiles against what was built.</summary>
/// <remarks>
/// A block is compiled as a program of its own, with the usings that a new project has and those of this library. What
/// a text leaves out stands above its block, in comments that a reader of the page does not see: after the words
/// "compiled after" what comes before it in the same program, after "compiled with" a file beside it, such as types of
/// another library.
/// </remarks>
[Category("Unit")]
[CancelAfter(120_000)]
internal sealed partial class DocumentationTests
{
    // Those of a console project, and those that a page takes for granted.
    private const string Usings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;
        global using NativeCollectives;
        """;

    private static readonly CSharpParseOptions _language = new(LanguageVersion.Latest);
    private static readonly Lazy<MetadataReference[]> _references = new(References);

    /// <summary>Blocks that nobody would miss: the pages below have some, and this test must see them.</summary>
    private static readonly string[] _pagesWithExamples =
    [
        "README.md",
        "docs/api.md",
        "docs/hosting.md",
        "docs/jaccl.md",
        "docs/nccl.md",
        "docs/ring.md",
        "docs/telemetry.md",
    ];

    [Test]
    public void Every_page_with_examples_is_looked_at() =>
        Assert.That(_pagesWithExamples, Is.SubsetOf(Blocks().Select(static block => block.Page)));

    [TestCaseSource(nameof(Cases))]
    public void Every_block_compiles(Block block)
    {
        Diagnostic[] errors = Compile(block.Before + block.Text, block.Beside);
        Assert.That(
            errors,
            Is.Empty,
            $"{block}:\n{string.Join('\n', errors.Select(error => $"line {Line(block, error)}: {error.GetMessage()}"))}"
        );
    }

    /// <summary>The test itself: it sees what is wrong.</summary>
    [Test]
    public void A_block_that_does_not_compile_is_found()
    {
        Block[] blocks =
        [
            .. Find(
                "page.md",
                "<!-- compiled after: int given = 1; -->\n\n```csharp\nint sum = given + missing;\n```\n\ntext\n\n``` "
                    + "csharp\nint x = 1;\n```\n"
            ),
        ];
        Assert.That(blocks.Select(static block => block.Line), Is.EqualTo(new[] { 3, 9 }));
        Assert.That(
            Compile(blocks[0].Before + blocks[0].Text, "").Select(static error => error.Id),
            Is.EqualTo(new[] { "CS0103" })
        );
        Assert.That(Compile(blocks[1].Text, ""), Is.Empty);
    }

    private static IEnumerable<TestCaseData> Cases() =>
        Blocks().Select(static block => new TestCaseData(block).SetArgDisplayNames(block.ToString()));

    // All pages that a user reads.
    private static IEnumerable<Block> Blocks()
    {
        string root = NcclLibraries.RepositoryRoot;
        string[] pages =
        [
            .. Directory.GetFiles(root, "*.md"),
            .. new[] { "docs", "bindings", "samples", "bench" }
                .Select(folder => Path.Combine(root, folder))
                .Where(Directory.Exists)
                .SelectMany(static folder => Directory.GetFiles(folder, "*.md", SearchOption.AllDirectories)),
        ];
        return pages
            .Order(StringComparer.Ordinal)
            .SelectMany(page => Find(Path.GetRelativePath(root, page).Replace('\\', '/'), File.ReadAllText(page)));
    }

    private static IEnumerable<Block> Find(string page, string text)
    {
        foreach (Match match in Fence().Matches(text))
        {
            string before = "";
            string beside = "";
            foreach (Capture comment in match.Groups["comment"].Captures)
            {
                Match part = Comment().Match(comment.Value);
                _ =
                    part.Groups["where"].Value == "after"
                        ? before += part.Groups["code"].Value + "\n"
                        : beside += part.Groups["code"].Value + "\n";
            }

            int line = text.AsSpan(0, match.Groups["code"].Index).Count('\n');
            yield return new Block(page, line, match.Groups["code"].Value, before, beside);
        }
    }

    private static Diagnostic[] Compile(string program, string beside)
    {
        SyntaxTree[] trees =
        [
            .. new[] { program, Usings, beside }.Select(static text => CSharpSyntaxTree.ParseText(text, _language)),
        ];
        var compilation = CSharpCompilation.Create(
            "Example",
            trees,
            _references.Value,
            new CSharpCompilationOptions(
                OutputKind.ConsoleApplication,
                nullableContextOptions: NullableContextOptions.Enable
            )
        );
        CSharpGeneratorDriver
            .Create([JsonGenerator()], parseOptions: _language)
            .RunGeneratorsAndUpdateCompilation(
                compilation,
                out Compilation whole,
                out ImmutableArray<Diagnostic> generated
            );
        return
        [
            .. whole
                .GetDiagnostics()
                .Concat(generated)
                .Where(static diagnostic => diagnostic.Severity == DiagnosticSeverity.Error),
        ];
    }

    // What the tests run on, of which a user has the libraries too.
    private static MetadataReference[] References()
    {
        string[] loaded = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator);
        string[] own = ["NativeCollectives.dll", "NativeCollectives.Hosting.dll"];
        return
        [
            .. loaded
                .Where(file =>
                    Path.GetFileName(file) is var name
                    && (
                        own.Contains(name)
                        || name.StartsWith("System.", StringComparison.Ordinal)
                        || name.StartsWith("Microsoft.", StringComparison.Ordinal)
                        || name.StartsWith("OpenTelemetry", StringComparison.Ordinal)
                        || name is "mscorlib.dll" or "netstandard.dll"
                    )
                )
                .Select(static file => MetadataReference.CreateFromFile(file)),
        ];
    }

    // Messages of System.Text.Json that a program declares are written by a generator, which comes with the SDK.
    private static ISourceGenerator JsonGenerator()
    {
        string shared = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        string packs = Path.GetFullPath(Path.Combine(shared, "..", "..", "..", "packs", "Microsoft.NETCore.App.Ref"));
        const string Name = "System.Text.Json.SourceGeneration.dll";
        string? file = Directory.Exists(packs)
            ? Directory.GetFiles(packs, Name, SearchOption.AllDirectories).Order(StringComparer.Ordinal).LastOrDefault()
            : null;
        Assert.That(file, Is.Not.Null, $"{Name} is not below {packs}, where the SDK has it");
        Type generator = Assembly
            .LoadFrom(file!)
            .GetType("System.Text.Json.SourceGeneration.JsonSourceGenerator", throwOnError: true)!;
        return ((IIncrementalGenerator)Activator.CreateInstance(generator)!).AsSourceGenerator();
    }

    private static string Line(Block block, Diagnostic error)
    {
        int line = error.Location.GetLineSpan().StartLinePosition.Line - block.Before.AsSpan().Count('\n');
        return line < 0 ? "of what it is compiled after" : $"{block.Line + line + 1}";
    }

    // Comments that belong to a block may have empty lines between them and it.
    [GeneratedRegex(
        """(?:^(?<comment><!-- compiled (?:after|with):(?:(?!-->).)*-->)\s*\n)*"""
            + """^(?<fence>```+)[ ]?(?:csharp|cs|c#)[ ]*\n(?<code>.*?)^\k<fence>[ ]*$""",
        RegexOptions.Singleline | RegexOptions.Multiline | RegexOptions.IgnoreCase
    )]
    private static partial Regex Fence();

    [GeneratedRegex("^<!-- compiled (?<where>after|with):(?<code>.*)-->$", RegexOptions.Singleline)]
    private static partial Regex Comment();

    /// <summary>A block of C# in a page.</summary>
    /// <param name="Page">The page's path within the repository.</param>
    /// <param name="Line">The line of the fence, from 1.</param>
    /// <param name="Text">What is in it.</param>
    /// <param name="Before">What comes before it in the same program.</param>
    /// <param name="Beside">What is in a file beside it.</param>
    internal sealed record Block(string Page, int Line, string Text, string Before, string Beside)
    {
        public override string ToString() => $"{Page}:{Line}";
    }
}
