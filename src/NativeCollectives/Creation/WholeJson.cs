using System.Text.Json;

namespace NativeCollectives;

/// <summary>JSON out of files and variables, all of whose texts can be read.</summary>
internal static class WholeJson
{
    /// <summary>Parses a text.</summary>
    /// <exception cref="JsonException">It is not JSON, or a text in it is not Unicode.</exception>
    internal static JsonDocument Parse(string json) => Checked(JsonDocument.Parse(json));

    /// <inheritdoc cref="Parse(string)"/>
    internal static JsonDocument Parse(ReadOnlyMemory<byte> json) => Checked(JsonDocument.Parse(json));

    private static JsonDocument Checked(JsonDocument document)
    {
        try
        {
            Check(document.RootElement);
            return document;
        }
        catch (InvalidOperationException)
        {
            document.Dispose();
            throw new JsonException(
                "A text in it has half of a surrogate pair, such as \\ud800, which is no character."
            );
        }
    }

    // Escapes are read only where somebody asks for a text, who would have to expect this.
    private static void Check(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                _ = element.GetString();
                break;
            case JsonValueKind.Array:
                foreach (JsonElement item in element.EnumerateArray())
                {
                    Check(item);
                }

                break;
            case JsonValueKind.Object:
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    _ = property.Name;
                    Check(property.Value);
                }

                break;
        }
    }
}
