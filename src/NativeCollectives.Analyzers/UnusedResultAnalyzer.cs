using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace NativeCollectives.Analyzers;

/// <summary>NC0005: the result of an operation on a single value is dropped.</summary>
/// <remarks>A value goes in by value: what was given stays as it was, unlike the elements of a buffer.</remarks>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class UnusedResultAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } =
        ImmutableArray.Create(Rules.UnusedResult);

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.EnableConcurrentExecution();
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.RegisterOperationAction(Look, OperationKind.Invocation);
    }

    private static void Look(OperationAnalysisContext context)
    {
        var invocation = (IInvocationOperation)context.Operation;
        IMethodSymbol method = invocation.TargetMethod;
        if (!Collectives.IsOwn(method.ContainingType, "ValueCollectives"))
        {
            return;
        }

        IOperation? user = invocation.Parent;
        if (user is IAwaitOperation)
        {
            user = user.Parent;
        }

        if (user is IExpressionStatementOperation)
        {
            context.ReportDiagnostic(
                Diagnostic.Create(Rules.UnusedResult, Walk.NameOf(invocation.Syntax), method.Name)
            );
        }
    }
}
