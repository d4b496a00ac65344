using System;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace NativeCollectives.Analyzers;

/// <summary>What the compilation knows of NativeCollectives.</summary>
internal sealed class Collectives
{
    private const string Library = "NativeCollectives";

    // A method is an operation if its name begins with one of these: AllReduceAsync, SendObject, ReceiveArray.
    private static readonly string[] _operations =
    [
        "AllGather",
        "AllMax",
        "AllMin",
        "AllReduce",
        "AllSum",
        "AllToAll",
        "Barrier",
        "Broadcast",
        "CreateSubgroup",
        "ExclusiveScan",
        "Gather",
        "Receive",
        "Reduce",
        "Scan",
        "Scatter",
        "Send",
        "SkipSplit",
        "Split",
        "SumScatter",
    ];

    private readonly INamedTypeSymbol _group;
    private readonly INamedTypeSymbol? _batch;

    private Collectives(INamedTypeSymbol group, INamedTypeSymbol? batch)
    {
        _group = group;
        _batch = batch;
    }

    /// <summary>Null if the compilation does not use the library.</summary>
    public static Collectives? In(Compilation compilation) =>
        Find(compilation, "DistributedGroup") is { } group
            ? new Collectives(group, Find(compilation, "CollectiveBatch"))
            : null;

    /// <summary>Whether a type is one of the library's own.</summary>
    public static bool IsOwn(ITypeSymbol type, string name) =>
        type is INamedTypeSymbol { ContainingType: null }
        && type.Name == name
        && IsIn(type.ContainingNamespace, Library)
        && type.ContainingAssembly?.Name == Library;

    /// <summary>Whether a type is the one of this name in a namespace of .NET.</summary>
    public static bool IsSystem(ITypeSymbol? type, string name, params string[] space) =>
        type is INamedTypeSymbol { ContainingType: null } && type.Name == name && IsIn(type.ContainingNamespace, space);

    /// <summary>Whether a method is an operation of a group, or adds one to a batch.</summary>
    public bool IsOperation(IMethodSymbol method) =>
        BelongsToGroup(method) && _operations.Any(name => method.Name.StartsWith(name, StringComparison.Ordinal));

    /// <summary>Whether a method is one of a group or batch, or an extension of those by the library.</summary>
    public bool BelongsToGroup(IMethodSymbol method)
    {
        IMethodSymbol definition = (method.ReducedFrom ?? method).OriginalDefinition;
        return IsGroupOrBatch(definition.ContainingType)
            || (
                definition.IsExtensionMethod
                && definition.ContainingType.IsStatic
                && SymbolEqualityComparer.Default.Equals(definition.ContainingAssembly, _group.ContainingAssembly)
                && IsGroupOrBatch(definition.Parameters[0].Type)
            );
    }

    /// <summary>Whether an operation moves objects, which may be of any type.</summary>
    public static bool MovesObjects(IMethodSymbol method) => method.Name.Contains("Object");

    /// <summary>Whether an operation goes on after its method has returned.</summary>
    public static bool IsAsynchronous(IMethodSymbol method) =>
        method.Name.EndsWith("Async", StringComparison.Ordinal)
        && IsSystem(method.ReturnType, "Task", "System", "Threading", "Tasks");

    /// <summary>What an operation is called on, if that is a group.</summary>
    public IOperation? GroupOf(IInvocationOperation invocation)
    {
        IOperation? receiver =
            invocation.Instance
            ?? invocation.Arguments.FirstOrDefault(argument => argument.Parameter?.Ordinal == 0)?.Value;
        return receiver is not null && SymbolEqualityComparer.Default.Equals(receiver.Type, _group) ? receiver : null;
    }

    private bool IsGroupOrBatch(ITypeSymbol? type) =>
        SymbolEqualityComparer.Default.Equals(type, _group)
        || (_batch is not null && SymbolEqualityComparer.Default.Equals(type, _batch));

    private static INamedTypeSymbol? Find(Compilation compilation, string name) =>
        compilation
            .GetTypesByMetadataName(Library + "." + name)
            .FirstOrDefault(static type => type.ContainingAssembly.Name == Library);

    private static bool IsIn(INamespaceSymbol? space, params string[] names)
    {
        for (int i = names.Length - 1; i >= 0; i--)
        {
            if (space is null || space.Name != names[i])
            {
                return false;
            }

            space = space.ContainingNamespace;
        }

        return space is { IsGlobalNamespace: true };
    }
}
