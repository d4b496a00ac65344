using System.Text.RegularExpressions;

namespace NativeCollectives.Tests;

/// <summary>What native_collectives.h declares, read from its text; signatures as C# writes them.</summary>
internal sealed partial class CHeader
{
    // C's types as C# names them.
    private static readonly Dictionary<string, string> Renamed = new()
    {
        ["char"] = "byte",
        ["uint8_t"] = "byte",
        ["int32_t"] = "int",
        ["uint32_t"] = "uint",
        ["int64_t"] = "long",
        ["uint64_t"] = "ulong",
    };

    /// <summary>C#'s names for the runtime's types.</summary>
    public static readonly Dictionary<Type, string> Primitives = new()
    {
        [typeof(void)] = "void",
        [typeof(byte)] = "byte",
        [typeof(int)] = "int",
        [typeof(uint)] = "uint",
        [typeof(long)] = "long",
        [typeof(ulong)] = "ulong",
    };

    private readonly Dictionary<string, string> _callbacks = [];

    public CHeader(string text)
    {
        var rest = Comments.Replace(text, " ").Replace("\\\n", " ", StringComparison.Ordinal);
        rest = Take(
            rest,
            Defines,
            match =>
            {
                // NC_API and the include guard are no constants.
                if (
                    match.Groups["value"].Value.Length > 0
                    && !match.Groups["value"].Value.StartsWith("__", StringComparison.Ordinal)
                )
                {
                    Constants.Add(match.Groups["name"].Value);
                }
            }
        );
        rest = Directives.Replace(rest, " ").Replace("extern \"C\" {", " ", StringComparison.Ordinal);
        rest = Take(rest, Opaques, match => OpaqueStructs.Add(Name(match)));
        rest = Take(
            rest,
            Enums,
            match =>
                Enumerators.AddRange(Items(match, ',').Select(item => $"{Name(match)}.{item.Split('=')[0].Trim()}"))
        );
        rest = Take(
            rest,
            Structs,
            match => Fields.AddRange(Items(match, ';').Select(item => $"{Name(match)}.{Name(Field.Match(item))}"))
        );
        rest = Take(
            rest,
            Callbacks,
            match =>
                _callbacks.Add(Name(match), FunctionPointer(Return(match), Parameters(match).Select(each => each.Type)))
        );
        rest = Take(rest, Prototypes, match => Functions.Add(Signature(Return(match), Name(match), Parameters(match))));
        // What is left is the brace that ends extern "C".
        NotUnderstood = rest.Trim().TrimEnd('}').Trim();
    }

    public List<string> Constants { get; } = [];

    public List<string> OpaqueStructs { get; } = [];

    public List<string> Enumerators { get; } = [];

    public List<string> Fields { get; } = [];

    public List<string> Functions { get; } = [];

    public string NotUnderstood { get; }

    public static string Signature(string result, string name, IEnumerable<(string Type, string Name)> parameters) =>
        $"{result} {name}({string.Join(", ", parameters.Select(parameter => $"{parameter.Type} {parameter.Name}"))})";

    public static string FunctionPointer(string result, IEnumerable<string> parameters) =>
        $"delegate*<{string.Join(", ", parameters.Append(result))}>";

    private static string Name(Match declaration) => declaration.Groups["name"].Value;

    private static string[] Items(Match type, char separator) =>
        type.Groups["body"]
            .Value.Split(separator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private string Return(Match function) => CSharpType(function.Groups["return"].Value);

    private IEnumerable<(string Type, string Name)> Parameters(Match function)
    {
        var parameters = function.Groups["parameters"].Value.Trim();
        return parameters == "void"
            ? []
            : parameters
                .Split(',')
                .Select(text => Parameter.Match(text))
                .Select(parameter => (CSharpType(parameter.Groups["type"].Value), Name(parameter)));
    }

    private string CSharpType(string type)
    {
        var name = Constness.Replace(type, "").Replace("*", "", StringComparison.Ordinal).Trim();
        return (_callbacks.GetValueOrDefault(name) ?? Renamed.GetValueOrDefault(name, name))
            + new string('*', type.Count(character => character == '*'));
    }

    private static string Take(string text, Regex pattern, Action<Match> use) =>
        pattern.Replace(
            text,
            match =>
            {
                use(match);
                return " ";
            }
        );

    [GeneratedRegex(@"\bconst\b\s*")]
    private static partial Regex Constness { get; }

    [GeneratedRegex(@"/\*.*?\*/|//[^\n]*", RegexOptions.Singleline)]
    private static partial Regex Comments { get; }

    [GeneratedRegex(@"^[ \t]*#[ \t]*define[ \t]+(?<name>\w+)[ \t]*(?<value>[^\n]*?)[ \t]*$", RegexOptions.Multiline)]
    private static partial Regex Defines { get; }

    [GeneratedRegex(@"^[ \t]*#[^\n]*$", RegexOptions.Multiline)]
    private static partial Regex Directives { get; }

    [GeneratedRegex(@"typedef\s+struct\s+(?<name>\w+)\s+\k<name>\s*;")]
    private static partial Regex Opaques { get; }

    [GeneratedRegex(@"typedef\s+enum\s+(?<name>\w+)\s*\{(?<body>[^{}]*)\}\s*\k<name>\s*;")]
    private static partial Regex Enums { get; }

    [GeneratedRegex(@"typedef\s+struct\s+(?<name>\w+)\s*\{(?<body>[^{}]*)\}\s*\k<name>\s*;")]
    private static partial Regex Structs { get; }

    // One declarator to a declaration: "int32_t a, b;" or an unnamed function pointer gives no name and so a failure.
    [GeneratedRegex(@"^[\w\s*]+?\b(?<name>\w+)\s*(\[\s*\w+\s*\])?$")]
    private static partial Regex Field { get; }

    [GeneratedRegex(@"typedef\s+(?<return>[\w\s*]+?)\s*\(\s*\*\s*(?<name>\w+)\s*\)\s*\((?<parameters>[^()]*)\)\s*;")]
    private static partial Regex Callbacks { get; }

    [GeneratedRegex(@"NC_API\s+(?<return>[\w\s*]+?)\s*\b(?<name>\w+)\s*\((?<parameters>[^()]*)\)\s*;")]
    private static partial Regex Prototypes { get; }

    [GeneratedRegex(@"^\s*(?<type>[\w\s*]+?)\s*\b(?<name>\w+)\s*$")]
    private static partial Regex Parameter { get; }
}
