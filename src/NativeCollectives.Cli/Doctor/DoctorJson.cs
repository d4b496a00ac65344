using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NativeCollectives.Cli.Doctor;

/// <summary>
/// How doctor's records become JSON: camelCase names, <see langword="null"/> where nothing is known;
/// docs/tool-doctor.md lists them.
/// </summary>
internal static class DoctorJson
{
    public static JsonSerializerOptions Compact { get; } = Make(indented: false);

    public static JsonSerializerOptions Readable { get; } = Make(indented: true);

    private static JsonSerializerOptions Make(bool indented) =>
        new(JsonSerializerDefaults.Web)
        {
            WriteIndented = indented,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            NumberHandling = JsonNumberHandling.Strict,
        };
}
