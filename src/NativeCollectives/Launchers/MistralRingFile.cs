using System.Net;
using System.Text.Json;

namespace NativeCollectives;

/// <summary>
/// The file that describes mistral.rs's ring to one of its ranks. NativeCollectives.Hosting makes a ring of it.
/// </summary>
internal sealed record MistralRingFile(int Rank, int Size, int Port, string RightHost, int RightPort)
{
    /// <summary>The variable with the path of the file.</summary>
    internal const string Variable = "RING_CONFIG";

    /// <summary>Reads a file.</summary>
    /// <exception cref="FormatException">It describes no ring; the message goes on from the file's path.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read, or is a folder.</exception>
    internal static MistralRingFile Read(string path)
    {
        byte[] bytes = SmallFile.ReadBytes(path);
        try
        {
            using var json = WholeJson.Parse(bytes);
            JsonElement root = json.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                throw new FormatException("holds no JSON object.");
            }

            int size = Number(root, "world_size", 2, int.MaxValue);
            return new MistralRingFile(
                Number(root, "rank", 0, size - 1),
                size,
                Number(root, "port", 1, HostAndPort.MaxPort),
                Host(root, "right_ip"),
                Number(root, "right_port", 1, HostAndPort.MaxPort)
            );
        }
        catch (JsonException exception)
        {
            throw new FormatException($"is not JSON: {exception.Message}", exception);
        }
    }

    private static int Number(JsonElement root, string name, int least, int greatest)
    {
        string expected = $"but should be a number from {least}{(greatest == int.MaxValue ? "" : $" to {greatest}")}.";
        if (!root.TryGetProperty(name, out JsonElement element))
        {
            throw new FormatException($"has no \"{name}\", {expected}");
        }

        return
            element.ValueKind == JsonValueKind.Number
            && element.TryGetInt32(out int number)
            && number >= least
            && number <= greatest
            ? number
            : throw new FormatException($"has {Shown(element)} as \"{name}\", {expected}");
    }

    // A file that is not mistral.rs's can hold anything.
    private static string Shown(JsonElement element) =>
        element.GetRawText() is { Length: <= 80 } text ? text : "something long";

    // Without one the neighbour is on this host, as with the address that means any.
    private static string Host(JsonElement root, string name)
    {
        if (!root.TryGetProperty(name, out JsonElement element) || element.ValueKind == JsonValueKind.Null)
        {
            return IPAddress.Loopback.ToString();
        }

        string? text = element.ValueKind == JsonValueKind.String ? element.GetString() : null;
        if (!IPAddress.TryParse(text, out IPAddress? address))
        {
            throw new FormatException($"has {Shown(element)} as \"{name}\", but should have an IP address.");
        }

        return (address.Equals(IPAddress.Any) ? IPAddress.Loopback : address).ToString();
    }
}
