using System.Globalization;
using System.Text.Json;

namespace NativeCollectives.Tests.Jaccl;

/// <summary>One line of what the software verbs have recorded.</summary>
internal sealed class WireEvent(JsonElement line)
{
    private readonly JsonElement _line = line;

    public string Call => Text("call");
    public long Order => Number("n");
    public long QueuePair => Number("qp");

    public bool IsSend => Call == "post_send";
    public bool IsReceive => Call == "post_recv";
    public bool IsPost => IsSend || IsReceive;
    public bool IsCompletion => Call == "completion";

    /// <summary>The type of a work request's id: 1 is a send, 2 a receive (section 5).</summary>
    public long IdType => Number("wr_id") >> 16;

    /// <summary>Those that are there.</summary>
    public IEnumerable<string> Names => _line.EnumerateObject().Select(property => property.Name);

    public bool Has(string name) => _line.TryGetProperty(name, out _);

    public long Number(string name)
    {
        var value = Get(name);
        return value.ValueKind switch
        {
            JsonValueKind.Number => value.GetInt64(),
            JsonValueKind.True => 1,
            JsonValueKind.False => 0,
            _ => long.Parse(value.GetString()!, CultureInfo.InvariantCulture),
        };
    }

    public string Text(string name)
    {
        var value = Get(name);
        return value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
    }

    public override string ToString() => _line.GetRawText();

    /// <summary>All lines of a file, in the order of the calls.</summary>
    public static List<WireEvent> Read(string path) =>
        [
            .. File.ReadLines(path)
                .Where(line => line.Length > 0)
                .Select(line => new WireEvent(JsonDocument.Parse(line).RootElement))
                .OrderBy(each => each.Order),
        ];

    private JsonElement Get(string name) =>
        _line.TryGetProperty(name, out var value)
            ? value
            : throw new AssertionException($"no {name} in the record {_line.GetRawText()}");
}
