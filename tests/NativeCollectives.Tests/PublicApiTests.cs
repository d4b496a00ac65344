using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using NativeCollectives.Hosting;

namespace NativeCollectives.Tests;

/// <summary>Holds the public API against its checked-in listings, so that a change to it is always seen.</summary>
[TestFixture]
[Category("Unit")]
[CancelAfter(30_000)]
public sealed class PublicApiTests
{
    private const string Update = "NC_UPDATE_PUBLIC_API";

    private static readonly string Folder = Path.Combine(
        typeof(PublicApiTests)
            .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(metadata => metadata.Key == "RepositoryRoot")
            .Value!,
        "tests",
        "NativeCollectives.Tests"
    );

    [TestCase(typeof(DistributedGroup), "PublicApi.txt")]
    [TestCase(typeof(DistributedGroupSettings), "PublicApi.Hosting.txt")]
    public void TheListingIsUpToDate(Type member, string listing)
    {
        string path = Path.Combine(Folder, listing);
        string[] actual = PublicApiListing.Of(member.Assembly);
        if (Environment.GetEnvironmentVariable(Update) == "1")
        {
            File.WriteAllLines(path, actual);
            Assert.Pass($"{path} was written.");
        }

        string[] listed = File.Exists(path) ? File.ReadAllLines(path) : [];
        Assert.That(
            actual.SequenceEqual(listed),
            Is.True,
            () =>
                $"""
                    The public API differs from {path}:
                    {Difference(listed, actual)}
                    If the change is meant, write the listing anew and commit it with the change:
                    {Update}=1 dotnet test tests/NativeCollectives.Tests --filter FullyQualifiedName~{nameof(
                        PublicApiTests
                    )}
                    """
        );
    }

    // A member's line says little without its type's.
    private static string Difference(string[] listed, string[] actual)
    {
        HashSet<string> before = [.. Qualified(listed)];
        HashSet<string> after = [.. Qualified(actual)];
        IEnumerable<string> lines = Qualified(listed)
            .Where(line => !after.Contains(line))
            .Select(line => $"- {line}")
            .Concat(Qualified(actual).Where(line => !before.Contains(line)).Select(line => $"+ {line}"));
        string difference = string.Join('\n', lines);
        return difference.Length > 0 ? difference : "(the same lines in another order)";
    }

    private static List<string> Qualified(string[] lines)
    {
        List<string> qualified = [];
        string type = "";
        foreach (string line in lines.Where(line => line.Length > 0))
        {
            bool isMember = line.StartsWith(' ');
            type = isMember ? type : line;
            qualified.Add(isMember ? $"{type} » {line.Trim()}" : line);
        }

        return qualified;
    }
}

/// <summary>An assembly's public types and members, as C# declares them, one line each.</summary>
internal static class PublicApiListing
{
    private const BindingFlags Members =
        BindingFlags.Public
        | BindingFlags.NonPublic
        | BindingFlags.Instance
        | BindingFlags.Static
        | BindingFlags.DeclaredOnly;

