using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace NativeCollectives.Analyzers;

/// <summary>NC0004: a buffer is used between an asynchronous operation and the await of its task.</summary>
/// <remarks>
/// This looks at what follows the operation in the same block, up to whatever may wait for it: the first statement
/// that has the task in it, or that calls the group again and waits, as operations of a group end in their order. It
/// says nothing where it cannot know.
/// </remarks>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class BufferInUseAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } =
        ImmutableArray.Create(Rules.BufferInUse);

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

    private static void Look(OperationAnalysisContext context, Collectives collectives, IInvocationOperation call)
    {
        if (
            !collectives.IsOperation(call.TargetMethod)
            || !Collectives.IsAsynchronous(call.TargetMethod)
            || Issued(call, out ILocalSymbol? task) is not { Parent: IBlockOperation block } statement
        )
        {
            return;
        }

        Dictionary<ISymbol, bool> buffers = Buffers(call);
        int next = block.Operations.IndexOf(statement) + 1;
        for (; next < block.Operations.Length && buffers.Count > 0; next++)
        {
            IOperation following = block.Operations[next];
            if ((task is not null && Mentions(following, task)) || MayWait(following, collectives))
            {
                return;
            }

            foreach (KeyValuePair<ISymbol, bool> buffer in buffers.ToArray())
            {
                IOperation[] uses = [.. Walk.OutsideFunctions(following).Where(use => IsOf(use, buffer.Key))];
                if (uses.Any(IsReplaced))
                {
                    // From here on the variable is another buffer.
                    _ = buffers.Remove(buffer.Key);
                    continue;
                }

                foreach (IOperation use in uses)
                {
                    Access access = BufferUse.Of(use, collectives);
                    if (access == Access.None || (buffer.Value && access != Access.Write))
                    {
                        continue;
                    }

                    string what =
                        access == Access.Read ? "read"
                        : access == Access.Write ? "written"
                        : "used";
                    context.ReportDiagnostic(
                        Diagnostic.Create(
                            Rules.BufferInUse,
                            use.Syntax.GetLocation(),
                            buffer.Key.Name,
                            what,
                            call.TargetMethod.Name
                        )
                    );
                    // The first use says it all.
                    _ = buffers.Remove(buffer.Key);
                    break;
                }
            }
        }
    }

    // The statement that issues the operation and does not wait for it, if it is one; the task's variable, or null if
    // the task is thrown away.
    private static IOperation? Issued(IInvocationOperation call, out ILocalSymbol? task)
    {
        task = null;
        switch (Walk.Converted(call).Parent)
        {
            case IExpressionStatementOperation statement:
                return statement;
            case ISimpleAssignmentOperation
            {
                Target: IDiscardOperation,
                Parent: IExpressionStatementOperation statement
            }:
                return statement;
            case IVariableInitializerOperation { Parent: IVariableDeclaratorOperation declarator }:
                task = declarator.Symbol;
                return
                    declarator.Parent
                        is IVariableDeclarationOperation { Parent: IVariableDeclarationGroupOperation group }
                    ? group
                    : null;
            default:
                return null;
        }
    }

    // Variables whose memory the operation uses, and whether it only reads it.
    private static Dictionary<ISymbol, bool> Buffers(IInvocationOperation call)
    {
        var buffers = new Dictionary<ISymbol, bool>(SymbolEqualityComparer.Default);
        foreach (IArgumentOperation argument in call.Arguments)
        {
            if (
                argument.Parameter?.OriginalDefinition is not { } parameter
                || !IsBuffer(parameter.Type)
                || Variable(argument.Value) is not { } variable
            )
            {
                continue;
            }

            bool isRead =
                IsReadOnlyMemory(parameter.Type)
                || parameter.Name == "input"
                || (
                    call.TargetMethod.Name.StartsWith("Send", StringComparison.Ordinal)
                    && parameter.Name is "buffer" or "send"
                );
            buffers[variable] = isRead && (!buffers.TryGetValue(variable, out bool before) || before);
        }

        return buffers;
    }

    private static bool IsBuffer(ITypeSymbol type) =>
        type is IArrayTypeSymbol { ElementType.TypeKind: TypeKind.TypeParameter }
        || Collectives.IsSystem(type, "Memory", "System")
        || IsReadOnlyMemory(type);

    private static bool IsReadOnlyMemory(ITypeSymbol type) => Collectives.IsSystem(type, "ReadOnlyMemory", "System");

    // A part of an array is left out: what is used beside it may be another part.
    private static ISymbol? Variable(IOperation value) =>
        Walk.Unconverted(value) switch
        {
            ILocalReferenceOperation { Local: { IsRef: false } local } => local,
            IParameterReferenceOperation { Parameter: { RefKind: RefKind.None } parameter } => parameter,
            IInvocationOperation { TargetMethod.Name: "AsMemory", Arguments: { Length: 1 } arguments } invocation
                when Collectives.IsSystem(invocation.TargetMethod.ContainingType, "MemoryExtensions", "System") =>
                Variable(arguments[0].Value),
            _ => null,
        };

    private static bool IsOf(IOperation operation, ISymbol variable) =>
        operation switch
        {
            ILocalReferenceOperation local => SymbolEqualityComparer.Default.Equals(local.Local, variable),
            IParameterReferenceOperation parameter => SymbolEqualityComparer.Default.Equals(
                parameter.Parameter,
                variable
            ),
            _ => false,
        };

    private static bool IsReplaced(IOperation use) =>
        BufferUse.IsTarget(use) || use.Parent is IArgumentOperation { Parameter.RefKind: RefKind.Ref or RefKind.Out };

    private static bool Mentions(IOperation operation, ILocalSymbol variable) =>
        operation.DescendantsAndSelf().Any(descendant => IsOf(descendant, variable));

    // Whatever is called of a group, unless that is issued without waiting.
    private static bool MayWait(IOperation operation, Collectives collectives) =>
        Walk.OutsideFunctions(operation)
            .OfType<IInvocationOperation>()
            .Any(invocation =>
                collectives.BelongsToGroup(invocation.TargetMethod)
                && (!Collectives.IsAsynchronous(invocation.TargetMethod) || Issued(invocation, out _) is null)
            );
}
