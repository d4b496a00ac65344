using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace NativeCollectives.Analyzers;

/// <summary>What a statement does with the elements of the array or memory that a variable holds.</summary>
/// <remarks>
/// That a variable is handed on says nothing: a list of arrays or a span in a variable may be used when the operation
/// has ended. So this knows what uses elements at once, and takes everything else for harmless.
/// </remarks>
internal static class BufferUse
{
    private static readonly string[] _reading =
    [
        "Aggregate",
        "All",
        "Any",
        "Average",
        "Contains",
        "Count",
        "First",
        "FirstOrDefault",
        "Last",
        "LastOrDefault",
        "Max",
        "Min",
        "SequenceEqual",
        "Single",
        "Sum",
        "ToArray",
        "ToList",
    ];

    /// <summary>What becomes of the elements where a variable is named.</summary>
    public static Access Of(IOperation variable, Collectives collectives)
    {
        IOperation value = Walk.Converted(variable);
        return IsSpan(value.Type)
            ? OfSpan(value, collectives)
            : value.Parent switch
            {
                IArrayElementReferenceOperation element when element.ArrayReference == value => OfElement(element),
                IForEachLoopOperation loop when loop.Collection == value => Access.Read,
                // Memory<T>.Span
                IPropertyReferenceOperation property when property.Instance == value && IsSpan(property.Type) => OfSpan(
                    Walk.Converted(property),
                    collectives
                ),
                IInvocationOperation call when call.Instance == value => OfOwnMethod(call.TargetMethod.Name),
                IArgumentOperation { Parent: IInvocationOperation call, Parameter: { } parameter } => OfArgument(
                    call,
                    parameter,
                    collectives
                ),
                _ => Access.None,
            };
    }

    /// <summary>Whether something is assigned to a variable or element.</summary>
    public static bool IsTarget(IOperation operation) =>
        operation.Parent switch
        {
            IAssignmentOperation assignment => assignment.Target == operation,
            IIncrementOrDecrementOperation change => change.Target == operation,
            ITupleOperation tuple => tuple.Parent is IDeconstructionAssignmentOperation deconstruction
                && deconstruction.Target == tuple,
            _ => false,
        };

    private static Access OfElement(IOperation element) =>
        IsTarget(element) ? Access.Write
        : element.Parent is IArgumentOperation { Parameter.RefKind: RefKind.Out } ? Access.Write
        : element.Parent is IArgumentOperation { Parameter.RefKind: RefKind.Ref } ? Access.Either
        // ref float first = ref values[0]: used when it is used.
        : element.Parent
            is IVariableInitializerOperation { Parent: IVariableDeclaratorOperation { Symbol.IsRef: true } }
            ? Access.None
        : Access.Read;

    // Of arrays, memories and spans.
    private static Access OfOwnMethod(string name) =>
        name switch
        {
            "Clear" or "Fill" or "SetValue" => Access.Write,
            "Clone" or "CopyTo" or "GetValue" or "ToArray" or "TryCopyTo" => Access.Read,
            _ => Access.None,
        };

    private static Access OfArgument(IInvocationOperation call, IParameterSymbol parameter, Collectives collectives)
    {
        IMethodSymbol method = call.TargetMethod;
        INamedTypeSymbol type = method.ContainingType;
        if (type.SpecialType == SpecialType.System_Array)
        {
            return method.Name switch
            {
                "Clear" or "Fill" or "Reverse" or "Sort" => Access.Write,
                "Copy" or "ConstrainedCopy" => parameter.Name == "sourceArray" ? Access.Read : Access.Write,
                "Empty" or "AsReadOnly" => Access.None,
                _ => Access.Read,
            };
        }

        if (Collectives.IsSystem(type, "MemoryExtensions", "System"))
        {
            return IsSpan(method.ReturnType) ? OfSpan(Walk.Converted(call), collectives)
                : method.Name == "CopyTo" ? Access.Read
                : Access.None;
        }

        bool isRead =
            (Collectives.IsSystem(type, "Enumerable", "System", "Linq") && _reading.Contains(method.Name))
            || (type.SpecialType == SpecialType.System_String && method.Name is "Join" or "Concat");
        return isRead ? Access.Read : Access.None;
    }

    private static Access OfSpan(IOperation span, Collectives collectives)
    {
        switch (span.Parent)
        {
            case IPropertyReferenceOperation { Property.IsIndexer: true } element when element.Instance == span:
                return OfElement(element);
            case IForEachLoopOperation loop when loop.Collection == span:
                return Access.Read;
            case IInvocationOperation call when call.Instance == span:
                return OfOwnMethod(call.TargetMethod.Name);
            // What is called with a span cannot keep it, unless it returns it.
            case IArgumentOperation { Parent: IInvocationOperation call, Parameter: { } parameter }
                when !call.TargetMethod.ReturnType.IsRefLikeType && !collectives.BelongsToGroup(call.TargetMethod):
                return Collectives.IsSystem(parameter.Type, "ReadOnlySpan", "System") ? Access.Read : Access.Either;
            default:
                return Access.None;
        }
    }

    private static bool IsSpan(ITypeSymbol? type) =>
        Collectives.IsSystem(type, "Span", "System") || Collectives.IsSystem(type, "ReadOnlySpan", "System");
}
