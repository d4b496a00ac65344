using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
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
        Diagnostic[] errors = Errors(block.Before + block.Text, block.Beside);
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
            Errors(blocks[0].Before + blocks[0].Text, "").Select(static error => error.Id),
            Is.EqualTo(new[] { "CS0103" })
        );
        Assert.That(Errors(blocks[1].Text, ""), Is.Empty);
    }

    private static IEnumerable<TestCaseData> Cases() =>
        Blocks().Select(static block => new TestCaseData(block).SetArgDisplayNames(block.ToString()));

    // All pages that a user reads.
    internal static IEnumerable<Block> Blocks()
    {
        string root = NcclLibraries.RepositoryRoot;
        string[] pages =
        [
            .. Directory.GetFiles(root, "*.md"),
            .. new[] { "docs", "bindings", "samples", "surface", "bench" }
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

    /// <summary>What is wrong with a program, and with a file beside it.</summary>
    internal static Diagnostic[] Errors(string program, string beside)
    {
        (Compilation compilation, ImmutableArray<Diagnostic> generated) = ExampleCompiler.Compile(program, beside);
        return
        [
            .. compilation
                .GetDiagnostics()
                .Concat(generated)
                .Where(static diagnostic => diagnostic.Severity == DiagnosticSeverity.Error),
        ];
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
