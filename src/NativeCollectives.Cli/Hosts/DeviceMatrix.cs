using System.Text.Json;
using System.Text.Json.Nodes;

namespace NativeCollectives.Cli.Hosts;

/// <summary>
/// Which RDMA devices join which ranks: entry [i][j] has the names of rank i's devices on the cables to rank j. What it
/// must be: docs/jaccl.md. In a file MLX writes it as <c>[[null,"rdma_en2"],["rdma_en2",null]]</c>, with a list of names
/// where there are several cables.
/// </summary>
/// <param name="Rows">A row for each rank.</param>
internal sealed record DeviceMatrix(IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> Rows)
{
    /// <summary>A mesh has no more ranks.</summary>
    public const int MostMeshRanks = 8;

    private const long MiB = 1 << 20;

    public int Size => Rows.Count;

    /// <summary>Whether it is one: a row and a column for each rank.</summary>
    public bool IsSquare => Rows.All(row => row.Count == Size);

    /// <summary>Whether every rank has a cable to every other.</summary>
    public bool IsMesh => Size >= 2 && WhyNoMesh() is null && Size <= MostMeshRanks;

    /// <summary>All devices that are named in the row of a rank.</summary>
    public IEnumerable<string> DevicesOf(int rank) => Rows[rank].SelectMany(static names => names).Distinct();

    /// <summary>How much memory each rank locks for a group with large frames.</summary>
    public long LockedBytes(bool ring) => ring ? 4 * MiB * Rows[0][1].Count : (2 * MiB * (Size - 1)) + MiB;

    /// <summary>Reads the file of an option <c>--device-file</c>.</summary>
    /// <exception cref="ToolException">The file cannot be read, or holds no square matrix.</exception>
    public static DeviceMatrix Read(string path)
    {
        try
        {
            using JsonDocument document = WholeJson.Parse(SmallFile.ReadText(path));
            List<List<IReadOnlyList<string>>> rows =
            [
                .. document.RootElement.EnumerateArray().Select(row => row.EnumerateArray().Select(Names).ToList()),
            ];
            return rows.All(row => row.Count == rows.Count)
                ? new DeviceMatrix(rows)
                : throw ToolException.Usage(
                    $"--device-file {path} holds no device matrix: it has {rows.Count} rows, and each must have as "
                        + "many entries."
                );
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw ToolException.Usage($"--device-file {path} cannot be read: {exception.Message}");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw ToolException.Usage(
                $"""--device-file {path} holds no device matrix, such as [[null,"rdma_en2"],["rdma_en2",null]]: """
                    + exception.Message
            );
        }
    }

    /// <summary>The text of a file that <see cref="Read"/> reads, as MLX writes it.</summary>
    public string ToJson() => new JsonArray([.. Rows.Select(ToJson)]).ToJsonString();

    /// <summary>A row of it.</summary>
    public static JsonArray ToJson(IReadOnlyList<IReadOnlyList<string>> row) =>
        new([
            .. row.Select(names =>
                names.Count switch
                {
                    0 => null,
                    1 => (JsonNode?)JsonValue.Create(names[0]),
                    _ => new JsonArray([.. names.Select(name => (JsonNode?)JsonValue.Create(name))]),
                }
            ),
        ]);

    /// <summary>Why it makes no mesh; null: it does.</summary>
    public string? WhyNoMesh()
    {
        for (int i = 0; i < Size; i++)
        {
            for (int j = 0; j < Size; j++)
            {
                if (i == j && Rows[i][j].Count > 0)
                {
                    return $"entry [{i}][{j}] names a device of a rank on a cable to itself";
                }

                if (i != j && Rows[i][j].Count == 0)
                {
                    return $"entry [{i}][{j}] is empty, so that there is no cable between these ranks";
                }
            }
        }

        return null;
    }

    /// <summary>Why it makes no ring; null: it does.</summary>
    public string? WhyNoRing()
    {
        int wires = Rows[0][1].Count;
        if (wires == 0)
        {
            return "entry [0][1] is empty, so that there is no cable between these neighbours";
        }

        for (int i = 0; i < Size; i++)
        {
            foreach (int j in new[] { (i + Size - 1) % Size, (i + 1) % Size })
            {
                if (Rows[i][j].Count != wires)
                {
                    return $"entry [{i}][{j}] names {Words.Count(Rows[i][j].Count, "device")}, but entry [0][1] "
                        + $"{wires}, "
                        + "and all neighbours must be joined by as many cables";
                }
            }
        }

        return null;
    }

    private static IReadOnlyList<string> Names(JsonElement entry) =>
        entry.ValueKind switch
        {
            JsonValueKind.Null => [],
            JsonValueKind.Array => [.. entry.EnumerateArray().Select(name => name.GetString()!)],
            _ => [entry.GetString()!],
        };
}
