using System.Text.Json;
using System.Text.Json.Serialization;

namespace NativeCollectives.Cli.Bench;

/// <summary>How results are written as JSON: names in snake case, and nothing where there is nothing.</summary>
internal static class ResultJson
{
    private static readonly JsonSerializerOptions _options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        WriteIndented = true,
    };

    public static string Of<T>(T result) => JsonSerializer.Serialize(result, _options) + "\n";

    /// <summary>The name that a property has in JSON, and in the other formats.</summary>
    public static string NameOf(string property) => JsonNamingPolicy.SnakeCaseLower.ConvertName(property);
}
