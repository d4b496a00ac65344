using System.Collections.Immutable;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace NativeCollectives.Analyzers;

/// <summary>NC0003: a group from outside is used in the body of a parallel loop.</summary>
/// <remarks>A group that the body gets or makes itself may be another one for every run of the body.</remarks>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class ParallelBodyAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } =
        ImmutableArray.Create(Rules.ParallelBody);

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.EnableConcurrentExecution();
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.RegisterCompilationStartAction(static start =>
        {
            if (Collectives.In(start.Compilation) is { } collectives)
            {
                start.RegisterOperationAction(
                    operation => Look(operation, collectives, (IInvocationOperation)operation.Operation),
                    OperationKind.Invocation
                );
            }
        });
    }

    private static void Look(OperationAnalysisContext context, Collectives collectives, IInvocationOperation operation)
    {
        if (!collectives.IsOperation(operation.TargetMethod) || collectives.GroupOf(operation) is not { } group)
        {
            return;
        }

        // From the innermost function outward: one that runs in parallel, and is given the group by what is around it.
        for (IOperation? around = operation.Parent; around is not null; around = around.Parent)
        {
            if (around is IAnonymousFunctionOperation body && ParallelCall(body) is { } call && IsFrom(group, body))
            {
                context.ReportDiagnostic(
                    Diagnostic.Create(
                        Rules.ParallelBody,
                        Walk.NameOf(operation.Syntax),
                        operation.TargetMethod.Name,
                        call
                    )
                );
                return;
            }
        }
    }

    // What runs this function in parallel, if anything does.
    private static string? ParallelCall(IAnonymousFunctionOperation body)
    {
        IOperation value = body;
        while (value.Parent is IDelegateCreationOperation or IConversionOperation or IParenthesizedOperation)
        {
            value = value.Parent;
        }

        // Parallel.Invoke has an array of them.
        IOperation? parent = value.Parent;
        if (parent is IArrayInitializerOperation { Parent: IArrayCreationOperation { IsImplicit: true } array })
        {
            parent = array.Parent;
        }

        if (parent is not IArgumentOperation { Parent: IInvocationOperation invocation, Parameter: { } parameter })
        {
            return null;
        }

        IMethodSymbol method = invocation.TargetMethod;
        string name = method.ContainingType.Name + "." + method.Name;
        bool isParallel =
            Collectives.IsSystem(method.ContainingType, "Parallel", "System", "Threading", "Tasks")
            || (
                Collectives.IsSystem(method.ContainingType, "ParallelEnumerable", "System", "Linq")
                && method.Name == "ForAll"
            );
        // For each thread, not for each element, and of any number.
        return isParallel && parameter.Name is not ("localInit" or "localFinally") ? name : null;
    }

    // Whether the group is the same one in every run of the function: a variable, field or property from outside.
    private static bool IsFrom(IOperation? group, IAnonymousFunctionOperation body)
    {
        while (true)
        {
            switch (group)
            {
                case IConversionOperation conversion:
                    group = conversion.Operand;
                    break;
                case IParenthesizedOperation parenthesized:
                    group = parenthesized.Operand;
                    break;
                case ILocalReferenceOperation local:
                    return IsOutside(local.Local, body);
                case IParameterReferenceOperation parameter:
                    return IsOutside(parameter.Parameter, body);
                case IInstanceReferenceOperation:
                    return true;
                case IFieldReferenceOperation field when field.Field.IsStatic:
                    return true;
                case IFieldReferenceOperation field:
                    group = field.Instance;
                    break;
                case IPropertyReferenceOperation { Arguments.IsEmpty: true } property when property.Property.IsStatic:
                    return true;
                case IPropertyReferenceOperation { Arguments.IsEmpty: true } property:
                    group = property.Instance;
                    break;
                default:
                    return false;
            }
        }
    }

    private static bool IsOutside(ISymbol symbol, IAnonymousFunctionOperation body) =>
        !symbol.DeclaringSyntaxReferences.Any(declaration =>
            declaration.SyntaxTree == body.Syntax.SyntaxTree && body.Syntax.Span.Contains(declaration.Span)
        );
}