    private static readonly NullabilityInfoContext Nullability = new();

    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void",
        [typeof(bool)] = "bool",
        [typeof(sbyte)] = "sbyte",
        [typeof(short)] = "short",
        [typeof(int)] = "int",
        [typeof(long)] = "long",
        [typeof(byte)] = "byte",
        [typeof(ushort)] = "ushort",
        [typeof(uint)] = "uint",
        [typeof(ulong)] = "ulong",
        [typeof(nint)] = "nint",
        [typeof(char)] = "char",
        [typeof(float)] = "float",
        [typeof(double)] = "double",
        [typeof(string)] = "string",
        [typeof(object)] = "object",
    };

    internal static string[] Of(Assembly assembly)
    {
        List<string> lines = [];
        foreach (Type type in assembly.GetExportedTypes().OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            if (lines.Count > 0)
            {
                lines.Add("");
            }

            lines.Add(Header(type));
            IEnumerable<string> members = type.IsEnum ? EnumMembers(type) : MemberLines(type);
            lines.AddRange(members.Select(member => $"    {member}"));
        }

        return [.. lines];
    }

    private static string Header(Type type)
    {
        string kind =
            type.IsEnum ? "enum"
            : type.IsValueType
                ? type.IsDefined(typeof(IsReadOnlyAttribute)) ? "readonly struct"
                    : "struct"
            : type.IsInterface ? "interface"
            : type is { IsAbstract: true, IsSealed: true } ? "static class"
            : type.IsAbstract ? "abstract class"
            : type.IsSealed ? "sealed class"
            : "class";
        IEnumerable<string> inherited = type.IsEnum ? [Name(Enum.GetUnderlyingType(type))] : Bases(type);
        string bases = string.Join(", ", inherited);
        return $"{kind} {type.Namespace}.{Name(type)}{(bases.Length > 0 ? $" : {bases}" : "")}";
    }

    private static IEnumerable<string> Bases(Type type)
    {
        if (type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType))
        {
            yield return Name(parent);
        }

        IEnumerable<Type> inherited = type.BaseType?.GetInterfaces() ?? [];
        foreach (
            string name in type.GetInterfaces()
                .Except(inherited)
                .Select(each => Name(each))
                .Order(StringComparer.Ordinal)
        )
        {
            yield return name;
        }
    }

    private static IEnumerable<string> EnumMembers(Type type) =>
        Enum.GetValuesAsUnderlyingType(type).Cast<object>().Select(value => $"{Enum.GetName(type, value)} = {value}");

    private static IEnumerable<string> MemberLines(Type type) =>
        type.GetMembers(Members)
            .Select(member => (member.Name, Line: Line(member)))
            .Where(each => each.Line is not null)
            .OrderBy(each => each.Name, StringComparer.Ordinal)
            .ThenBy(each => each.Line, StringComparer.Ordinal)
            .Select(each => each.Line!);

    private static string? Line(MemberInfo member) =>
        member switch
        {
            FieldInfo field when IsVisible(field) => Field(field),
            PropertyInfo property when IsVisible(property.GetMethod) || IsVisible(property.SetMethod) => Property(
                property
            ),
            EventInfo @event when IsVisible(@event.AddMethod) =>
                $"event {Name(@event.EventHandlerType!)} {@event.Name}",
            ConstructorInfo { IsStatic: false } constructor when IsVisible(constructor) =>
                $"{Access(constructor)}{constructor.DeclaringType!.Name}({Parameters(constructor)})",
            MethodInfo method
                when IsVisible(method)
                    && (!method.IsSpecialName || method.Name.StartsWith("op_", StringComparison.Ordinal)) => Method(
                method
            ),
            _ => null,
        };

    private static bool IsVisible(FieldInfo field) => field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly;

    private static bool IsVisible(MethodBase? method) =>
        method is not null && (method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly);

    private static string Access(MethodBase method) => method.IsPublic ? "" : "protected ";

    private static string Modifiers(MethodBase method)
    {
        bool overrides = method is MethodInfo info && info.GetBaseDefinition() != info;
        return Access(method)
            + (method.IsStatic ? "static " : "")
            + (
                overrides ? "override "
                : method is { IsVirtual: true, IsFinal: false }
                    ? method.IsAbstract ? "abstract "
                        : "virtual "
                : ""
            );
    }

    private static string Field(FieldInfo field)
    {
        string modifiers = field.IsLiteral
            ? "const "
            : (field.IsStatic ? "static " : "") + (field.IsInitOnly ? "readonly " : "");
        return $"{modifiers}{Name(Nullability.Create(field))} {field.Name}";
    }

    private static string Property(PropertyInfo property)
    {
        MethodInfo accessor = property.GetMethod ?? property.SetMethod!;
        string get = IsVisible(property.GetMethod) ? " get;" : "";
        bool isInit =
            property.SetMethod?.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) ?? false;
        string set =
            !IsVisible(property.SetMethod) ? ""
            : isInit ? " init;"
            : " set;";
        return $"{Modifiers(accessor)}{Name(Nullability.Create(property))} {property.Name} {{{get}{set} }}";
    }

    private static string Method(MethodInfo method)
    {
        string generics = method.IsGenericMethod
            ? $"<{string.Join(", ", method.GetGenericArguments().Select(each => each.Name))}>"
            : "";
        string constraints = method.IsGenericMethod
            ? string.Concat(method.GetGenericArguments().Select(Constraint))
            : "";
        return $"{Modifiers(method)}{Name(Nullability.Create(method.ReturnParameter))} "
            + $"{method.Name}{generics}({Parameters(method)}){constraints}";
    }

    private static string Constraint(Type parameter)
    {
        bool isUnmanaged = parameter.CustomAttributes.Any(attribute =>
            attribute.AttributeType.Name == "IsUnmanagedAttribute"
        );
        GenericParameterAttributes attributes = parameter.GenericParameterAttributes;
        IEnumerable<string> constraints =
        [
            .. isUnmanaged ? ["unmanaged"]
            : attributes.HasFlag(GenericParameterAttributes.NotNullableValueTypeConstraint) ? ["struct"]
            : attributes.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint) ? (string[])["class"]
            : [],
            .. parameter
                .GetGenericParameterConstraints()
                .Where(each => each != typeof(ValueType))
                .Select(each => Name(each)),
        ];
        string text = string.Join(", ", constraints);
        return text.Length > 0 ? $" where {parameter.Name} : {text}" : "";
    }

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(Parameter));

    private static string Parameter(ParameterInfo parameter)
    {
        string direction =
            !parameter.ParameterType.IsByRef ? ""
            : parameter.IsOut ? "out "
            : parameter.IsIn ? "in "
            : "ref ";
        string suffix = parameter.HasDefaultValue
            ? $" = {Literal(parameter.DefaultValue, parameter.ParameterType)}"
            : "";
        return $"{direction}{Name(Nullability.Create(parameter))} {parameter.Name}{suffix}";
    }

    private static string Literal(object? value, Type type) =>
        value switch
        {
            null => type.IsValueType && Nullable.GetUnderlyingType(type) is null ? "default" : "null",
            bool boolean => boolean ? "true" : "false",
            string text => $"\"{text}\"",
            IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
            _ => value.ToString()!,
        };

    private static string Name(NullabilityInfo info)
    {
        Type type = info.Type.IsByRef ? info.Type.GetElementType()! : info.Type;
        bool isReference = !type.IsValueType && !type.IsPointer && !type.IsGenericParameter;
        bool isNullableReference =
            isReference
            && (info.ReadState == NullabilityState.Nullable || info.WriteState == NullabilityState.Nullable);
        bool isGeneric = type.IsGenericType && info.GenericTypeArguments.Length == type.GetGenericArguments().Length;
        string name =
            type.IsArray && info.ElementType is { } element ? $"{Name(element)}[]"
            : Nullable.GetUnderlyingType(type) is { } underlying ? $"{Name(underlying)}?"
            : isGeneric ? $"{Stem(type)}<{string.Join(", ", info.GenericTypeArguments.Select(Name))}>"
            : Name(type);
        return isNullableReference ? $"{name}?" : name;
    }

    private static string Name(Type type)
    {
        if (Keywords.TryGetValue(type, out string? keyword))
        {
            return keyword;
        }

        if (type.IsByRef || type.IsPointer || type.IsArray)
        {
            return Name(type.GetElementType()!)
                + (
                    type.IsByRef ? ""
                    : type.IsPointer ? "*"
                    : "[]"
                );
        }

        if (Nullable.GetUnderlyingType(type) is { } underlying)
        {
            return $"{Name(underlying)}?";
        }

        return type.IsGenericType
            ? $"{Stem(type)}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>"
            : type.Name;
    }

    private static string Stem(Type type) => type.Name[..type.Name.IndexOf('`', StringComparison.Ordinal)];
}
