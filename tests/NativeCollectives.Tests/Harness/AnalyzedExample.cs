using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using NativeCollectives.Analyzers;

namespace NativeCollectives.Tests.Harness;

/// <summary>What the package's analyzers say of a small program.</summary>
internal static partial class AnalyzedExample
{
    /// <summary>Every analyzer in the package.</summary>
    public static ImmutableArray<DiagnosticAnalyzer> Analyzers { get; } =
    [
        .. typeof(ElementTypeAnalyzer)
            .Assembly.GetTypes()
            .Where(static type => type.IsSubclassOf(typeof(DiagnosticAnalyzer)))
            .Select(static type => (DiagnosticAnalyzer)Activator.CreateInstance(type)!),
    ];

    /// <summary>The reports: rule and line of the program, from 1. The program must compile.</summary>
    public static async Task<string[]> ReportsAsync(string program, string beside, CancellationToken cancellationToken)
    {
        (Compilation compilation, _) = ExampleCompiler.Compile(program, beside);
        Assert.That(
            compilation
                .GetDiagnostics(cancellationToken)
                .Where(static diagnostic => diagnostic.Severity == DiagnosticSeverity.Error),
            Is.Empty,
            "the example does not compile"
        );
        ImmutableArray<Diagnostic> diagnostics = await compilation
            .WithAnalyzers(Analyzers)
            .GetAnalyzerDiagnosticsAsync(cancellationToken);
        return [.. diagnostics.Select(Shown).Order(StringComparer.Ordinal)];
    }

    /// <summary>What a program says that it expects: in comments at the ends of its lines, such as "// NC0001".</summary>
    public static string[] Expected(string program) =>
        [
            .. program
                .Split('\n')
                .SelectMany(
                    static (line, index) =>
                        Mark().Match(line).Groups["rule"].Captures.Select(rule => $"{rule.Value}, line {index + 1}")
                )
                .Order(StringComparer.Ordinal),
        ];

    // An analyzer that throws is reported too, by the compiler, without a line.
    private static string Shown(Diagnostic diagnostic) =>
        diagnostic.Location.IsInSource
            ? $"{diagnostic.Id}, line {diagnostic.Location.GetLineSpan().StartLinePosition.Line + 1}"
            : diagnostic.ToString();

    [GeneratedRegex(@"//(?: (?<rule>NC\d{4}))+\s*$")]
    private static partial Regex Mark();
}
