using System.Collections.Immutable;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace NativeCollectives.Tests.Harness;

/// <summary>Compiles small programs that use the library, in this process.</summary>
internal static class ExampleCompiler
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

    /// <summary>A program in top-level statements, as a new project of the .NET SDK would compile it.</summary>
    /// <param name="program">The program; it has the usings of a console project and of the library.</param>
    /// <param name="beside">A file beside it.</param>
    /// <returns>The compilation, and what its generators had to say.</returns>
    public static (Compilation Compilation, ImmutableArray<Diagnostic> Generated) Compile(
        string program,
        string beside = ""
    )
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
        return (whole, generated);
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
}
