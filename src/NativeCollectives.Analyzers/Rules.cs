using Microsoft.CodeAnalysis;

namespace NativeCollectives.Analyzers;

/// <summary>The rules: docs/analyzers.md explains them to users.</summary>
internal static class Rules
{
    /// <summary>An operation whose elements are of a type that no group can move.</summary>
    public static readonly DiagnosticDescriptor ElementType = Rule(
        "NC0001",
        "The type is no element type",
        "{0} cannot move elements of type '{1}'. Use bool, sbyte, short, int, long, byte, ushort, uint, ulong, Half, "
            + "BFloat16, float, double or Complex64.",
        DiagnosticSeverity.Error
    );

    /// <summary>An operation on complex numbers of two doubles.</summary>
    public static readonly DiagnosticDescriptor ComplexElements = Rule(
        "NC0002",
        "System.Numerics.Complex is no element type",
        "{0} cannot move elements of type 'System.Numerics.Complex'. Convert them to NativeCollectives.Complex64, "
            + "which has two floats.",
        DiagnosticSeverity.Error
    );

    /// <summary>An operation within a parallel loop.</summary>
    public static readonly DiagnosticDescriptor ParallelBody = Rule(
        "NC0003",
        "An operation runs in the body of a parallel loop",
        "{0} runs in the body of {1}, which has another order on every rank. Call the operations of a group in the "
            + "same order on every rank.",
        DiagnosticSeverity.Warning
    );

    /// <summary>A buffer that is used while an operation uses it.</summary>
    public static readonly DiagnosticDescriptor BufferInUse = Rule(
        "NC0004",
        "A buffer is used before its operation has ended",
        "'{0}' is {1} while {2} may still use it. Await the task of {2} first.",
        DiagnosticSeverity.Warning
    );

    /// <summary>An operation on a single value whose result nobody takes.</summary>
    public static readonly DiagnosticDescriptor UnusedResult = Rule(
        "NC0005",
        "The result of an operation on a single value is not used",
        "{0} returns the result; the value that it is given stays as it is. Use the result, or assign it to '_'.",
        DiagnosticSeverity.Warning
    );

    private const string Category = "NativeCollectives.Usage";

    private static DiagnosticDescriptor Rule(string id, string title, string message, DiagnosticSeverity severity) =>
        new(
            id,
            title,
            message,
            Category,
            severity,
            isEnabledByDefault: true,
            // The page is in the package too.
            helpLinkUri: "docs/analyzers.md#" + id.ToLowerInvariant()
        );
}
