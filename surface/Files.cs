using System.Text;

namespace NativeCollectives.Surface;

/// <summary>The files that are generated, by their names, with their text.</summary>
internal static class Files
{
    /// <summary>The folder of the generated files, from the repository's root.</summary>
    internal const string Folder = "src/NativeCollectives/Surface";

    internal static IEnumerable<KeyValuePair<string, string>> All()
    {
        yield return Write(
            "DistributedGroup.Operations",
            "public sealed partial class DistributedGroup",
            null,
            Table.Operations.SelectMany(static operation => Both(operation, Kind.Spans, Kind.Memories, ""))
        );
        yield return Write(
            "ArrayCollectives",
            "public static class ArrayCollectives",
            "Asynchronous operations on whole arrays, and on memories that are only read; blocking ones take arrays as "
                + "spans.",
            Table.Operations.SelectMany(static operation =>
                (IEnumerable<Method>)
                    [
                        .. Of(operation, Kind.Arrays, "group.", isAsync: true),
                        .. new Overloads(operation, Kind.WritableMemories, "group.", isAsync: true).Reading(),
                    ]
            )
        );
        yield return Write(
            "ValueCollectives",
            "public static class ValueCollectives",
            "Operations on single values, such as a loss or a count.",
            Table.Operations.Where(static operation => operation.Has(Form.Value)).SelectMany(Values.Of)
        );
        yield return Write(
            "TensorCollectives",
            "public static class TensorCollectives",
            "Operations on tensors. Blocks are along axis 0; a tensor whose elements do not lie one behind the other "
                + "is copied.",
            Table.Operations.SelectMany(static operation =>
                (IEnumerable<Method>)
                    [
                        .. Of(operation, Kind.TensorSpans, "group.", isAsync: false),
                        .. Both(operation, Kind.Tensors, Kind.Tensors, "group."),
                    ]
            )
        );
        yield return Write(
            "DeviceCollectives",
            "public static class DeviceCollectives",
            "Operations on the memory of the group's device.",
            Table
                .Operations.Where(static operation => !operation.Name.EndsWith("Scan", StringComparison.Ordinal))
                .SelectMany(static operation => Both(operation, Kind.Devices, Kind.Devices, "group."))
        );
        yield return Write(
            "RawCollectives",
            "public readonly unsafe partial struct RawCollectives",
            null,
            Table.Operations.SelectMany(static operation => Both(operation, Kind.Pointers, Kind.Pointers, "_group."))
        );
        yield return Write(
            "CollectiveBatch.Operations",
            "public sealed partial class CollectiveBatch",
            null,
            Table.Operations.Where(static operation => operation.Has(Form.InBatch)).SelectMany(Batches.Of)
        );
        yield return Write(
            "VariableLengthCollectives",
            "public static class VariableLengthCollectives",
            "Operations on arrays whose lengths the other ranks do not know. Each is made of two operations, of which "
                + "the first tells lengths. Until the task of an asynchronous one has completed, no other operation of "
                + "the group may be issued.",
            Table.VariableLengths.SelectMany(Composed.OnElements)
        );
        yield return Write(
            "ObjectCollectives",
            "public static class ObjectCollectives",
            "Operations on objects of any type that <see cref=\"JsonSerializer\"/> serializes: for what is small and "
                + "seldom, such as settings and results. Every rank calls the same method with the same type and "
                + "limit. Each is made of two operations, of which the first tells lengths. On a ring and with JACCL "
                + "all ranks are of this library.",
            Table.Objects.SelectMany(Composed.OnObjects)
        );
        yield return Write(
            "MlxCollectives",
            "public static class MlxCollectives",
            "MLX's names, for its users: each is another name for an operation of the group.",
            MlxNames.All()
        );
    }

    private static IEnumerable<Method> Both(Operation operation, Kind blocking, Kind asynchronous, string self) =>
        [.. Of(operation, blocking, self, isAsync: false), .. Of(operation, asynchronous, self, isAsync: true)];

    private static IEnumerable<Method> Of(Operation operation, Kind kind, string self, bool isAsync) =>
        new Overloads(operation, kind, self, isAsync).All();

    private static KeyValuePair<string, string> Write(
        string name,
        string type,
        string? summary,
        IEnumerable<Method> methods
    )
    {
        var text = new StringBuilder(
            """
            // <auto-generated>
            // Written by ./build.sh surface from surface/Table.cs: what is changed here is lost.
            // </auto-generated>
            #nullable enable

            using System.Diagnostics.CodeAnalysis;
            using System.Numerics.Tensors;
            using System.Text.Json;
            using System.Text.Json.Serialization.Metadata;
            using NativeCollectives.Interop;

            namespace NativeCollectives;


            """
        );
        if (summary is not null)
        {
            Method.Document(text, "", "summary", "", summary);
        }

        text.Append(type).Append("\n{\n");
        bool isFirst = true;
        foreach (Method method in methods)
        {
            text.Append(isFirst ? "" : "\n");
            method.Write(text);
            isFirst = false;
        }

        return new KeyValuePair<string, string>($"{name}.g.cs", text.Append("}\n").ToString());
    }
}
