using System.Text;

namespace NativeCollectives.Surface;

/// <summary>A parameter of a method.</summary>
/// <param name="Type">Its type, with modifiers.</param>
/// <param name="Name">Its name.</param>
/// <param name="Text">Its documentation.</param>
/// <param name="Default">Its default; null: it has to be given.</param>
internal sealed record Parameter(string Type, string Name, string Text, string? Default = null)
{
    public override string ToString() => Default is null ? $"{Type} {Name}" : $"{Type} {Name} = {Default}";
}

/// <summary>A method as text.</summary>
internal sealed class Method(string name)
{
    private const int Width = 120;
    private const string Indent = "    ";

    internal string Modifiers { get; init; } = "public";
    internal string Returns { get; init; } = "void";
    internal IReadOnlyList<string> Attributes { get; init; } = [];
    internal bool IsGeneric { get; init; } = true;
    internal string TypeText { get; init; } = Texts.ElementType;
    internal string? Constraint { get; init; } = "where T : unmanaged";
    internal required string Summary { get; init; }
    internal required IReadOnlyList<Parameter> Parameters { get; init; }
    internal string? ReturnsText { get; init; }
    internal IReadOnlyList<(string Type, string Text)> Exceptions { get; init; } = [];
    internal string? Remarks { get; init; }

    /// <summary>The statements; a single one that is not terminated is the method's expression.</summary>
    internal required IReadOnlyList<string> Body { get; init; }

    internal void Write(StringBuilder text)
    {
        Document(text, Indent, "summary", "", Summary);
        if (IsGeneric)
        {
            Document(text, Indent, "typeparam", " name=\"T\"", TypeText);
        }

        foreach (Parameter parameter in Parameters)
        {
            Document(text, Indent, "param", $" name=\"{parameter.Name}\"", parameter.Text);
        }

        if (ReturnsText is not null)
        {
            Document(text, Indent, "returns", "", ReturnsText);
        }

        foreach ((string type, string reason) in Exceptions)
        {
            Document(text, Indent, "exception", $" cref=\"{type}\"", reason);
        }

        if (Remarks is not null)
        {
            Document(text, Indent, "remarks", "", Remarks);
        }

        foreach (string attribute in Attributes)
        {
            text.Append("    ").Append(attribute).Append('\n');
        }

        WriteSignature(text);
        WriteBody(text);
    }

    private void WriteSignature(StringBuilder text)
    {
        string head = $"    {Modifiers} {Returns} {name}{(IsGeneric ? "<T>" : "")}(";
        string line = head + string.Join(", ", Parameters) + ")";
        if (line.Length <= Width - 3)
        {
            text.Append(line);
            return;
        }

        text.Append(head).Append('\n');
        text.AppendJoin(",\n", Parameters.Select(static parameter => $"        {parameter}"));
        text.Append("\n    )");
    }

    private void WriteBody(StringBuilder text)
    {
        if (IsGeneric && Constraint is not null)
        {
            text.Append("\n        ").Append(Constraint);
        }

        if (Body is [var expression] && !expression.EndsWith(';'))
        {
            text.Append(" =>\n").Append(Wrapped("        ", expression)).Append(";\n");
            return;
        }

        text.Append("\n    {\n");
        foreach (string statement in Body)
        {
            text.Append(Wrapped("        ", statement)).Append('\n');
        }

        text.Append("    }\n");
    }

    // A call that is too long for a line has its arguments on the next one, or on a line each.
    private static string Wrapped(string indent, string code)
    {
        int open = code.IndexOf('(', StringComparison.Ordinal);
        if (indent.Length + code.Length < Width || open < 0)
        {
            return indent + code;
        }

        int close = code.LastIndexOf(')');
        string inner = code[(open + 1)..close];
        string head = $"{indent}{code[..(open + 1)]}\n";
        string tail = $"\n{indent}{code[close..]}";
        return indent.Length + 4 + inner.Length <= Width
            ? $"{head}{indent}    {inner}{tail}"
            : head + string.Join(",\n", Arguments(inner).Select(argument => Wrapped(indent + "    ", argument))) + tail;
    }

    private static IEnumerable<string> Arguments(string list)
    {
        int depth = 0;
        int begin = 0;
        for (int i = 0; i < list.Length; i++)
        {
            depth +=
                list[i] is '(' or '<' ? 1
                : list[i] is ')' or '>' ? -1
                : 0;
            if (list[i] == ',' && depth == 0)
            {
                yield return list[begin..i];
                begin = i + 2;
            }
        }

        yield return list[begin..];
    }

    /// <summary>Writes an element of documentation, in lines that are not too long.</summary>
    internal static void Document(StringBuilder text, string indent, string tag, string attributes, string content)
    {
        string start = $"{indent}/// ";
        string line = $"{start}<{tag}{attributes}>{content}</{tag}>";
        if (line.Length <= Width)
        {
            text.Append(line).Append('\n');
            return;
        }

        text.Append($"{start}<{tag}{attributes}>\n");
        string current = "";
        foreach (string word in Words(content))
        {
            if (current.Length + word.Length + 1 > Width - start.Length)
            {
                text.Append($"{start}{current}\n");
                current = word;
            }
            else
            {
                current = current.Length == 0 ? word : $"{current} {word}";
            }
        }

        text.Append($"{start}{current}\n{start}</{tag}>\n");
    }

    // What stands in an element's tag is one word.
    private static IEnumerable<string> Words(string content)
    {
        int begin = 0;
        bool inTag = false;
        for (int i = 0; i < content.Length; i++)
        {
            inTag = content[i] switch
            {
                '<' => true,
                '>' => false,
                _ => inTag,
            };
            if (content[i] == ' ' && !inTag)
            {
                yield return content[begin..i];
                begin = i + 1;
            }
        }

        yield return content[begin..];
    }
}
