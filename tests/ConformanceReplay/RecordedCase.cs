using System.Text.Json;
using System.Text.Json.Serialization;

namespace NativeCollectives.ConformanceReplay;

/// <summary>
/// What one rank of a ring of MLX was given, sent, received and computed (tests/vectors/mlx-ring/README.md).
/// </summary>
public sealed record RecordedCase
{
    public required string Folder { get; init; }
    public required int Size { get; init; }
    public required int Rank { get; init; }
    public required int Sockets { get; init; }

    /// <summary>The files of results, in order.</summary>
    public required IReadOnlyList<string> Outputs { get; init; }

    public string Name => Path.GetFileName(Folder);

    public static RecordedCase Read(string folder)
    {
        var text = System.IO.File.ReadAllText(Path.Combine(folder, "case.json"));
        var content =
            JsonSerializer.Deserialize(text, CaseContext.Default.Content)
            ?? throw new InvalidDataException($"{folder}: case.json is empty");
        return new RecordedCase
        {
            Folder = Path.GetFullPath(folder),
            Size = content.Size,
            Rank = content.Rank,
            Sockets = content.Sockets,
            Outputs = [.. content.Operations.Select(operation => operation.Output).OfType<string>()],
        };
    }

    public byte[] File(string name) => System.IO.File.ReadAllBytes(Path.Combine(Folder, name));

    internal sealed record Content(int Size, int Rank, int Sockets, Operation[] Operations);

    internal sealed record Operation(string? Output);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(RecordedCase.Content))]
internal sealed partial class CaseContext : JsonSerializerContext;
