using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace NativeCollectives.Analyzers;

/// <summary>NC0001 and NC0002: the type argument of an operation is no element type.</summary>
/// <remarks>The constraint <c>unmanaged</c> lets more types through than groups can move.</remarks>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class ElementTypeAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } =
        ImmutableArray.Create(Rules.ElementType, Rules.ComplexElements);

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.EnableConcurrentExecution();
        // Calls in generated code fail like any other.
        context.ConfigureGeneratedCodeAnalysis(
            GeneratedCodeAnalysisFlags.Analyze | GeneratedCodeAnalysisFlags.ReportDiagnostics
        );
        context.RegisterCompilationStartAction(static start =>
        {
            if (Collectives.In(start.Compilation) is { } collectives)
            {
                start.RegisterOperationAction(
                    operation => Look(operation, collectives, ((IInvocationOperation)operation.Operation).TargetMethod),
                    OperationKind.Invocation
                );
                start.RegisterOperationAction(
                    operation => Look(operation, collectives, ((IMethodReferenceOperation)operation.Operation).Method),
                    OperationKind.MethodReference
                );
            }
        });
    }

    private static void Look(OperationAnalysisContext context, Collectives collectives, IMethodSymbol method)
    {
        if (!method.IsGenericMethod || !collectives.IsOperation(method) || Collectives.MovesObjects(method))
        {
            return;
        }

        for (int i = 0; i < method.TypeParameters.Length; i++)
        {
            ITypeSymbol type = method.TypeArguments[i];
            if (method.TypeParameters[i].Name != "T" || IsElementType(type))
            {
                continue;
            }

            Location location = Walk.NameOf(context.Operation.Syntax);
            context.ReportDiagnostic(
                Collectives.IsSystem(type, "Complex", "System", "Numerics")
                    ? Diagnostic.Create(Rules.ComplexElements, location, method.Name)
                    : Diagnostic.Create(Rules.ElementType, location, method.Name, type.ToDisplayString())
            );
        }
    }

    // What is no struct or enum is not for this rule to judge: a type parameter, and what the compiler itself refuses.
    private static bool IsElementType(ITypeSymbol type) =>
        type.TypeKind is not (TypeKind.Struct or TypeKind.Enum)
        || !type.IsUnmanagedType
        || type.SpecialType
            is SpecialType.System_Boolean
                or SpecialType.System_SByte
                or SpecialType.System_Int16
                or SpecialType.System_Int32
                or SpecialType.System_Int64
                or SpecialType.System_Byte
                or SpecialType.System_UInt16
                or SpecialType.System_UInt32
                or SpecialType.System_UInt64
                or SpecialType.System_Single
                or SpecialType.System_Double
        || Collectives.IsSystem(type, "Half", "System")
        || Collectives.IsOwn(type, "BFloat16")
        || Collectives.IsOwn(type, "Complex64");
}
