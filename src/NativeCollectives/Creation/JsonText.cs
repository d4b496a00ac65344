using System.Text;
using System.Text.Json;

namespace NativeCollectives;

/// <summary>Settings that are JSON texts.</summary>
internal static class JsonText
{
    internal static string Write(Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            write(json);
        }

        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    internal static void WriteArray(this Utf8JsonWriter json, IEnumerable<string> texts)
    {
        json.WriteStartArray();
        foreach (string text in texts)
        {
            json.WriteStringValue(text);
        }

        json.WriteEndArray();
    }

    /// <summary>Writes an array whose elements are arrays.</summary>
    internal static void WriteArray(this Utf8JsonWriter json, IEnumerable<IEnumerable<string>> rows)
    {
        json.WriteStartArray();
        foreach (IEnumerable<string> row in rows)
        {
            json.WriteArray(row);
        }

        json.WriteEndArray();
    }
}
