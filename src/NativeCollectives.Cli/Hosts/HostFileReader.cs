using System.Text.Json;

namespace NativeCollectives.Cli.Hosts;

/// <summary>
/// Makes a <see cref="HostFile"/> of JSON. Keys that it does not know are left to others; the values of those that it
/// knows must be what they should be.
/// </summary>
/// <param name="file">The file's name, which every error begins with.</param>
internal sealed class HostFileReader(string file)
{
    public HostFile Read(JsonElement root)
    {
        switch (root.ValueKind)
        {
            case JsonValueKind.Array:
                return new HostFile(Hosts(root, "the list"));
            case JsonValueKind.Object:
                if (!root.TryGetProperty("hosts", out JsonElement hosts))
                {
                    throw Wrong("has no \"hosts\"", "a list of hosts");
                }

                return new HostFile(Hosts(hosts, "\"hosts\""))
                {
                    Backend = Property(root, "backend") is { } backend ? BackendName(backend) : null,
                    Envs = Variables(root, ""),
                };
            default:
                throw Wrong($"holds {Shown.Json(root)}", "a list of hosts, or an object with \"hosts\"");
        }
    }

    // mlx.distributed_config writes "" where it configures no backend, as over Ethernet.
    private string? BackendName(JsonElement backend) =>
        backend.ValueKind == JsonValueKind.String && backend.GetString() == ""
            ? null
            : Text(backend, "\"backend\"", "the name of a backend");

    private List<Host> Hosts(JsonElement list, string where)
    {
        if (list.ValueKind != JsonValueKind.Array)
        {
            throw Wrong($"{where} is {Shown.Json(list)}", "a list of hosts");
        }

        if (list.GetArrayLength() == 0)
        {
            throw Wrong($"{where} is empty", "at least one host");
        }

        return [.. list.EnumerateArray().Select(Host)];
    }

    private Host Host(JsonElement element, int index)
    {
        var where = $"host {index}";
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Wrong(
                $"{where} is {Shown.Json(element)}",
                "an object such as {\"ssh\": \"name\", \"ips\": [\"192.168.0.1\"]}"
            );
        }

        if (Property(element, "ssh") is not { } ssh)
        {
            throw Wrong($"{where} has no \"ssh\"", "the name by which ssh reaches it");
        }

        var name = Text(ssh, $"{where}: \"ssh\"", "the name by which ssh reaches it");
        if (name.StartsWith('-') || name.Any(static letter => char.IsWhiteSpace(letter) || char.IsControl(letter)))
        {
            throw Wrong(
                $"{where}: \"ssh\" is \"{Shown.Text(name)}\"",
                "the name of a host, without spaces and not beginning with a dash"
            );
        }

        return new Host(name)
        {
            Ips = Texts(element, where, "ips", "addresses"),
            Rdma = Property(element, "rdma") is { } row ? Devices(row, where) : null,
            Command = Property(element, "command") is { } command ? Command(command, where) : null,
            Envs = Variables(element, $"{where}: "),
            Cwd = Property(element, "cwd") is { } folder
                ? Text(folder, $"{where}: \"cwd\"", "the path of a folder")
                : null,
        };
    }

    private List<IReadOnlyList<string>> Devices(JsonElement row, string where)
    {
        if (row.ValueKind != JsonValueKind.Array)
        {
            throw Wrong($"{where}: \"rdma\" is {Shown.Json(row)}", "a list with an entry for each rank");
        }

        return [.. row.EnumerateArray().Select((entry, peer) => Names(entry, $"{where}: \"rdma\"[{peer}]"))];
    }

    private IReadOnlyList<string> Names(JsonElement entry, string where)
    {
        const string expected = "null, the name of a device, or a list of names";
        return entry.ValueKind switch
        {
            JsonValueKind.Null => [],
            JsonValueKind.String => [Text(entry, where, expected)],
            JsonValueKind.Array => [.. entry.EnumerateArray().Select(name => Text(name, where, expected))],
            _ => throw Wrong($"{where} is {Shown.Json(entry)}", expected),
        };
    }

    private List<string> Command(JsonElement command, string where)
    {
        const string expected = "a list of texts: the program, then its arguments";
        if (command.ValueKind != JsonValueKind.Array || command.GetArrayLength() == 0)
        {
            throw Wrong(
                $"{where}: \"command\" is {(command.ValueKind == JsonValueKind.Array ? "empty" : Shown.Json(command))}",
                expected
            );
        }

        // An argument may be empty; the program may not.
        return
        [
            .. command
                .EnumerateArray()
                .Select(
                    (word, index) =>
                        word.ValueKind == JsonValueKind.String && index > 0
                            ? NoNul(word.GetString()!, $"{where}: \"command\"[{index}]")
                            : Text(word, $"{where}: \"command\"[{index}]", expected)
                ),
        ];
    }

    private string NoNul(string word, string where) =>
        word.Contains('\0') ? throw Wrong($"{where} holds NUL", "texts that a program can be given") : word;

    private List<string> Variables(JsonElement element, string where)
    {
        List<string> variables = Texts(element, where.TrimEnd(':', ' '), "envs", "variables, each NAME=VALUE");
        foreach (var variable in variables)
        {
            if (!EnvironmentVariable.IsWellFormed(variable))
            {
                throw Wrong(
                    $"{where}\"envs\" holds \"{EnvironmentVariable.Shown(variable)}\"",
                    EnvironmentVariable.Expected
                );
            }
        }

        return variables;
    }

    private List<string> Texts(JsonElement element, string where, string key, string of)
    {
        where = where.Length == 0 ? $"\"{key}\"" : $"{where}: \"{key}\"";
        if (Property(element, key) is not { } list)
        {
            return [];
        }

        if (list.ValueKind != JsonValueKind.Array)
        {
            throw Wrong($"{where} is {Shown.Json(list)}", $"a list of {of}");
        }

        return [.. list.EnumerateArray().Select((text, index) => Text(text, $"{where}[{index}]", $"a list of {of}"))];
    }

    private string Text(JsonElement element, string where, string expected) =>
        element.ValueKind == JsonValueKind.String && element.GetString() is { Length: > 0 } text && !text.Contains('\0')
            ? text
            : throw Wrong($"{where} is {Shown.Json(element)}", expected);

    /// <summary>Null also where the file says null.</summary>
    private static JsonElement? Property(JsonElement element, string key) =>
        element.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private ToolException Wrong(string what, string expected) =>
        ToolException.Usage($"the hostfile {file} is malformed: {what}; expected {expected}");
}
