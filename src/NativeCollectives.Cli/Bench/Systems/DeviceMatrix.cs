using System.Text.Json;

namespace NativeCollectives.Cli.Bench;

/// <summary>
/// JACCL's device matrix in a file, as MLX writes it: <c>[[null,"rdma_en2"],["rdma_en2",null]]</c>, with a list of
/// names where there are several cables.
/// </summary>
internal static class DeviceMatrix
{
    /// <exception cref="ToolException">The file cannot be read, or holds no square matrix.</exception>
    public static IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> Read(string path)
    {
        try
        {
            using JsonDocument document = WholeJson.Parse(SmallFile.ReadText(path));
            List<List<IReadOnlyList<string>>> rows =
            [
                .. document.RootElement.EnumerateArray().Select(row => row.EnumerateArray().Select(Names).ToList()),
            ];
            return rows.All(row => row.Count == rows.Count)
                ? rows
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

    private static IReadOnlyList<string> Names(JsonElement entry) =>
        entry.ValueKind switch
        {
            JsonValueKind.Null => [],
            JsonValueKind.Array => [.. entry.EnumerateArray().Select(name => name.GetString()!)],
            _ => [entry.GetString()!],
        };
}
